"""auto over several machines: its candidates are dealt out to all that have the table, as one part-job for each.

Tasks of one machine can't lease workers of another, so each machine's agent compares a share by itself and tells what
it found as any job's result. The job's own machine gets a share too, and begins its search when all shares are done or
late, with what they found and the budget that is left.

Nothing of a deal is stored. A part's id follows from the job's and the machine's, and starting twice starts once: a
control plane that was restarted deals again and hears what the parts have found already. Whoever is away, refuses, is
late or has another table doesn't count, and the job's own machine compares what nobody did: a deal never fails a job.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeGuard, TypeVar

from head.api import AUTO, Change
from head.changes import Changes
from head.clock import Clock
from head.errors import HayrideError
from head.identity import digest
from head.lifecycle import Target
from head.store.records import JobRow
from head.store.store import Store
from ray_jobs.spec import (
    Candidate,
    CompareResult,
    CompareSpec,
    Completed,
    Data,
    DataFacts,
    Event,
    FileSplit,
    PathData,
    Spec,
    TrainSpec,
    Work,
    is_ending,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Seconds of a budget from which a deal is worth its own time.
WORTH = 30
#: Of the budget: what the machines' shares may take, and what is left for the search however late a machine was.
SHARE, LEFT = 1 / 3, 1 / 2
#: Seconds in which a machine has to say what its table is like.
LOOK = 30.0
#: Seconds beyond its budget in which a share has to be told: for a free core, its libraries and reading the table.
GRACE = 45.0
#: Seconds between two looks whether the person still wants the job; seconds for a stopped part to end.
TICK, ENDING = 1.0, 30.0
_MOST_LINES, _MOST_LETTERS = 50, 2000


class Pool(Protocol):
    """What a deal asks of a pool (head.pool_client.PoolClient)."""

    async def inspect(self, place: str, data: Data, target: str | None) -> DataFacts: ...
    async def start_job(self, job_id: str, spec: Work, place: str) -> None: ...
    def events(self, job_id: str, place: str, *, since: int) -> AsyncIterator[Event]: ...
    async def cancel_job(self, job_id: str, place: str) -> bool: ...
    async def acknowledge(self, job_id: str, place: str, n: int) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Part:
    """One machine's share of a job."""

    id: str
    place: str
    spec: CompareSpec


def worth_dealing(spec: Spec) -> TypeGuard[TrainSpec]:
    """Whether it is a search by auto, long enough, on a table that other machines may have at the same path."""
    if not isinstance(spec, TrainSpec) or spec.model != AUTO or spec.repeats:
        return False
    return spec.budget >= WORTH and isinstance(spec.data, PathData) and not isinstance(spec.split, FileSplit)


def part_id(job_id: str, place: str) -> str:
    return digest(f"part {job_id} {place}")[:20]


def parts_of(job_id: str, spec: TrainSpec, places: Sequence[str]) -> tuple[Part, ...]:
    """One for each place. Which candidates they are the agents know: every so manieth of those that suit the table."""
    budget = int(SHARE * spec.budget)
    training = spec.model_copy(update={"budget": budget, "compared": ()})
    return tuple(
        Part(
            id=part_id(job_id, place),
            place=place,
            spec=CompareSpec(training=training, share=share, shares=len(places), time_limit=budget + int(GRACE)),
        )
        for share, place in enumerate(places)
    )


def with_same_table(facts: Mapping[str, DataFacts | None], own: str) -> list[str]:
    """The places whose table seems to be that of `own`, which comes first; their hashes tell for certain later."""
    mine = facts[own]
    if mine is None:
        return []

    def same(other: DataFacts | None) -> bool:
        names = None if other is None else [column.name for column in other.columns]
        return other is not None and other.bytes == mine.bytes and names == [column.name for column in mine.columns]

    return [own, *(place for place, other in facts.items() if place != own and same(other))]


def merged(found: Mapping[str, CompareResult], own: str, names: Mapping[str, str]) -> tuple[Candidate, ...]:
    """What was found on the very table that `own` has; each line says where. () where `own` found nothing."""
    mine = found.get(own)
    if mine is None:
        return ()
    lines: dict[str, Candidate] = {}
    for place, result in sorted(found.items(), key=lambda pair: pair[0] != own):
        if result.data_hash == mine.data_hash:
            for line in result.leaderboard:
                note = f"Compared on {names.get(place, place)}. {line.note}".strip()[:_MOST_LETTERS]
                lines.setdefault(line.model, line.model_copy(update={"note": note}))
    return tuple(lines.values())[:_MOST_LINES]


class Deals:
    """The deals that go on. `ready`: the machines of a person where jobs may begin now; `connected`: whether one is in
    reach.
    """

    def __init__(
        self,
        *,
        store: Store,
        ready: Callable[[str], list[str]],
        connected: Callable[[str], bool],
        changes: Changes,
        clock: Clock,
    ) -> None:
        self._store, self._ready, self._connected = store, ready, connected
        self._changes, self._clock = changes, clock
        self._dealt: dict[str, TrainSpec] = {}  # by job, so that a second try at starting it deals nothing again
        self._comparing: dict[str, tuple[str, ...]] = {}  # by job, the machines' names
        self._ending: dict[str, asyncio.Task[object]] = {}  # by part

    def comparing_on(self, job_id: str) -> tuple[str, ...]:
        """Names of the machines that compare for it now."""
        return self._comparing.get(job_id, ())

    def forget(self, open_jobs: set[str]) -> None:
        self._dealt = {job_id: spec for job_id, spec in self._dealt.items() if job_id in open_jobs}

    async def close(self) -> None:
        """Ends what goes on here; parts go on, for the next control plane."""
        for task in self._ending.values():
            task.cancel()
        await asyncio.gather(*self._ending.values(), return_exceptions=True)

    async def spec(self, pool: Pool, job: JobRow) -> Spec | None:
        """What the job's own agent is to be told, after a deal where one is worth it; None where the job was cancelled
        meanwhile.
        """
        if not worth_dealing(job.spec):
            return job.spec
        if job.id in self._dealt:
            return self._dealt[job.id]
        places = self._ready(job.person_id)
        if job.place not in places or len(places) < 2:
            return job.spec
        begun = self._clock.monotonic()
        compared = await self._unless_cancelled(pool, job, self._compared(pool, job, job.spec, places))
        if compared is None:
            return None
        left = max(int(LEFT * job.spec.budget), int(job.spec.budget - (self._clock.monotonic() - begun)))
        self._dealt[job.id] = job.spec.model_copy(update={"compared": compared, "budget": left})
        return self._dealt[job.id]

    def cancel(self, pool: Pool, job: JobRow) -> None:
        """Stops the parts of a job that its own agent may not have heard of, also an earlier control plane's."""
        if job.state.last_event == 0 and worth_dealing(job.spec):
            for part in parts_of(job.id, job.spec, self._ready(job.person_id)):
                self._end(pool, part)

    # --- inside ---

    async def _unless_cancelled(
        self, pool: Pool, job: JobRow, work: Awaitable[tuple[Candidate, ...]]
    ) -> tuple[Candidate, ...] | None:
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await self._within(TICK, asyncio.shield(task))
                newest = await self._store.jobs.get(job.person_id, job.id)
                if newest.state.target is Target.CANCEL or newest.state.status.ended:
                    self.cancel(pool, job)
                    return None
            return task.result()
        finally:
            task.cancel()
            if self._comparing.pop(job.id, None):
                self._changes.publish(Change(person_id=job.person_id, job_id=job.id))

    async def _compared(self, pool: Pool, job: JobRow, spec: TrainSpec, places: Sequence[str]) -> tuple[Candidate, ...]:
        looks = [self._within(LOOK, pool.inspect(place, spec.data, None), place) for place in places]
        facts = dict(zip(places, await asyncio.gather(*looks), strict=True))
        same = with_same_table(facts, job.place)
        if len(same) < 2:
            return ()
        names = {machine.id: machine.name for machine in await self._store.machines.of_person(job.person_id)}
        self._comparing[job.id] = tuple(names.get(place, place) for place in same)
        self._changes.publish(Change(person_id=job.person_id, job_id=job.id))
        parts = parts_of(job.id, spec, same)
        results = await asyncio.gather(*(self._result(pool, part) for part in parts))
        found = {part.place: result for part, result in zip(parts, results, strict=True) if result is not None}
        return merged(found, job.place, names)

    async def _result(self, pool: Pool, part: Part) -> CompareResult | None:
        """None where it doesn't count. What is late, or on a machine that went out of reach, is stopped."""
        ending = await self._within(part.spec.training.budget + GRACE, self._run(pool, part), part.place)
        if ending is None:
            self._end(pool, part)
        found = ending.result if isinstance(ending, Completed) else None
        return found if isinstance(found, CompareResult) else None

    async def _run(self, pool: Pool, part: Part) -> Event | None:
        await pool.start_job(part.id, part.spec, part.place)
        return await self._settled(pool, part)

    async def _settled(self, pool: Pool, part: Part) -> Event | None:
        """The part's ending, upon which its agent may forget it; what it found stays in its ending."""
        async for event in pool.events(part.id, part.place, since=0):
            if is_ending(event):
                with suppress(HayrideError):
                    await pool.acknowledge(part.id, part.place, event.n)
                return event
        return None

    def _end(self, pool: Pool, part: Part) -> None:
        """Stops a part and has it forgotten, in the background. A machine that is away ends it at its time limit."""
        running = self._ending.get(part.id)
        if running is None or running.done():
            self._ending = {key: task for key, task in self._ending.items() if not task.done()}
            self._ending[part.id] = asyncio.create_task(self._within(ENDING, self._stop(pool, part)))

    async def _stop(self, pool: Pool, part: Part) -> Event | None:
        await pool.cancel_job(part.id, part.place)
        return await self._settled(pool, part)

    async def _within(self, seconds: float, work: Awaitable[T], place: str = "") -> T | None:
        """What came of it; None where it was refused, takes longer, or is at a place that goes out of reach."""
        task = asyncio.ensure_future(work)
        limits = [asyncio.ensure_future(self._clock.sleep(seconds))]
        if place:
            limits.append(asyncio.ensure_future(self._out_of_reach(place)))
        try:
            await asyncio.wait({task, *limits}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        except HayrideError as error:
            log.info("a part of a deal does not count: %s", error)
            return None
        finally:
            for each in (task, *limits):
                each.cancel()

    async def _out_of_reach(self, place: str) -> None:
        """Returns when it is."""
        while self._connected(place):
            await self._clock.sleep(TICK)
