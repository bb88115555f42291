"""Fits of catalogue entries in this process, without a place, a target column or Ray."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ray_jobs.catalogue import Held, Step, Training, checked_parameters, entry_of
from ray_jobs.models import FittedModel
from ray_jobs.schema import Column, conform, describe


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A conformed table and what is to be learned of each row."""

    frame: pd.DataFrame
    columns: tuple[Column, ...]
    values: NDArray[Any]
    classes: int  #: 0: a number

    def at(self, rows: Any) -> Rows:
        return Rows(frame=self.frame.iloc[rows], columns=self.columns, values=self.values[rows], classes=self.classes)

    @property
    def held(self) -> Held:
        return Held(frame=self.frame, values=self.values)


@dataclass(frozen=True, kw_only=True)
class Fitted:
    model: FittedModel
    steps: list[Step] = field(default_factory=list)


def rows_of(frame: pd.DataFrame, values: Any, classes: int) -> Rows:
    described = tuple(describe(frame[name]) for name in frame.columns)
    columns = tuple(column for column in described if column.kind != "constant")
    kept = np.asarray(values, dtype=np.int64 if classes else np.float64)
    return Rows(frame=conform(frame, columns)[0], columns=columns, values=kept, classes=classes)


def fitted(name: str, rows: Rows, parameters: dict[str, Any] | None = None, **more: Any) -> Fitted:
    """more: fields of Training, such as `held`, `rounds` and `deadline`."""
    entry = entry_of(name)
    settings = {"seed": 0, "threads": 1} | more
    training = Training(
        frame=rows.frame,
        columns=rows.columns,
        values=rows.values,
        task="classification" if rows.classes else "regression",
        classes=rows.classes,
        parameters=checked_parameters(entry, parameters or {}),
        **settings,
    )
    fitting, steps = entry.fit(training), []
    with threadpool_limits(limits=1):  # OpenMP's threads spin where others use the cores too
        while True:
            try:
                steps.append(next(fitting))
            except StopIteration as end:
                return Fitted(model=end.value, steps=steps)
