"""Who is in the race and how they do: losses on rows that each has not seen, and comparisons row by row.

A model that stops where a fold's own rows get no better has seen these rows after all: on iris such losses were half
of what came later (0.075 in place of 0.2). So while few rows are checked, whoever learns in rounds and gets to the end
is fitted again on each fold, with the rounds that the other folds found; those losses count.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ray_jobs.auto.fitting import Fitted
from ray_jobs.auto.losses import Floats, row_losses, shown
from ray_jobs.auto.table import Positions
from ray_jobs.catalogue import entry_of
from ray_jobs.spec import Candidate, Parameter, Task

#: Lines of a leaderboard.
_LINES = 50
#: Far behind: more than this share of the way from the leader back to the baseline, and more than noise.
_FAR = 0.25
_SURE = 2.0
#: Checked rows up to which whoever learns in rounds is checked twice.
_FEW = 5_000


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One fit, checked: one number for each row (ray_jobs.auto.losses), and the loss of each."""

    seconds: float
    rounds: int | None
    said: Floats
    losses: Floats
    total: float  #: of the losses


@dataclass(kw_only=True, eq=False)
class Entrant:
    """One candidate: an entry with parameters."""

    name: str
    model: str
    parameters: dict[str, Parameter] = field(default_factory=dict)  #: those that are not the entry's defaults
    trial: int | None = None  #: of the entry's tuning
    done: dict[str, Checked] = field(default_factory=dict)  #: by part
    again: dict[str, Checked] = field(default_factory=dict)  #: by part, with the rounds that the other parts found
    running: set[str] = field(default_factory=set)  #: parts
    out: bool = False  #: it failed, or was stopped; `note` says which
    behind: bool = False  #: it was stopped because it was far behind
    note: str = ""

    @property
    def stopped(self) -> bool:
        """Whether rows that it is checked on say when it stops: boosting and networks, not a forest."""
        family = entry_of(self.model).family
        return family in ("boosting", "network") and any(one.rounds is not None for one in self.done.values())

    @property
    def seconds(self) -> float:
        return sum(checked.seconds for checked in (*self.done.values(), *self.again.values()))

    def rounds_but(self, part: str) -> int:
        """The median of the rounds of all parts but one: where few rows say when to stop, some say never."""
        known = {name: checked.rounds for name, checked in self.done.items() if checked.rounds is not None}
        found = [rounds for name, rounds in known.items() if name != part] or list(known.values())
        return max(1, round(statistics.median(found)))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much larger one mean loss of a row is than another, on the rows that both were checked on."""

    mean: float
    error: float  #: standard error of that mean; a row that was checked several times counts once


class Board:
    """All entrants of one search. `checks`: the rows of each part that are checked on."""

    def __init__(self, task: Task, checks: Mapping[str, Positions], values: NDArray[Any], baseline: str) -> None:
        self.task = task
        self.checks = dict(checks)
        #: what numbers are divided by, so that no square leaves the range of floating point; 1 for classes
        self.scale = 1.0 if task == "classification" else float(np.abs(values).max()) or 1.0
        truth = values if task == "classification" else values / self.scale
        self.truth = {part: np.asarray(truth[rows]) for part, rows in checks.items()}
        self.baseline = baseline  #: the entrant's name that everybody else has to beat
        self.entrants: list[Entrant] = []
        rows = len(np.unique(np.concatenate(list(checks.values()))))
        #: whether losses by a fold's own rounds are too good to count
        self._twice = len(checks) > 1 and rows <= _FEW

    def take(self, entrant: Entrant, part: str, fitted: Fitted, *, again: bool = False) -> None:
        """A part was fitted and checked."""
        said = fitted.said / self.scale
        losses = row_losses(self.task, said, self.truth[part])
        total = float(losses.sum())
        checked = Checked(seconds=fitted.seconds, rounds=fitted.rounds, said=said, losses=losses, total=total)
        (entrant.again if again else entrant.done)[part] = checked

    def rest(self, entrant: Entrant) -> list[str]:
        """The parts that it was not checked on yet."""
        return [part for part in self.checks if part not in entrant.done]

    def rest_again(self, entrant: Entrant) -> list[str]:
        """The parts that it is still to be checked on with the rounds of the others."""
        if not self._twice or not entrant.stopped or self.rest(entrant):
            return []
        return [part for part in self.checks if part not in entrant.again]

    def complete(self) -> list[Entrant]:
        """Those checked on all parts, the best first."""
        found = [one for one in self.entrants if not (one.out or self.rest(one) or self.rest_again(one))]
        return sorted(found, key=self.mean)

    def leaders(self) -> list[Entrant]:
        """Whoever was checked at all and may win, the best first."""
        known = [one for one in self.entrants if one.done and not one.out and one.name != self.baseline]
        return sorted(known, key=self.mean)

    def somebody(self) -> bool:
        """Whether anybody but the baseline was checked on anything."""
        return bool(self.leaders())

    def settle(self) -> None:
        """Time is over. Where nobody but the baseline is complete, what there is has to do: the parts that somebody
        had, checked once. The same where somebody is not complete and clearly ahead of all who are.
        """
        complete = [one for one in self.complete() if one.name != self.baseline]
        furthest = max(self.leaders(), key=lambda one: len(one.done), default=None)
        if complete:
            unfinished = [one for one in self.leaders() if self.rest(one)]
            furthest = next((one for one in unfinished if self._ahead(one, complete[0])), None)
        if furthest is not None:
            self._twice = False
            self.checks = {part: rows for part, rows in self.checks.items() if part in furthest.done}

    def _ahead(self, one: Entrant, other: Entrant) -> bool:
        behind = self.difference(one, other)
        return behind is not None and behind.mean < -_SURE * behind.error

    def shorten(self, count: int) -> None:
        """From now on the first so many parts alone count."""
        self.checks = dict(list(self.checks.items())[:count])
        self._twice = self._twice and count > 1

    @property
    def twice(self) -> bool:
        """Whether who learns in rounds is checked twice."""
        return self._twice

    def what(self, entrant: Entrant) -> Mapping[str, Checked]:
        """By part, what counts of it."""
        return entrant.again if set(self.checks) <= set(entrant.again) else entrant.done

    def mean(self, entrant: Entrant) -> float:
        """The mean loss of a row, on the parts that it was checked on; infinite for none."""
        known = [checked for part, checked in self.what(entrant).items() if part in self.checks]
        return sum(one.total for one in known) / sum(len(one.losses) for one in known) if known else float("inf")

    def shown(self, mean: float) -> float:
        """A mean loss as people know it."""
        return shown(self.task, mean) * self.scale

    def told(self, mean: float) -> float | None:
        """The same for a leaderboard; None where it leaves the range of floating point."""
        found = self.shown(mean)
        return found if np.isfinite(found) else None

    def difference(self, one: Entrant, other: Entrant) -> Difference | None:
        """Between what both were at first. None where they have no part in common."""
        parts = [part for part in self.checks if part in one.done and part in other.done]
        if not parts:
            return None
        rows = np.concatenate([self.checks[part] for part in parts])
        pair = [np.concatenate([entrant.done[part].losses for part in parts]) for entrant in (one, other)]
        return difference(pair[0], pair[1], rows)

    def far_behind(self, entrant: Entrant) -> bool:
        """Whether it is so much worse than the leader that no further part would help it."""
        parts = [part for part in self.checks if part in entrant.done]
        rivals = [one for one in self.entrants if set(parts) <= set(one.done) and not one.out]
        baseline = next((one for one in rivals if one.name == self.baseline), None)
        if not parts or baseline is None or entrant is baseline:
            return False
        means = {one.name: np.concatenate([one.done[part].losses for part in parts]).mean() for one in rivals}
        leader = min(rivals, key=lambda one: means[one.name])
        behind = self.difference(entrant, leader)
        assert behind is not None
        room = means[baseline.name] - means[leader.name]
        return bool(behind.mean > _FAR * room and behind.mean > _SURE * behind.error)

    def lines(self, weights: Mapping[str, float], ensemble: Candidate | None = None) -> tuple[Candidate, ...]:
        """The leaderboard: finished ones by loss, then those under way, then the others, but no trials given up."""
        known = self.complete()
        under_way = [one for one in self.entrants if not one.out and one.done and one not in known]
        out = [one for one in self.entrants if one.out and one.trial is None]
        found = [self._line(one, one in known, weights.get(one.name, 0.0)) for one in (*known, *under_way, *out)]
        if ensemble is not None:
            found.append(ensemble)
            found.sort(key=lambda line: float("inf") if line.loss is None else line.loss)
        return tuple(found[:_LINES])

    def judged(self) -> tuple[Candidate, ...]:
        """Those whose loss is known, the best first; then those that were given up because they were far behind."""
        known = self.complete()
        behind = [one for one in self.entrants if one.behind]
        return tuple(self._line(one, one in known, 0.0) for one in (*known, *behind))[:_LINES]

    def _line(self, entrant: Entrant, finished: bool, weight: float) -> Candidate:
        loss = self.told(self.mean(entrant)) if finished else None
        so_far = f"{len(entrant.done)} of {len(self.checks)} folds, {self.shown(self.mean(entrant)):.4g} so far"
        note = entrant.note or ("" if finished else so_far)
        return Candidate(
            name=entrant.name, model=entrant.model, loss=loss, seconds=entrant.seconds, weight=weight, note=note
        )


def difference(one: Floats, other: Floats, rows: Positions) -> Difference:
    """Between two losses of the same checked rows; `rows` says which row each is of."""
    _, place = np.unique(rows, return_inverse=True)
    by_row = np.bincount(place, weights=one - other) / np.bincount(place)
    count = len(by_row)
    error = float(by_row.std(ddof=1) / np.sqrt(count)) if count > 1 else float("inf")
    return Difference(mean=float(by_row.mean()), error=error)
