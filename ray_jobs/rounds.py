"""Learning in rounds (trees, epochs): how many there may be, when to stop, when to report."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

import numpy as np

from ray_jobs.catalogue import Step, Training

#: Where held-out rows say when to stop, there may be so many, unless the person set a number.
MOST_ROUNDS = 10_000
#: From more classes on there are fewer rounds than the default.
_CLASSES = 100
#: Seconds between two reports.
_PACE = 0.5


class Rounds:
    """Counts rounds and remembers the best.

    most: what the parameters say. named: the parameter that says it; where the person left it alone there are fewer
    rounds for very many classes, and held-out rows decide, up to 10,000; "": it is a limit in any case. watched:
    whether a loss on rows that are not learned from will be told; None: where `training.held` are there.
    """

    def __init__(
        self,
        training: Training,
        most: int,
        named: str = "",
        *,
        patience: int | None = None,
        watched: bool | None = None,
    ) -> None:
        if watched is None:
            watched = training.held is not None and training.rounds is None
        patience = patience or patience_for(len(training.values))
        if training.rounds is not None:
            most = training.rounds
        elif named and named not in training.parameters.model_fields_set:
            most = fewer(MOST_ROUNDS if watched else most, training.classes)
            patience = fewer(patience, training.classes)
        self.most = most
        self.done = 0
        self.best = 0
        self.least_loss = float("inf")
        self.patience = patience if watched else most
        self._deadline = None if training.rounds is not None else training.deadline
        self._told = time.monotonic()

    def count(self, loss: float | None = None) -> None:
        """One more round is done, and the held-out rows then had this loss."""
        self.done += 1
        if loss is None or loss < self.least_loss:
            self.best = self.done
            self.least_loss = loss if loss is not None else self.least_loss

    @property
    def over(self) -> bool:
        late = self._deadline is not None and self.done > 0 and time.monotonic() >= self._deadline
        return late or self.done >= self.most or self.done - self.best >= self.patience

    def report(self, what: str, loss: float | None = None) -> Step | None:
        """A step, where the last report is a while ago."""
        now = time.monotonic()
        if now < self._told + _PACE and not self.over:
            return None
        self._told = now
        told = {} if loss is None or not np.isfinite(loss) else {"loss": float(loss)}
        return Step(name=f"{what} {self.done} of at most {self.most}", fraction=self.done / self.most, metrics=told)


def fewer(rounds: int, classes: int) -> int:
    """Rounds, of which each is a tree for each class, or a tree as large as there are classes: fewer for very many."""
    return rounds if classes <= _CLASSES else min(rounds, max(10, rounds * _CLASSES // classes))


def patience_for(rows: int) -> int:
    """Rounds without improvement before boosting stops: AutoGluon's rule, 300 up to 10,000 rows, then fewer, at least
    20 (autogluon.tabular.models.lgb: get_early_stopping_rounds).
    """
    return max(20, round(300 * min(1.0, 10_000 / rows)))


def grown(rounds: Rounds, add: Callable[[int], bool], loss: Callable[[], float] | None) -> Generator[Step, None, int]:
    """Adds one tree after the other; returns how many are best kept.

    add: makes the round of that number, and says whether no further one can change anything. loss: of the held-out
    rows.
    """
    while not rounds.over:
        finished = add(rounds.done)
        if finished and rounds.done:
            break
        measured = loss() if loss else None
        rounds.count(measured)
        if step := rounds.report("tree", measured):
            yield step
        if finished:
            break
    return rounds.best
