"""Several passes over the training rows, each in a new random order, for what learns row by row."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.catalogue import Step
from ray_jobs.streaming.order import Values
from ray_jobs.streaming.plan import steady
from ray_jobs.streaming.sides import SHARE, WATCHED, hashed, share_border
from ray_jobs.streaming.spool import Spool
from ray_jobs.streaming.work import Work

#: Of the memory that is left, for one part of the rows, which is copied as it is read and shuffled.
_PART_SHARE, _COPIES = 0.5, 3
#: Of the disk that may be used, how much of it; rows are written packed, and their bytes are counted plain.
_DISK_SHARE = 0.9


class Passes:
    """The training rows of a table, or of so many of them as the disk holds, written there once."""

    def __init__(self, work: Work, spool: Spool, share: float, watched: float) -> None:
        self._work = work
        self._spool = spool
        self._share = share
        self._watched = watched
        self._aside: list[pd.DataFrame] = []
        self.rows_aside = 0

    @property
    def rows(self) -> int:
        return self._spool.rows

    def fill(self, begin: float, end: float) -> Generator[Step, None, None]:
        """Reads the table and writes the rows. Raises OverBudget, Refused(NO_SPACE)."""
        work = self._work
        columns = [*(column.name for column in work.order.columns), work.order.target]
        for batch in work.reading.batches():
            rows = ~batch.tested
            if self._share < 1:
                rows &= hashed(batch.places, work.order.seed, SHARE) < share_border(self._share)
            if self._watched:
                aside = rows & (hashed(batch.places, work.order.seed, WATCHED) < share_border(self._watched))
                self._aside.append(batch.frame.loc[aside, columns])
                self.rows_aside += int(aside.sum())
                rows &= ~aside
            if rows.any():
                self._spool.add(batch.frame.loc[rows, columns], batch.places[rows])
            yield work.reading.step("writing rows to the disk", batch.passed, work.watch.check(), begin, end)

    def blocks(self, number: int, name: str, begin: float, end: float) -> Iterator[tuple[pd.DataFrame, Values, Step]]:
        """All rows in the order of the `number`-th pass: features, targets, and the step to report when they are
        learned. Raises OverBudget.
        """
        work, passed = self._work, 0
        for frame in self._spool.blocks(number, work.plan.batch_rows):
            passed += len(frame)
            values = work.reading.target.values(frame, work.classes)
            share = passed / max(1, self.rows)
            step = Step(name=name, fraction=begin + (end - begin) * share, metrics=work.watch.check())
            yield frame.drop(columns=work.order.target), values, step

    def watched(self) -> tuple[pd.DataFrame, Values]:
        """The training rows that were put aside: not learned from, they say when to stop."""
        frame = pd.concat(self._aside, ignore_index=True)
        self._aside.clear()
        return frame.drop(columns=self._work.order.target), self._work.reading.target.values(frame, self._work.classes)

    def weights(self) -> NDArray[np.float64] | None:
        """A weight for each class, where the parameters want the rare ones to count as much as the common ones."""
        work = self._work
        if work.classes is None or getattr(work.order.parameters, "class_weight", None) is None:
            return None
        counts = work.reading.target.counted(work.survey.labels, work.classes)
        return np.asarray(counts.sum() / (len(counts) * counts))

    def told(self, title: str, way: str) -> str:
        """How it was learned."""
        total = self._work.survey.rows_train
        which = f"all {total:,} training rows"
        if self._share < 1:
            which = f"{self.rows:,} of the {total:,} training rows, chosen at random, as many as the disk holds"
        return f"The table does not fit in memory: {title} learned from {which}, {way}."


def disk_share(work: Work) -> float:
    """Of the training rows, the share that the disk holds; 0 where that is less than the sample."""
    share = _DISK_SHARE * work.order.disk / work.plan.row_bytes / work.survey.rows_train
    return min(1.0, share) if share * work.survey.rows_train >= len(work.frame) else 0.0


@contextmanager
def spooled(work: Work, share: float, watched: float = 0.0) -> Iterator[Passes]:
    """Room on the disk for that share of the training rows; `watched`: the share of these that is put aside."""
    order, row_bytes = work.order, work.plan.row_bytes
    rows, limit = int(share * work.survey.rows_train), int(_DISK_SHARE * order.disk)
    part_rows = max(work.plan.batch_rows, steady(int(_PART_SHARE * work.watch.left()) // (_COPIES * row_bytes)))
    with Spool(order.scratch, rows=rows, part_rows=part_rows, seed=order.seed, limit=limit) as spool:
        yield Passes(work, spool, share, watched)
