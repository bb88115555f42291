"""The race: what to fit next, and what becomes of whom. It plans by measured times and holds no clock of its own.

1. Every entrant is fitted on the first part, the cheap ones first; one that would take too long is left out.
2. Whoever is not far behind goes on to the next part, the best first; at the end a second time, where that is needed
   for an honest loss (ray_jobs.auto.board).
3. Where a slot is free and nobody is to go on, the best entries are tuned; trials race by the same rules, stricter.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection
from dataclasses import dataclass, replace

from ray_jobs.auto.board import Board, Entrant
from ray_jobs.auto.candidates import TRAITS, WORKER, Size
from ray_jobs.auto.fitting import Fit
from ray_jobs.auto.parts import FOLDS, SMALL
from ray_jobs.auto.runner import Lost, Outcome
from ray_jobs.auto.tuning import Tuning
from ray_jobs.catalogue import entry_of
from ray_jobs.manifest import RecordedCandidate

#: The largest part of the time left that the first fit of an entrant may take.
_DEAR = 0.35
#: Who stops at its deadline with what it has may be expected to take so many times as long.
_STOPS = 4.0
#: What a trial's fit may take, for one that its entry's fits take.
_SLOW_TRIAL = 4.0
#: Of the time that is left so much may be needed for getting to the end.
_ENOUGH = 0.6
#: Folds that few rows are checked on at least: fewer say nothing.
_LEAST = 3
#: Who was not measured is taken to be slower than estimated by what the others were, but by no more than this: small
#: fits say little about large ones.
_SLOWEST = 4.0
#: More rows take more rounds of boosting: by this power of how many more.
_MORE_ROUNDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a race may use."""

    memory: int  #: bytes, of all that runs at the same time
    slots: int  #: fits side by side
    shorten: bool = True  #: whether fewer parts may do where there is no time for all


class Race:
    """One race on the parts of a board.

    rows: how many each part fits on. template: of every fit; parameters, part and deadline are filled in.
    """

    def __init__(
        self, board: Board, size: Size, rows: dict[str, int], template: Fit, means: Means, tuning: Tuning | None
    ) -> None:
        self.board, self._size, self._rows, self._template = board, size, rows, template
        self._means, self._memory, self._slots, self._tuning = means, means.memory, means.slots, tuning
        self._running: list[tuple[Entrant, str]] = []
        #: measured seconds for an estimated one, of each fit so far: what this machine makes of the estimates
        self._pace: dict[str, list[float]] = {}

    def enter(self, models: Collection[str]) -> None:
        """The defaults of these entries take part, unless their fit can't be within the memory."""
        for model in models:
            entrant = Entrant(name=model, model=model, parameters=dict(TRAITS[model].fixed))
            if (needed := self._size.bytes(model)) > self._memory:
                entrant.out = True
                entrant.note = f"Left out: it would need about {needed / 2**30:.1f} GB of memory."
            self.board.entrants.append(entrant)

    def next(self, now: float, until: float) -> Fit | None:
        """What to begin now, with `until` as the end; None where there is nothing, or nothing yet."""
        left = until - now
        if self._means.shorten:
            self._shorten(left)
        return (
            self._first_fit(_DEAR * left, now)
            or self._next_fit(left, now)
            or self._first_fit(left, now)
            or self._trial(left, now)
        )

    def take(self, fit: Fit, outcome: Outcome) -> None:
        """What came of a fit."""
        entrant = next(one for one in self.board.entrants if one.name == fit.candidate)
        self._running.remove((entrant, fit.part))
        entrant.running.discard(fit.part)
        if isinstance(outcome, Lost):
            self._drop(entrant, outcome.note)
            return
        estimate = self._size.seconds(entrant.model, self._rows[fit.part])
        self._pace.setdefault(entrant.model, []).append(outcome.seconds / estimate)
        if entrant.out:
            return
        self.board.take(entrant, fit.part, outcome, again=fit.rounds is not None)
        if not self.board.rest(entrant) and not self.board.rest_again(entrant):
            self._judged(entrant)

    def seconds(self, model: str, rows: int) -> float:
        """What one fit is expected to take, by those measured: of the same entry, else of the others."""
        pace = self._pace.get(model)
        factor = statistics.fmean(pace) if pace else self._usual_pace()
        return factor * self._size.seconds(model, rows)

    def result_seconds(self, entrant: Entrant) -> float:
        """What fitting it on all rows is expected to take."""
        known = [one.seconds / self._rows[part] for part, one in self.board.what(entrant).items()]
        return statistics.fmean(known) * self._size.rows if known else self.seconds(entrant.model, self._size.rows)

    def recorded(self, entrant: Entrant, weight: float) -> RecordedCandidate:
        """What it is for the fit on all rows."""
        found = [(one.rounds, self._rows[part]) for part, one in entrant.done.items() if one.rounds]
        power = _MORE_ROUNDS if entry_of(entrant.model).family == "boosting" else 0.0
        rounds = [number * (self._size.rows / rows) ** power for number, rows in found]
        return RecordedCandidate(
            name=entrant.name,
            model=entrant.model,
            parameters=entrant.parameters,
            rounds=max(1, round(statistics.median(rounds))) if rounds else None,
            weight=weight,
        )

    def close(self, note: str) -> None:
        """The time is over: who was still under way is out, unless nobody came further."""
        self._running.clear()
        self.board.settle()
        for entrant in self.board.entrants:
            entrant.running.clear()
            if not entrant.out and (self.board.rest(entrant) or self.board.rest_again(entrant)):
                entrant.out, entrant.note = True, note

    @property
    def _first(self) -> str:
        return next(iter(self.board.checks))

    def _usual_pace(self) -> float:
        known = [statistics.fmean(pace) for pace in self._pace.values()]
        return min(max(statistics.median(known), 1.0), _SLOWEST) if known else 1.0

    def _shorten(self, left: float) -> None:
        """Where the machine is too slow for all parts, the first of them have to do. Folds are dealt again only if
        there is time for everybody; less than five do only if there is not even time for two of the three best.
        """
        known = [one for one in self.board.leaders() if one.trial is None]
        least = 1 if self._size.rows > SMALL else _LEAST
        for count in range(len(self.board.checks), least - 1, -1):
            needed = sorted(self._to_go(one, count) for one in known[: None if count > FOLDS else 3])
            enough = sum(needed if count > FOLDS else needed[:2]) <= _ENOUGH * left * self._slots
            if enough or count == least:
                if count < len(self.board.checks):
                    self.board.shorten(count)
                return

    def _first_fit(self, within: float, now: float) -> Fit | None:
        """Of whoever was not fitted yet and is expected to be within so many seconds."""
        for entrant in self.board.entrants:
            if entrant.done or entrant.running or entrant.out or not self._fits_in_memory(entrant.model):
                continue
            # Who grows trees has something to show whenever it has to stop.
            patience = _STOPS if entry_of(entrant.model).family in ("boosting", "tree") else 1.0
            if self.seconds(entrant.model, self._rows[self._first]) <= patience * within:
                return self._fit(entrant, self._first, now + within)
        return None

    def _next_fit(self, left: float, now: float) -> Fit | None:
        """Of whoever is to go on and is soonest at the end: so as many as possible get there. Trials come last."""
        for entrant in sorted(self.board.entrants, key=lambda one: (one.trial is not None, self._to_go(one))):
            if entrant.out or not entrant.done or self._given_up(entrant):
                continue
            rest, again = self.board.rest(entrant), self.board.rest_again(entrant)
            for part in [one for one in rest or again if one not in entrant.running]:
                if self.seconds(entrant.model, self._rows[part]) <= left and self._fits_in_memory(entrant.model):
                    return self._next_part(entrant, part, now, left, None if rest else entrant.rounds_but(part))
        return None

    def _to_go(self, entrant: Entrant, count: int | None = None) -> float:
        """Seconds until it is complete, on the first `count` parts."""
        parts = list(self.board.checks)[:count]
        fits = sum(part not in entrant.done for part in parts)
        if entrant.stopped and self.board.twice and len(parts) > 1:
            fits += sum(part not in entrant.again for part in parts)
        return fits * self.seconds(entrant.model, self._rows[self._first])

    def _given_up(self, entrant: Entrant) -> bool:
        if not self.board.rest(entrant) and not self.board.rest_again(entrant):
            return False
        behind = self.board.far_behind(entrant)
        if entrant.trial is not None and self._tuning is not None:
            behind = self._tuning.hopeless(entrant)
        if behind:
            entrant.behind = True
            self._drop(entrant, f"Given up after {len(entrant.done)} of {len(self.board.checks)} folds: behind.")
        return behind

    def _trial(self, left: float, now: float) -> Fit | None:
        entrant = None if self._tuning is None else self._tuning.ask(lambda model: self._affordable(model, left))
        if entrant is None:
            return None
        self.board.entrants.append(entrant)
        return self._next_part(entrant, self._first, now, left)

    def _affordable(self, model: str, left: float) -> bool:
        return self._fits_in_memory(model) and self.seconds(model, self._rows[self._first]) < left

    def _next_part(self, entrant: Entrant, part: str, now: float, left: float, rounds: int | None = None) -> Fit:
        """A fit; that of a trial must not take much longer than others of its entry: small steps take many rounds."""
        if entrant.trial is not None:
            left = min(left, _SLOW_TRIAL * self.seconds(entrant.model, self._rows[part]))
        return self._fit(entrant, part, now + left, rounds)

    def _fit(self, entrant: Entrant, part: str, deadline: float, rounds: int | None = None) -> Fit:
        self._running.append((entrant, part))
        entrant.running.add(part)
        others = sum(self._bytes(one.model) for one, _ in self._running[:-1])
        return replace(
            self._template,
            candidate=entrant.name,
            model=entrant.model,
            parameters=entrant.parameters,
            part=part,
            rounds=rounds,
            deadline=deadline,
            memory=max(self._memory - others, self._bytes(entrant.model)),
        )

    def _bytes(self, model: str) -> int:
        return WORKER + self._size.bytes(model)

    def _fits_in_memory(self, model: str) -> bool:
        """Beside those that run. One alone always does: what it really needs is found out by its task's limit."""
        taken = sum(self._bytes(one.model) for one, _ in self._running)
        return not self._running or taken + self._bytes(model) <= self._memory

    def _drop(self, entrant: Entrant, note: str) -> None:
        entrant.out, entrant.note = True, note
        self._judged(entrant)

    def _judged(self, entrant: Entrant) -> None:
        if self._tuning is not None:
            self._tuning.judged(entrant)
