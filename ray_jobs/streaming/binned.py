"""LightGBM's binned form of a table, filled batch by batch: one byte for most numbers, and never the whole matrix.

The bins come from a sample (a reference data set); rows are then pushed into an empty data set of a known number of
rows. LightGBM's own `Sequence` path does the same; it wants all rows to be at hand at any time, which a stream's are
not, so its two inner calls are called here.
"""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from ray_jobs.streaming.order import Values


class BinnedRows:
    """A lightgbm.Dataset in the making."""

    def __init__(self, reference: Any, rows: int, *, weighted: bool) -> None:
        """`reference`: a constructed lightgbm.Dataset of a sample. `rows`: exactly as many as will be added."""
        self._data = lightgbm.Dataset(None, params=dict(reference.params), free_raw_data=True)
        self._data._init_from_ref_dataset(rows, reference._handle)
        self._data._start_row = 0
        self._labels = np.empty(rows, dtype=np.float32)
        self._weights = np.empty(rows, dtype=np.float32) if weighted else None
        self.added = 0

    def add(self, matrix: NDArray[np.float64], values: Values, weights: NDArray[np.float32] | None = None) -> None:
        """Some more rows."""
        if not len(matrix):
            return
        end = self.added + len(matrix)
        self._data._push_rows(np.ascontiguousarray(matrix))
        self._labels[self.added : end] = values
        if self._weights is not None:
            self._weights[self.added : end] = weights
        self.added = end

    def finished(self) -> Any:
        """The data set. Raises ValueError where rows are missing: LightGBM would read what was never written."""
        if self.added != len(self._labels):
            raise ValueError(f"{self.added} rows of {len(self._labels)}")
        self._data.set_label(self._labels)
        self._data.label = None  # LightGBM has its own copy
        if self._weights is not None:
            self._data.set_weight(self._weights)
            self._data.weight = None
        del self._labels, self._weights
        return self._data
