"""LightGBM on all rows of a table that does not fit: only its binned form is in memory."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

from ray_jobs.catalogue import Step
from ray_jobs.catalogue.lightgbm import booster_settings
from ray_jobs.features import category_count
from ray_jobs.memory import give_back
from ray_jobs.models import BoosterModel
from ray_jobs.preparation import Prepared, learning, prepared
from ray_jobs.rounds import Rounds, grown
from ray_jobs.streaming.binned import BinnedRows
from ray_jobs.streaming.plan import FEWEST_ROWS, lightgbm_bytes, steady
from ray_jobs.streaming.sides import SHARE, hashed, share_border
from ray_jobs.streaming.watch import MB, OverBudget
from ray_jobs.streaming.work import READ_AGAIN, SURVEYED, Learned, Learning, Work, within

#: Of the memory that is left, for what the batches and the trees take.
_KEPT_FREE = 0.15
#: Bytes of one bin in a histogram; each final group of a tree has a histogram of every column.
_HISTOGRAM = 16


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The rows to learn from: all training rows, or a random share of them."""

    rows: int
    share: float
    row_bytes: int
    histograms: int  #: bytes that they may take


def learn(work: Work) -> Learning:
    """Reads the table a second time, into bins, then boosts round by round."""
    sample = prepared(work.training, "boosting", order="C")
    chosen = _choose(work, sample.matrix.shape[1])
    settings = booster_settings(work.training, chosen.rows)
    # What is rare in the sample need not be rare among all rows.
    settings["feature_pre_filter"] = False
    settings["histogram_pool_size"] = chosen.histograms / 2**20
    with learning(lightgbm.basic.LightGBMError), memory_errors():
        data = yield from _fill(work, sample, settings, chosen)
        give_back()
        booster = lightgbm.Booster(settings, data)
        rounds = Rounds(work.training, work.order.parameters.n_estimators, "n_estimators")
        kept = yield from within(grown(rounds, lambda _: bool(booster.update()), None), READ_AGAIN, 1.0, work.watch)
        # As text and back: without the data; just what will be loaded.
        whole = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=kept))
    model = BoosterModel(
        preprocessing=sample.features,
        booster=whole,
        classes=work.class_count,
        target=sample.target,
        rounds=kept,
        notes=sample.notes,
    )
    return Learned(model=model, rows=chosen.rows, how=_how(work, chosen, late=rounds.over and kept < rounds.most))


@contextmanager
def memory_errors() -> Iterator[None]:
    """LightGBM's word for a lack of memory as Python's own."""
    try:
        yield
    except lightgbm.basic.LightGBMError as error:
        if "alloc" in str(error):
            raise MemoryError from error
        raise


def _choose(work: Work, width: int) -> Chosen:
    """As many rows as fit. Raises OverBudget where too few do."""
    parameters = work.order.parameters
    row_bytes = lightgbm_bytes(parameters, width, work.class_count)
    left, total = work.watch.left(), work.survey.rows_train
    histograms = min(parameters.num_leaves * width * parameters.max_bin * _HISTOGRAM, steady(left // 4))
    room = int((1 - _KEPT_FREE) * left) - histograms
    if total * row_bytes <= room:
        return Chosen(rows=total, share=1.0, row_bytes=row_bytes, histograms=histograms)
    fitting = steady(room // row_bytes, steps=8)
    if fitting < FEWEST_ROWS:
        raise OverBudget(work.watch.limit - room + row_bytes * FEWEST_ROWS, work.watch.limit)
    # How many a random share has is only nearly known, and LightGBM wants to know it exactly: six standard deviations
    # fewer are always there, and what comes after them is left out.
    rows = int(fitting - 6 * math.sqrt(fitting))
    return Chosen(rows=rows, share=fitting / total, row_bytes=row_bytes, histograms=histograms)


def _fill(work: Work, sample: Prepared, settings: dict[str, Any], chosen: Chosen) -> Generator[Step, None, Any]:
    """The binned rows as a lightgbm.Dataset. Raises OverBudget."""
    categories = list(range(category_count(work.order.columns)))
    reference = lightgbm.Dataset(sample.matrix, sample.values, categorical_feature=categories, params=settings)
    weights = _weights(work)
    binned = BinnedRows(reference.construct(), chosen.rows, weighted=weights is not None)
    border = share_border(chosen.share)
    for batch in work.reading.batches():
        rows = ~batch.tested
        if chosen.share < 1:
            rows &= hashed(batch.places, work.order.seed, SHARE) < border
        rows[np.flatnonzero(rows)[chosen.rows - binned.added :]] = False
        if rows.any():
            values = work.targets(batch, rows)
            learned = values if work.classes else sample.learned(values.astype(np.float64))
            matrix = sample.features.transform(work.features(batch, rows))
            binned.add(matrix, learned, None if weights is None else weights[values.astype(np.int64)])
        yield work.reading.step("reading into bins", batch.passed, work.watch.check(), SURVEYED, READ_AGAIN)
    return binned.finished()


def _weights(work: Work) -> Any:
    """A weight for each class, where the parameters want the rare ones to count as much as the common ones."""
    if work.classes is None or work.order.parameters.class_weight is None:
        return None
    counts = work.reading.target.counted(work.survey.labels, work.classes)
    return (counts.sum() / (len(counts) * counts)).astype(np.float32)


def _how(work: Work, chosen: Chosen, *, late: bool) -> str:
    total = work.survey.rows_train
    which = (
        f"all {total:,} training rows"
        if chosen.rows == total
        else f"{chosen.rows:,} of the {total:,} training rows, chosen at random, as many as the memory holds"
    )
    told = [
        f"The table does not fit in memory: LightGBM learned from {which}, read in batches into its binned form "
        f"({chosen.row_bytes} bytes a row, {chosen.rows * chosen.row_bytes // MB:,} MB)."
    ]
    if work.order.automatic:
        told.append("Nothing else was compared with it.")
    if late:
        told.append("It stopped before the last round, since the time was used up.")
    return " ".join(told)
