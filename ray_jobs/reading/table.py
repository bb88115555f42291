"""A table in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from ray_jobs.reading.csv_forms import CsvForm
from ray_jobs.reading.files import DataFile

if TYPE_CHECKING:
    from ray_jobs.reading.source import Source


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table in memory. The file stays open as long as `read_table`'s block."""

    file: DataFile
    frame: pd.DataFrame  #: columns are unique strings of at most 256 characters, index 0..n-1, at least one row
    warnings: tuple[str, ...]
    source: Source

    @property
    def csv(self) -> CsvForm | None:
        """How the file is written, where it is a CSV."""
        return self.source.csv

    def raw_rows(self) -> Iterator[list[str]]:
        """The rows as they stand in a CSV, text unchanged, in order, each as wide as the frame. Raises ValueError."""
        for piece in self.source.raw_batches():
            yield from piece
