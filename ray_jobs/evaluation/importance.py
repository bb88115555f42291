"""Which columns a model leans on: how much worse it gets when one of them is shuffled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.evaluation.classification import log_loss
from ray_jobs.evaluation.regression import root_mean_square
from ray_jobs.models import FittedModel
from ray_jobs.spec import Task

Truth = NDArray[np.float64] | NDArray[np.int64]
#: The position of a column, and the order into which its rows are mixed.
Shuffle = tuple[int, NDArray[np.int64]]

#: Shuffled copies are stacked, since each call of a model costs something besides its rows; up to so many cells.
_MOST_CELLS = 2_000_000
_MOST_STACKED = 50_000
_FEWEST_ROWS = 200
_FIRST_COPIES = 4


def permutation_importance(
    model: FittedModel,
    frame: pd.DataFrame,
    task: Task,
    truth: Truth,
    *,
    seed: int,
    deadline: float | None = None,
    rows: int = 2000,
    repeats: int = 3,
) -> tuple[tuple[str, float], ...]:
    """Every column of `frame`, held-out rows as the model takes them, with how much the log loss (classification) or
    the RMSE (regression) grows when it is shuffled; the most important first. Below zero: chance.

    `rows`: of at most so many rows, drawn by `seed`; each column is shuffled `repeats` times. `deadline`:
    `time.monotonic()` at which to stop; with little time there are fewer rows and repeats, and columns that were not
    reached are left out.
    """
    rng = np.random.default_rng(seed)
    frame, truth = _drawn(frame, task, truth, rows, rng)
    if len(frame) < 2 or (deadline is not None and time.monotonic() >= deadline):
        return ()
    if deadline is not None:
        frame, truth = _fewer(model, frame, truth, deadline)
    before = _loss(task, truth, model.outputs(frame))
    losses = _shuffled_losses(model, frame, task, truth, _shuffles(frame, repeats, rng), deadline)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is left out
        grown = [(str(frame.columns[column]), float(np.mean(each)) - before) for column, each in losses.items()]
    return tuple(sorted((pair for pair in grown if np.isfinite(pair[1])), key=lambda pair: -pair[1]))


def _shuffled_losses(
    model: FittedModel,
    frame: pd.DataFrame,
    task: Task,
    truth: Truth,
    shuffles: Iterator[Shuffle],
    deadline: float | None,
) -> dict[int, list[float]]:
    """The losses with each column shuffled, by its position. How many copies go into a call is found by trying: with
    a deadline as many as keep a call below a tenth of the time that is left.
    """
    most = max(1, min(_MOST_STACKED, _MOST_CELLS // max(1, frame.shape[1])) // len(frame))
    copies = most if deadline is None else min(most, _FIRST_COPIES)
    found: dict[int, list[float]] = {}
    while batch := list(islice(shuffles, copies)):
        begun = time.monotonic()
        if deadline is not None and begun >= deadline:
            break
        outputs = model.outputs(_stacked(frame, batch))
        for number, (column, _) in enumerate(batch):
            part = outputs[number * len(frame) : (number + 1) * len(frame)]
            found.setdefault(column, []).append(_loss(task, truth, part))
        if deadline is not None:
            now = time.monotonic()
            share = (now - begun) / max(deadline - now, 1e-6)
            copies = min(most, 2 * copies) if share < 0.05 else max(1, copies // 2) if share > 0.1 else copies
    return found


def _fewer(model: FittedModel, frame: pd.DataFrame, truth: Truth, deadline: float) -> tuple[pd.DataFrame, Truth]:
    """As many rows as can be predicted once for each column in the time that is left, but not under 200."""
    model.outputs(frame.iloc[:_FEWEST_ROWS])  # the first call of a model takes longer
    begun = time.monotonic()
    model.outputs(frame.iloc[:_FEWEST_ROWS])
    now = time.monotonic()
    spared = (deadline - now) / max(now - begun, 1e-6) / frame.shape[1]
    kept = int(_FEWEST_ROWS * max(1.0, spared))
    return frame.iloc[:kept], truth[:kept]


def _drawn(
    frame: pd.DataFrame, task: Task, truth: Truth, rows: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, Truth]:
    """At most `rows` rows in random order, so that any first part of them is a sample too; none of unknown label."""
    usable = np.flatnonzero(truth >= 0) if task == "classification" else np.arange(len(truth))
    drawn = rng.permutation(usable)[:rows] if len(usable) < 10 * rows else rng.choice(usable, rows, replace=False)
    return frame.iloc[drawn], truth[drawn]


def _shuffles(frame: pd.DataFrame, repeats: int, rng: np.random.Generator) -> Iterator[Shuffle]:
    """Every column once, in an order of its own, before any comes again: so a deadline rarely leaves one out."""
    for _ in range(repeats):
        for column in range(frame.shape[1]):
            yield column, rng.permutation(len(frame))


def _stacked(frame: pd.DataFrame, batch: list[Shuffle]) -> pd.DataFrame:
    """One copy of the rows for each of `batch`, in each copy one column shuffled."""
    plain = np.arange(len(frame))
    columns = {}
    for position, name in enumerate(frame.columns):
        order = np.concatenate([shuffled if column == position else plain for column, shuffled in batch])
        columns[name] = frame.iloc[:, position].array.take(order)
    return pd.DataFrame(columns)


def _loss(task: Task, truth: Truth, outputs: NDArray[np.float64]) -> float:
    if task == "classification":
        return log_loss(truth.astype(np.int64), outputs)
    with np.errstate(over="ignore", invalid="ignore"):
        return root_mean_square(truth - outputs)
