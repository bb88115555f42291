"""Orders to auto on scikit-learn's tables, and a search as a Ray task of its own."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import datasets

from ray_jobs.auto import AutoOrder, Found, RayRunner, search
from ray_jobs.auto.losses import row_losses, shown, told
from ray_jobs.catalogue import Step
from ray_jobs.schema import Column
from ray_jobs.spec import Task
from ray_jobs.splitting import RowKeys, split_rows
from sealing.processes import descendants

_LOAD: dict[str, tuple[Any, Task]] = {
    "wine": (datasets.load_wine, "classification"),
    "cancer": (datasets.load_breast_cancer, "classification"),
    "digits": (datasets.load_digits, "classification"),
    "diabetes": (datasets.load_diabetes, "regression"),
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An order, and the rows that it does not get."""

    order: AutoOrder
    unseen: pd.DataFrame
    truth: NDArray[Any]

    def loss(self, outputs: Any) -> float:
        losses = row_losses(self.order.task, told(self.order.task, outputs, self.truth), self.truth)
        return shown(self.order.task, float(losses.mean()))


def asked(name: str, scratch: Path, *, budget: float, seed: int = 0, threads: int = 2) -> Asked:
    load, task = _LOAD[name]
    data = load(as_frame=True)
    values = data.target.to_numpy(dtype=np.int64 if task == "classification" else np.float64)
    # A column that is the same in every row is left out before any training.
    frame = data.data.loc[:, data.data.nunique() > 1]
    keys = RowKeys(codes=values if task == "classification" else None)
    train, test = split_rows(keys, len(values), 0.25, seed)
    scratch.mkdir(parents=True)
    order = AutoOrder(
        frame=frame.iloc[train],
        columns=tuple(Column(name=str(column), kind="number") for column in frame),
        values=values[train],
        task=task,
        classes=int(values.max()) + 1 if task == "classification" else 0,
        keys=keys.at(train),
        seed=seed,
        threads=threads,
        budget=budget,
        memory=4 * 2**30,
        scratch=scratch,
    )
    return Asked(order=order, unseen=frame.iloc[test], truth=values[test])


def ended(steps: Generator[Step, None, Found], seen: list[Step] | None = None) -> Found:
    """Goes through the steps, which are added to `seen`."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            found: Found = end.value
            return found
        if seen is not None:
            seen.append(step)


def search_in_task(order: AutoOrder, pin: dict[str, float]) -> Found:
    """What the job's task does. Like that, it ends its process when it is cancelled (ray_jobs.work.run_job)."""
    try:
        return ended(search(order, RayRunner(pin, order.threads, "job1234")))
    except KeyboardInterrupt:
        os._exit(1)


def tasks_of(beginning: str) -> dict[int, str]:
    """Processes of this test run's own Ray whose task's name begins so: pid -> the name."""
    found = {}
    for process in descendants():
        title = " ".join(process.command).strip()
        if process.state != "Z" and title.startswith(f"ray::{beginning}"):
            found[process.pid] = title.removeprefix("ray::")
    return found
