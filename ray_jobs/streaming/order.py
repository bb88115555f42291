"""What a streamed training is asked for, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.catalogue import Entry
from ray_jobs.models import FittedModel
from ray_jobs.schema import Column
from ray_jobs.spec import Split, Task
from ray_jobs.target import Classes

Values = NDArray[np.float64] | NDArray[np.int64]


class RowSource(Protocol):
    """A table that can be read from the start as often as one likes. `ray_jobs.reading.Source` is one."""

    @property
    def bytes(self) -> int: ...

    def rows(self) -> tuple[int, bool]:
        """How many, and whether that is exact."""

    def batches(self, columns: tuple[Column, ...] | None = None, rows: int = 65_536) -> Iterator[pd.DataFrame]:
        """The rows in order, at most `rows` at a time, conformed to `columns`."""


@dataclass(frozen=True, kw_only=True)
class StreamOrder:
    """One training on a table that is not held in memory."""

    source: RowSource
    target: str  #: the column's name in the source
    columns: tuple[Column, ...]  #: to learn from
    sample: pd.DataFrame  #: `source.sample()`, all columns: what the split's column is, and how wide rows are
    task: Task
    classes: Classes | None  #: of the target, as a sample had it; other labels that turn up later are added
    entry: Entry  #: `streamed_entry(spec.model)`
    parameters: Any  #: an instance of the entry's own `parameters`
    split: Split
    test_source: RowSource | None = None  #: of a FileSplit
    seed: int
    threads: int
    memory: int  #: bytes that this process may have in memory, what it has already counted in
    scratch: Path  #: a folder for unfinished files; made if it is missing
    disk: int = 0  #: bytes that may be written there; 0: none
    deadline: float | None = None  #: `time.monotonic()` at which to stop with what there is, where that is possible
    automatic: bool = False  #: the spec said auto


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """A trained model, and samples of what it saw and what it did not, each row conformed to the order's columns."""

    model: FittedModel
    how: str  #: how it was learned, in a sentence or two for people
    classes: Classes | None  #: all labels that the model knows
    rows_train: int  #: rows that the model learned from
    rows_test: int  #: rows that were held out
    test_frame: pd.DataFrame  #: a sample of the held-out rows
    test_values: Values
    train_frame: pd.DataFrame  #: a sample of the training rows
    train_values: Values
    warnings: tuple[str, ...] = ()
