"""Training on a table that is read batch by batch.

1. The table is read once: rows on each side of the split, labels, a sample of each side.
2. What learns from all rows reads it again, once or several times; what can't learns from the sample.
3. If the process comes near to its memory's end, all that is dropped, and it begins again with half of the room.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator
from typing import Any

import numpy as np

from ray_jobs.catalogue import Step
from ray_jobs.catalogue.keras_network import load_keras
from ray_jobs.memory import give_back
from ray_jobs.problems import Refused, clip
from ray_jobs.spec import ProblemCode
from ray_jobs.streaming.kept import Kept
from ray_jobs.streaming.labels import target_reader
from ray_jobs.streaming.methods import Method, method_of
from ray_jobs.streaming.order import Streamed, StreamOrder
from ray_jobs.streaming.plan import plan_of
from ray_jobs.streaming.sides import All, sides_of
from ray_jobs.streaming.survey import Reading, Survey, survey, survey_other
from ray_jobs.streaming.watch import MB, OverBudget, Watch
from ray_jobs.streaming.work import SURVEYED, Learned, Work, paced
from ray_jobs.target import FEWEST_ROWS

_MODULES: dict[Method, str] = {"boosting": "boosting", "linear": "linear", "network": "network", "sample": "sampled"}
#: Of the memory, what the watch leaves: a batch may be larger than the one before.
_MARGIN = 0.05
_ATTEMPTS = 3


def train_streamed(order: StreamOrder) -> Generator[Step, None, Streamed]:
    """Trains the order's model; yields its steps, with `memory_mb` among the metrics. Raises Refused."""
    return (yield from paced(_attempts(order)))


def _attempts(order: StreamOrder) -> Generator[Step, None, Streamed]:
    method = method_of(order.entry.name, order.parameters)
    learner = importlib.import_module(f"ray_jobs.streaming.{_MODULES[method]}")
    if order.entry.needs == "tensorflow":  # it takes much, which is then not free for the table
        yield Step(name="loading TensorFlow")
        load_keras(order.threads)
    share = 1.0
    for _ in range(_ATTEMPTS):
        try:
            return (yield from _attempt(order, method, learner, share))
        except OverBudget as error:
            over = str(error)
        except MemoryError:
            over = f"more than {order.memory // MB} MB"
        give_back()
        share /= 2
        yield Step(name="beginning again with a smaller sample")
    raise Refused(
        ProblemCode.OUT_OF_MEMORY,
        f"Learning from this table took {over}, even with a quarter of the rows that seemed to fit.",
    )


def _attempt(order: StreamOrder, method: Method, learner: Any, share: float) -> Generator[Step, None, Streamed]:
    watch = Watch(int(order.memory * (1 - _MARGIN)), share)
    target = target_reader(order.target, order.task, order.classes)
    plan = plan_of(order, (*order.columns, target.column), method, watch.left())
    sides = yield from sides_of(order, target, plan.batch_rows)
    columns = {column.name: column for column in (*order.columns, target.column)}
    if sides.column:
        columns.setdefault(sides.column.name, sides.column)
    reading = Reading(
        source=order.source, columns=tuple(columns.values()), target=target, sides=sides, batch_rows=plan.batch_rows
    )
    found = Survey(train=Kept(plan.train_rows), test=Kept(plan.test_rows))
    yield from survey(reading, found, order.seed, watch, 0.0, SURVEYED)
    if order.test_source:
        yield from survey_other(_of_test_table(order, reading), found, order.seed, watch, SURVEYED, SURVEYED)
    _check(order, found)
    frame = found.train.frame()
    classes = None
    if order.classes:
        # What learns from the sample alone knows no other labels; the sample may lack a rare one.
        classes = target.classes(target.counts(frame[order.target]) if method == "sample" else found.labels)
    work = Work(
        order=order,
        reading=reading,
        survey=found,
        plan=plan,
        watch=watch,
        classes=classes,
        frame=frame[[column.name for column in order.columns]],
        values=target.values(frame, classes),
    )
    del frame
    learned: Learned = yield from learner.learn(work)
    give_back()
    return _streamed(work, learned)


def _of_test_table(order: StreamOrder, reading: Reading) -> Reading:
    assert order.test_source is not None
    target = reading.target.column
    return Reading(
        source=order.test_source,
        columns=(*order.columns, target),
        target=reading.target,
        sides=All(test=True),
        batch_rows=reading.batch_rows,
    )


def _check(order: StreamOrder, found: Survey) -> None:
    """Raises Refused where nothing can be learned."""
    shown = clip(order.target, 80)
    if not found.rows_train or not found.rows_test:
        raise Refused(
            ProblemCode.BAD_SPLIT,
            "The split leaves no rows to train on, or none to test on: all rows have the same group or time.",
        )
    if found.rows_train < FEWEST_ROWS:
        raise Refused(
            ProblemCode.TOO_FEW_ROWS, f"Only {found.rows_train} rows have a value in '{shown}'.", subject=order.target
        )
    if len(found.labels) == 1 if order.classes else found.least == found.most:
        raise Refused(
            ProblemCode.TARGET_CONSTANT,
            f"Column '{shown}' has the same value in every training row, so there is nothing to learn.",
            subject=order.target,
        )


def _streamed(work: Work, learned: Learned) -> Streamed:
    found, order = work.survey, work.order
    test = found.test.frame()
    values = work.reading.target.values(test, work.classes)
    # A label that training never saw is -1 and counts as wrong, as it does in memory.
    usable = np.full(len(values), True) if work.classes else np.isfinite(values)
    notes = []
    if found.unknown:
        notes.append(
            f"{found.unknown:,} of {found.rows:,} rows have no value in '{clip(order.target, 80)}' and were left out."
        )
    if not usable.any() or (work.classes and (values < 0).all()):
        raise Refused(ProblemCode.BAD_SPLIT, "No held-out row has a label that the training rows have.")
    return Streamed(
        model=learned.model,
        how=learned.how,
        classes=work.classes,
        rows_train=learned.rows,
        rows_test=found.rows_test,
        test_frame=test.loc[usable, [column.name for column in order.columns]].reset_index(drop=True),
        test_values=values[usable],
        train_frame=work.frame,
        train_values=work.values,
        warnings=(*notes, *learned.model.notes),
    )
