"""Who is in the race and how they do: losses on rows that each has not seen, and comparisons row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ray_jobs.auto.fitting import Fitted
from ray_jobs.auto.losses import Floats, row_losses, shown
from ray_jobs.auto.table import Positions
from ray_jobs.spec import Candidate, Parameter, Task

#: Lines of a leaderboard.
_LINES = 50
#: Far behind: more than this share of the way from the leader back to the baseline, and more than noise.
_FAR = 0.25
_SURE = 2.0


@dataclass(kw_only=True, eq=False)
class Entrant:
    """One candidate: an entry with parameters."""

    name: str
    model: str
    parameters: dict[str, Parameter] = field(default_factory=dict)  #: those that are not the entry's defaults
    trial: int | None = None  #: of the entry's tuning
    done: dict[str, Fitted] = field(default_factory=dict)  #: by part
    losses: dict[str, Floats] = field(default_factory=dict)  #: by part, of each row that was checked
    running: set[str] = field(default_factory=set)  #: parts
    out: bool = False  #: it failed, or was stopped; `note` says which
    note: str = ""

    @property
    def seconds(self) -> float:
        return sum(fitted.seconds for fitted in self.done.values())

    def rounds(self) -> float | None:
        """The mean over the parts; None for what does not learn in rounds."""
        found = [fitted.rounds for fitted in self.done.values() if fitted.rounds is not None]
        return sum(found) / len(found) if found else None


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
        self.truth = {part: np.asarray(values[rows]) for part, rows in checks.items()}
        self.baseline = baseline  #: the entrant's name that everybody else has to beat
        self.entrants: list[Entrant] = []

    def take(self, entrant: Entrant, part: str, fitted: Fitted) -> None:
        """A part was fitted and checked."""
        entrant.done[part] = fitted
        entrant.losses[part] = row_losses(self.task, fitted.said, self.truth[part])

    def complete(self) -> list[Entrant]:
        """Those checked on all parts, the best first."""
        found = [entrant for entrant in self.entrants if not entrant.out and set(self.checks) <= set(entrant.done)]
        return sorted(found, key=self.mean)

    def leaders(self) -> list[Entrant]:
        """The complete ones, or as long as there are none everybody who was checked at all; the best first."""
        known = [one for one in self.entrants if one.done and not one.out]
        return self.complete() or sorted(known, key=self.mean)

    def somebody(self) -> bool:
        """Whether anybody but the baseline was checked on anything."""
        return any(one.done and not one.out and one.name != self.baseline for one in self.entrants)

    def settle(self) -> None:
        """Where nobody but the baseline came to the end, the first parts alone count: those that somebody had."""
        others = [one for one in self.entrants if one.done and not one.out and one.name != self.baseline]
        furthest = max(others, key=lambda one: len(one.done), default=None)
        if furthest is not None and not set(self.checks) <= set(furthest.done):
            self.checks = {part: rows for part, rows in self.checks.items() if part in furthest.done}

    def mean(self, entrant: Entrant, parts: Iterable[str] | None = None) -> float:
        """The mean loss of a row, on `parts` or on those that it was checked on; infinite for none."""
        known = [entrant.losses[part] for part in (self.checks if parts is None else parts) if part in entrant.done]
        rows = sum(map(len, known))
        return float(sum(losses.sum() for losses in known) / rows) if rows else float("inf")

    def difference(self, one: Entrant, other: Entrant) -> Difference | None:
        """None where they have no part in common."""
        parts = [part for part in self.checks if part in one.done and part in other.done]
        if not parts:
            return None
        rows = np.concatenate([self.checks[part] for part in parts])
        pair = [np.concatenate([entrant.losses[part] for part in parts]) for entrant in (one, other)]
        return difference(pair[0], pair[1], rows)

    def far_behind(self, entrant: Entrant) -> bool:
        """Whether it is so much worse than the leader that no further part would help it."""
        parts = [part for part in self.checks if part in entrant.done]
        rivals = [one for one in self.entrants if set(parts) <= set(one.done) and not one.out]
        baseline = next((one for one in rivals if one.name == self.baseline), None)
        leader = min(rivals, key=lambda one: self.mean(one, parts), default=None)
        if not parts or leader is None or baseline is None or entrant is baseline:
            return False
        behind = self.difference(entrant, leader)
        assert behind is not None
        room = self.mean(baseline, parts) - self.mean(leader, parts)
        return behind.mean > _FAR * room and behind.mean > _SURE * behind.error

    def lines(self, weights: Mapping[str, float], ensemble: Candidate | None = None) -> tuple[Candidate, ...]:
        """The leaderboard: finished ones by loss, then those under way, then the others."""
        known = self.complete()
        under_way = [one for one in self.entrants if not one.out and one.done and one not in known]
        out = [one for one in self.entrants if one.out]
        found = [self._line(one, one in known, weights.get(one.name, 0.0)) for one in (*known, *under_way, *out)]
        if ensemble is not None:
            found.append(ensemble)
            found.sort(key=lambda line: float("inf") if line.loss is None else line.loss)
        return tuple(found[:_LINES])

    def _line(self, entrant: Entrant, finished: bool, weight: float) -> Candidate:
        loss = shown(self.task, self.mean(entrant)) if finished else None
        parts = f"{len(entrant.done)} of {len(self.checks)} folds"
        note = entrant.note or ("" if finished else f"{parts}, {shown(self.task, self.mean(entrant)):.4g} so far")
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
