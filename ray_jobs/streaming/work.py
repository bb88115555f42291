"""What the first reading leaves to whatever learns from the rows."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.catalogue import Step, Training
from ray_jobs.models import FittedModel
from ray_jobs.streaming.order import StreamOrder, Values
from ray_jobs.streaming.plan import Plan
from ray_jobs.streaming.survey import Batch, Reading, Survey
from ray_jobs.streaming.watch import Watch
from ray_jobs.target import Classes

T = TypeVar("T")

#: Where on the way the first reading ends, and where the second.
SURVEYED, READ_AGAIN = 0.25, 0.5
#: Seconds between two steps.
_PACE = 0.5


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
    def training(self) -> Training:
        """The sample, as an entry's fit takes it."""
        order = self.order
        return Training(
            frame=self.frame,
            columns=order.columns,
            values=self.values,
            task=order.task,
            classes=self.class_count,
            parameters=order.parameters,
            seed=order.seed,
            threads=order.threads,
            deadline=order.deadline,
        )

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


def within(steps: Generator[Step, None, T], begin: float, end: float, watch: Watch) -> Generator[Step, None, T]:
    """The steps with their fractions between `begin` and `end` of the whole, and the memory. Raises OverBudget."""
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            ended: T = stop.value
            return ended
        fraction = None if step.fraction is None else begin + (end - begin) * min(1.0, step.fraction)
        yield replace(step, fraction=fraction, metrics={**step.metrics, **watch.check()})


def paced(steps: Generator[Step, None, T]) -> Generator[Step, None, T]:
    """Not more than two steps a second; those without a fraction always: they tell of something new."""
    told = -_PACE
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            ended: T = stop.value
            return ended
        now = time.monotonic()
        if step.fraction is None or now >= told + _PACE:
            told = now
            yield step
