"""LightGBM on all rows of a table that does not fit: only its binned form is in memory."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

from ray_jobs.catalogue import Step
from ray_jobs.features import category_count, preprocessing
from ray_jobs.models import BoosterModel
from ray_jobs.streaming.binned import BinnedRows
from ray_jobs.streaming.plan import lightgbm_bytes
from ray_jobs.streaming.sides import SHARE, hashed, share_border
from ray_jobs.streaming.watch import MB, OverBudget
from ray_jobs.streaming.work import Learned, Learning, Work

#: Where on the way the second reading begins, and the rounds.
_READING, _ROUNDS = 0.25, 0.5
#: Of the memory that is left, for what the histograms and the batches take.
_KEPT_FREE = 0.15


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The rows to learn from: all training rows, or a random share of them."""

    rows: int
    share: float
    row_bytes: int


def learn(work: Work) -> Learning:
    """Reads the table a second time, into bins, then boosts round by round."""
    features = preprocessing(work.order.columns, "boosting", order="C")
    matrix = features.fit_transform(work.frame)
    settings = _settings(work)
    chosen = _choose(work, matrix.shape[1])
    categories = list(range(category_count(work.order.columns)))
    reference = lightgbm.Dataset(
        matrix, work.values.astype(np.float32), categorical_feature=categories, params=settings
    ).construct()
    del matrix
    data = yield from _fill(work, features, reference, chosen)
    del reference
    booster, rounds, stopped = yield from _boost(work, settings, data)
    booster.free_dataset()
    classes = work.class_count
    model = BoosterModel(preprocessing=features, booster=booster, classes=classes, rounds=rounds)
    return Learned(model=model, rows=chosen.rows, how=_how(work, chosen, stopped))


def _settings(work: Work) -> dict[str, Any]:
    order = work.order
    settings = order.parameters.model_dump(exclude={"class_weight"}, exclude_none=True)
    if order.task == "regression":
        settings["objective"] = "regression"
    elif work.class_count == 2:
        settings["objective"] = "binary"
    else:
        settings |= {"objective": "multiclass", "num_class": work.class_count}
    return settings | {
        "seed": order.seed,
        "num_threads": order.threads,
        "verbosity": -1,
        # The other layout holds the bins twice.
        "force_col_wise": True,
        "deterministic": True,
        # What is rare in the sample need not be rare among all rows.
        "feature_pre_filter": False,
    }


def _choose(work: Work, width: int) -> Chosen:
    """As many rows as fit."""
    targets = work.class_count if work.class_count > 2 else 1
    row_bytes = lightgbm_bytes(width, targets, weighted=_weights(work) is not None)
    room, total = int((1 - _KEPT_FREE) * work.watch.left()), work.survey.rows_train
    if total * row_bytes <= room:
        return Chosen(rows=total, share=1.0, row_bytes=row_bytes)
    fitting = room // row_bytes
    if fitting < work.plan.batch_rows:
        raise OverBudget(work.watch.limit + row_bytes * work.plan.batch_rows, work.watch.limit)
    # How many a random share has is only nearly known, and LightGBM wants to know it exactly: six standard deviations
    # fewer are always there, and what comes after them is left out.
    return Chosen(rows=int(fitting - 6 * math.sqrt(fitting)), share=fitting / total, row_bytes=row_bytes)


def _fill(work: Work, features: Any, reference: Any, chosen: Chosen) -> Generator[Step, None, Any]:
    """The binned rows. Raises OverBudget."""
    weights = _weights(work)
    binned = BinnedRows(reference, chosen.rows, weighted=weights is not None)
    border = share_border(chosen.share)
    for batch in work.reading.batches():
        rows = ~batch.tested
        if chosen.share < 1:
            rows &= hashed(batch.places, work.order.seed, SHARE) < border
        left = chosen.rows - binned.added
        rows[np.flatnonzero(rows)[left:]] = False
        if rows.any():
            values = work.targets(batch, rows)
            matrix = features.transform(work.features(batch, rows))
            binned.add(matrix, values, None if weights is None else weights[values.astype(np.int64)])
        yield work.reading.step("reading into bins", batch.passed, work.watch.check(), _READING, _ROUNDS)
    return binned.finished()


def _boost(work: Work, settings: dict[str, Any], data: Any) -> Generator[Step, None, tuple[Any, int, bool]]:
    """The booster, its rounds, and whether the deadline ended it."""
    deadline = work.order.deadline
    rounds = int(settings.pop("n_estimators", 100))
    booster = lightgbm.Booster(params=settings, train_set=data)
    for number in range(1, rounds + 1):
        no_more = booster.update()
        fraction = _ROUNDS + (1 - _ROUNDS) * number / rounds
        yield Step(name=f"round {number} of {rounds}", fraction=fraction, metrics=work.watch.check())
        if no_more:
            break
        if deadline is not None and time.monotonic() >= deadline and number < rounds:
            return booster, number, True
    return booster, booster.current_iteration(), False


def _weights(work: Work) -> Any:
    """A weight for each class, where the parameters want the rare ones to count as much as the frequent ones."""
    if work.classes is None or getattr(work.order.parameters, "class_weight", None) != "balanced":
        return None
    counts = work.reading.target.counted(work.survey.labels, work.classes)
    return (counts.sum() / (len(counts) * counts)).astype(np.float32)


def _how(work: Work, chosen: Chosen, stopped: bool) -> str:
    total = work.survey.rows_train
    which = (
        f"all {total:,} training rows"
        if chosen.rows == total
        else f"{chosen.rows:,} of the {total:,} training rows, chosen at random, as many as the memory holds,"
    )
    told = [f"The table does not fit in memory: LightGBM learned from {which} read in batches into its binned form."]
    if work.order.automatic:
        told.append("Nothing else was compared with it.")
    if stopped:
        told.append("It stopped before the last round, since the time was used up.")
    told.append(f"At {chosen.row_bytes} bytes a row that took {chosen.rows * chosen.row_bytes // MB:,} MB.")
    return " ".join(told)
