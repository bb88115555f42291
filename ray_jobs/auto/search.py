"""Auto: compare what suits the table, tune the best, combine them, all within a budget.

1. The table is written once; its rows are divided into parts (ray_jobs.auto.parts).
   Where several machines have compared the candidates on it already (`compare`), only the best of them take part.
2. Where the budget does not pay for every candidate on all rows, all race on a sample first, and the best go on.
3. The race and the tuning (ray_jobs.auto.race), until the time is just enough for the result.
4. The choice (ray_jobs.auto.choice), and its fit on all rows (ray_jobs.auto.finals).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ray_jobs.auto.board import Board, Entrant
from ray_jobs.auto.candidates import BASELINE, WORKER, Size, dealt, simple, suitable
from ray_jobs.auto.choice import Choice, choose
from ray_jobs.auto.finals import Members, fit_members
from ray_jobs.auto.fitting import Fit
from ray_jobs.auto.order import AutoOrder, Found
from ray_jobs.auto.parts import Parts, parts_of, sample_of
from ray_jobs.auto.race import Means, Race
from ray_jobs.auto.runner import Runner
from ray_jobs.auto.table import forget_table, write_table
from ray_jobs.auto.tuning import Tuning
from ray_jobs.catalogue import Step
from ray_jobs.manifest import RecordedCandidate
from ray_jobs.problems import Refused
from ray_jobs.spec import Candidate, ProblemCode

#: Seconds between two looks at the tasks, and between two steps at most.
_LOOK, _QUIET = 0.3, 1.5
#: What a fit that minds its deadline may still take to answer: seconds, and a share of the budget. To stop it is dear:
#: the next one then has to wait for a new process and its imports.
_GRACE, _GRACE_SHARE = 1.0, 0.05
#: Of the budget: what the race before the race may take, and what is kept for the result at most.
_SAMPLE_SHARE, _RESULT_SHARE = 0.25, 0.4
#: Seconds for saving and loading the result, with what has to be imported for it.
_OVERHEAD = 1.5
#: Candidates that go on from the sample; members for whose fits time is kept.
_GO_ON, _MEMBERS = 4, 4
#: Folds on which several machines compare: enough to say who goes on to all of them.
_SHARED = 3
_ELSEWHERE = "The candidates were dealt out to the machines that have this table; the best of them took part here."


def search(order: AutoOrder, runner: Runner) -> Generator[Step, None, Found]:
    """Finds the best model within the budget. Yields at least every two seconds; `Step.leaderboard` is filled whenever
    it has changed. Raises Refused(NOT_LEARNED) where every candidate failed, and Refused(BAD_SPLIT).
    """
    begun = time.monotonic()
    yield Step(name="comparing", fraction=0.0)
    with _stopped(runner):
        found: Found = yield from _Search(order, runner, begun).run()
    return found


def compare(order: AutoOrder, share: int, shares: int, runner: Runner) -> Generator[Step, None, tuple[Candidate, ...]]:
    """One machine's share of a comparison: the losses of every `shares`-th candidate on rows that are the same on all
    machines, within the budget. Only those judged (Board.judged). Raises Refused(BAD_SPLIT).
    """
    begun = time.monotonic()
    yield Step(name="comparing", fraction=0.0)
    with _stopped(runner):
        judged: tuple[Candidate, ...] = yield from _Search(order, runner, begun).share(share, shares)
    return judged


def repeat(order: AutoOrder, recorded: tuple[RecordedCandidate, ...], runner: Runner) -> Generator[Step, None, Found]:
    """Fits recorded candidates again with their recorded rounds and weights, without a clock: the same model. Raises
    Refused.
    """
    folder = order.scratch / "auto"
    yield Step(name="fitting the result")
    with _stopped(runner):
        write_table(order, {}, folder)
        slots = side_by_side(order, Size(order), runner)
        members = yield from fit_members(recorded, _template(order, folder, slots), runner, slots, order.threads)
    if members.lost:
        raise Refused(ProblemCode.NOT_LEARNED, f"A recorded candidate can't be fitted again: {members.lost[0]}")
    lines = tuple(Candidate(name=one.name, model=one.model, weight=one.weight) for one in recorded)
    return Found(model=members.model(), leaderboard=lines, recorded=members.recorded(), notes=members.notes)


@contextmanager
def _stopped(runner: Runner) -> Iterator[None]:
    """However it ends: no fit goes on, and no file stays mapped."""
    try:
        yield
    finally:
        runner.stop()
        forget_table()


def _template(order: AutoOrder, folder: Path, slots: int) -> Fit:
    """What all fits have in common."""
    return Fit(
        candidate="",
        model="",
        parameters={},
        folder=str(folder),
        part="",
        seed=order.seed,
        threads=max(1, order.threads // slots),
        memory=order.memory,
    )


class _Search:
    """What one search knows while it goes on."""

    def __init__(self, order: AutoOrder, runner: Runner, begun: float) -> None:
        self.order, self.runner, self.begun = order, runner, begun
        self.end = begun + order.budget
        self.size = Size(order)
        self.models = _not_beaten(suitable(order), order.compared)
        self.slots = side_by_side(order, self.size, runner)
        self.template = _template(order, order.scratch / "auto", self.slots)
        self.notes: list[str] = [_ELSEWHERE] if order.compared else []
        self.shown: tuple[Candidate, ...] = ()
        self.told = begun

    def run(self) -> Generator[Step, None, Found]:
        parts = parts_of(self.order, self.size, self.models, self.slots)
        sample = sample_of(self.order, self.size, self.models, parts, self.slots)
        write_table(self.order, {**sample, **parts}, Path(self.template.folder))
        models = self.models
        if sample:
            models = yield from self._first_race(sample)
        race = self._race(parts, tuned=True)
        race.enter(models)
        yield from self._drive(race, lambda: self.end - self._result_seconds(race))
        race.close("Not finished within the budget.")
        return (yield from self._result(race))

    def share(self, share: int, shares: int) -> Generator[Step, None, tuple[Candidate, ...]]:
        """The rows depend on nothing that is a machine's own: not on its cores, its pace or what its share is."""
        parts = parts_of(self.order, self.size, self.models, shares)
        sample = sample_of(self.order, self.size, self.models, parts, shares)
        same = sample or dict(list(parts.items())[:_SHARED])
        write_table(self.order, same, Path(self.template.folder))
        race = self._race(same, tuned=False, shorten=False)
        race.enter(dealt(self.models, self.size, share, shares))
        yield from self._drive(race, lambda: self.end)
        return race.board.judged()

    def _first_race(self, sample: Parts) -> Generator[Step, None, tuple[str, ...]]:
        """Who goes on from the sample: the best, and the best simple one."""
        race = self._race(sample, tuned=False)
        race.enter(self.models)
        end = self.begun + _SAMPLE_SHARE * self.order.budget
        yield from self._drive(race, lambda: end)
        race.close("Not finished on the sample.")
        known = [one.model for one in race.board.complete()]
        go_on = _go_on(known)
        rows = len(next(iter(sample.values()))[0])
        self.notes.append(f"All candidates were compared on {rows:,} rows first, and the best of them on all rows.")
        return tuple(model for model in self.models if model in go_on) if known else self.models

    def _race(self, parts: Parts, *, tuned: bool, shorten: bool = True) -> Race:
        checks = {name: check for name, (_, check) in parts.items()}
        board = Board(self.order.task, checks, self.order.values, BASELINE)
        tuning = Tuning(board, self.order.seed) if tuned else None
        rows = {name: len(fit) for name, (fit, _) in parts.items()}
        means = Means(memory=self.order.memory, slots=self.slots, shorten=shorten)
        return Race(board, self.size, rows, self.template, means, tuning)

    def _drive(self, race: Race, until: Callable[[], float]) -> Generator[Step, None, None]:
        """Fits what the race plans, until it plans nothing more or the time is over."""
        running = 0
        while True:
            now, end = time.monotonic(), until()
            if not race.board.somebody():
                # Without a single result there is nothing to choose from, so the first one is waited for.
                end = max(end, now + _RESULT_SHARE * self.order.budget)
            while running < self.slots and now < end and (fit := race.next(now, end)):
                self.runner.start(fit)
                running += 1
            if not running:
                return
            for fit, outcome in self.runner.wait(_LOOK):
                running -= 1
                race.take(fit, outcome)
            if time.monotonic() > until() + _GRACE + _GRACE_SHARE * self.order.budget and race.board.somebody():
                self.runner.stop()
                return
            yield from self._step(race)

    def _result_seconds(self, race: Race) -> float:
        """What has to be kept for fitting the result."""
        return min(self._seconds(race, race.board.leaders()[:_MEMBERS]), _RESULT_SHARE * self.order.budget)

    def _seconds(self, race: Race, entrants: Sequence[Entrant]) -> float:
        """Of fitting these on all rows."""
        needed = [race.result_seconds(entrant) for entrant in entrants]
        return max(max(needed, default=0.0), sum(needed) / self.slots) + _OVERHEAD

    def _step(self, race: Race) -> Generator[Step, None, None]:
        lines = race.board.lines({})
        now = time.monotonic()
        if lines == self.shown and now - self.told < _QUIET:
            return
        changed, self.shown, self.told = lines != self.shown, lines, now
        name = "tuning" if any(one.trial is not None for one in race.board.entrants) else "comparing"
        yield Step(
            name=name,
            fraction=min(0.99, (now - self.begun) / self.order.budget),
            metrics={"loss": lines[0].loss} if lines and lines[0].loss is not None else {},
            leaderboard=lines if changed else (),
        )

    def _result(self, race: Race) -> Generator[Step, None, Found]:
        left = self.end - time.monotonic()
        # What was kept for the leaders is spent to a second or so when it comes to this.
        left += _GRACE + _GRACE_SHARE * self.order.budget
        choice = choose(race.board, lambda entrants: self._seconds(race, entrants) <= left)
        if choice is None:
            raise _nothing_learned(race.board)
        members: Members | None = None
        for wanted in (choice.members, *(((one, 1.0),) for one in choice.others)):
            recorded = tuple(race.recorded(entrant, weight) for entrant, weight in wanted)
            members = yield from fit_members(recorded, self.template, self.runner, self.slots, self.order.threads)
            self.notes += [f"In the end {lost}" for lost in members.lost]
            if members.fitted:
                break
        if members is None or not members.fitted:
            raise _nothing_learned(race.board)
        return self._found(race, choice, members)

    def _found(self, race: Race, choice: Choice, members: Members) -> Found:
        recorded = members.recorded()
        weights = {one.name: one.weight for one in recorded}
        ensemble = None
        if choice.combined is not None:
            note = "" if len(recorded) > 1 else "Not better than one alone by more than chance."
            ensemble = Candidate(name="ensemble", model="ensemble", loss=choice.combined, note=note)
        notes = (choice.reason, *self.notes, *members.notes)
        return Found(
            model=members.model(),
            leaderboard=self._with_beaten(race.board.lines(weights, ensemble)),
            recorded=recorded,
            notes=tuple(dict.fromkeys(notes)),
        )

    def _with_beaten(self, lines: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        """The leaderboard with those that others were better than elsewhere."""
        beaten = [line for line in self.order.compared if line.model not in self.models]
        return tuple(sorted((*lines, *beaten), key=lambda line: float("inf") if line.loss is None else line.loss))


def _go_on(known: Sequence[str]) -> set[str]:
    """Of models by their loss: the best, the best simple one, and what all are judged by."""
    plain = simple(known)
    return {*known[:_GO_ON], *[model for model in known if model in plain][:1], BASELINE}


def _not_beaten(models: tuple[str, ...], compared: Sequence[Candidate]) -> tuple[str, ...]:
    """The best of what was compared elsewhere, and what nobody compared."""
    judged = sorted((line.loss, line.model) for line in compared if line.loss is not None)
    if not judged:
        return models
    go_on = _go_on([model for _, model in judged]) | (set(models) - {line.model for line in compared})
    return tuple(model for model in models if model in go_on)


def side_by_side(order: AutoOrder, size: Size, runner: Runner) -> int:
    """How many usual fits the cores and the memory hold at the same time."""
    each = WORKER + size.bytes("hist_gradient_boosting")
    return max(1, min(runner.slots, order.threads, order.memory // each))


def _nothing_learned(board: Board) -> Refused:
    why = next((entrant.note for entrant in board.entrants if entrant.note), "")
    return Refused(ProblemCode.NOT_LEARNED, f"None of the candidates could be fitted. {why}".strip())
