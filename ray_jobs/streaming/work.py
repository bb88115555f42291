"""What the first reading leaves to whatever learns from the rows."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.catalogue import Step
from ray_jobs.models import FittedModel
from ray_jobs.streaming.order import StreamOrder, Values
from ray_jobs.streaming.plan import Plan
from ray_jobs.streaming.survey import Batch, Reading, Survey
from ray_jobs.streaming.watch import Watch
from ray_jobs.target import Classes


@dataclass(frozen=True, kw_only=True)
class Work:
    """A table that was read once."""

    order: StreamOrder
    reading: Reading
    survey: Survey
    plan: Plan
    watch: Watch
    classes: Classes | None
    frame: pd.DataFrame  #: a sample of the training rows, the order's columns
    values: Values  #: its targets

    @property
    def class_count(self) -> int:
        return len(self.classes.labels) if self.classes else 0

    def targets(self, batch: Batch, rows: NDArray[np.bool_]) -> Values:
        return self.reading.target.values(batch.frame.loc[rows], self.classes)

    def features(self, batch: Batch, rows: NDArray[np.bool_]) -> pd.DataFrame:
        return batch.frame.loc[rows, [column.name for column in self.order.columns]]


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A model and where it came from."""

    model: FittedModel
    rows: int  #: that it learned from
    how: str


Learning = Generator[Step, None, Learned]
