"""The first reading of a streamed table: how many rows there are on each side, which labels, and samples of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.catalogue import Step
from ray_jobs.problems import Refused, clip
from ray_jobs.schema import Column
from ray_jobs.spec import ProblemCode
from ray_jobs.streaming.kept import Kept
from ray_jobs.streaming.labels import Key, TargetReader, check_number
from ray_jobs.streaming.order import RowSource
from ray_jobs.streaming.sides import TEST_SAMPLE, TRAIN_SAMPLE, All, Hashes, Sides, hashed
from ray_jobs.streaming.watch import Watch


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some rows of a stream whose target is known."""

    frame: pd.DataFrame  #: all columns that were asked for
    places: Hashes  #: the rows' numbers within the table
    tested: NDArray[np.bool_]  #: whether each is a test row
    passed: int  #: rows of the table so far


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a table is read, each time the same way."""

    source: RowSource
    columns: tuple[Column, ...]  #: features, target, and what the sides need
    target: TargetReader
    sides: Sides
    batch_rows: int

    def batches(self) -> Iterator[Batch]:
        """The rows in order, those without a target left out. Raises Refused."""
        passed = 0
        for frame in self.source.batches(self.columns, self.batch_rows):
            places = np.arange(passed, passed + len(frame), dtype=np.uint64)
            passed += len(frame)
            known = self.target.known(frame)
            if not known.all():
                frame, places = frame[known], places[known]
            yield Batch(frame=frame, places=places, tested=self.sides.tested(frame, places), passed=passed)

    def step(self, name: str, passed: int, metrics: dict[str, float], begin: float, end: float) -> Step:
        """Progress within the part of the work that goes from `begin` to `end`."""
        share = min(1.0, passed / max(1, self.source.rows()[0]))
        return Step(name=f"{name}: {passed:,} rows", fraction=begin + (end - begin) * share, metrics=metrics)


@dataclass(kw_only=True)
class Survey:
    """What the first reading found."""

    train: Kept
    test: Kept
    rows: int = 0  #: of the table
    unknown: int = 0  #: of them without a target
    labels: Counter[Key] = field(default_factory=Counter)  #: training rows of each
    least: float = np.inf  #: of a number to be learned: over all training rows
    most: float = -np.inf

    @property
    def rows_train(self) -> int:
        return self.train.passed

    @property
    def rows_test(self) -> int:
        return self.test.passed


def survey(
    reading: Reading, found: Survey, seed: int, watch: Watch, begin: float, end: float
) -> Generator[Step, None, None]:
    """Reads the table once and fills `found`. Raises Refused(TARGET_EMPTY), OverBudget."""
    known = 0
    for batch in reading.batches():
        found.test.add(batch.frame, hashed(batch.places, seed, TEST_SAMPLE), batch.tested)
        found.train.add(batch.frame, hashed(batch.places, seed, TRAIN_SAMPLE), ~batch.tested)
        _count_targets(found, reading.target, batch.frame.loc[~batch.tested, reading.target.column.name])
        known += len(batch.frame)
        found.rows = max(found.rows, batch.passed)
        yield reading.step("first reading", batch.passed, watch.check(), begin, end)
    if not known:
        name = reading.target.column.name
        raise Refused(ProblemCode.TARGET_EMPTY, f"Column '{clip(name, 80)}' has no value in any row.", subject=name)
    found.unknown = found.rows - known


def survey_other(
    reading: Reading, found: Survey, seed: int, watch: Watch, begin: float, end: float
) -> Generator[Step, None, None]:
    """Reads a table of test rows: what it finds are `found`'s test rows."""
    assert isinstance(reading.sides, All)
    for batch in reading.batches():
        found.test.add(batch.frame, hashed(batch.places, seed, TEST_SAMPLE), batch.tested)
        yield reading.step("reading the test table", batch.passed, watch.check(), begin, end)


def _count_targets(found: Survey, target: TargetReader, learned: pd.Series) -> None:
    if target.task == "classification":
        found.labels.update(target.counts(learned))
        check_number(len(found.labels), target.column.name)
    elif len(learned):
        found.least = min(found.least, float(learned.min()))
        found.most = max(found.most, float(learned.max()))
