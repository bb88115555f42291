"""A search dealt out to several machines: the reconcile loop on a real store, with agents told what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from head.api import HEAD, JobStatus, JobView, Person
from head.changes import Changes
from head.clock import Clock, SystemClock
from head.deals import part_id
from head.jobs import Jobs
from head.machines import Machines
from head.pools import Pools
from head.reconcile import Reconciler
from head.settings import Settings
from head.store.store import Store
from ray_jobs.spec import PathData, Spec, TrainSpec, UploadData
from tests.support.dealt import MODELS, Agents, QuickClock
from tests.support.stored import CHURN, ann, clock, join, store, url

__all__ = ["ann", "clock", "store", "url"]

SAME, OTHER = "a" * 64, "b" * 64
AUTO = CHURN.model_copy(update={"budget": 120})


class _Machines(Machines):
    """In contact are those that a test says."""

    here: Iterable[str]

    def connected(self, machine_id: str) -> bool:
        return machine_id in self.here

    def ready(self, machine_id: str) -> bool:
        return machine_id in self.here

    def ready_of(self, person_id: str) -> list[str]:
        return list(self.here)


class _Pools:
    """One pool, always awake."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    async def client(self, person_id: str) -> Agents:
        return self._agents

    async def awake(self, person_id: str) -> Agents:
        return self._agents

    async def let_sleep(self, busy: set[str]) -> None:
        """It never does."""


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A control plane's jobs; the machines' ids by name."""

    jobs: Jobs
    reconciler: Reconciler
    store: Store
    person: str

    async def submit(self, spec: Spec, place: str, request: str = "r") -> JobView:
        return await self.jobs.submit(self.person, spec, place, request, "")

    async def view(self, job: JobView) -> JobView:
        return await self.jobs.view(await self.store.jobs.get(self.person, job.id))

    async def until(self, true: Any, job: JobView) -> JobView:
        async with asyncio.timeout(10):
            while not true(view := await self.view(job)):  # noqa: ASYNC110  (a deal is nowhere but in the view)
                await asyncio.sleep(0.005)
        return view

    async def ended(self, job: JobView) -> JobView:
        return await self.until(lambda view: view.status.ended, job)


@asynccontextmanager
async def serving(
    store: Store, person: Person, agents: Agents, here: Iterable[str], tmp_path: Path, time: Clock | None = None
) -> AsyncIterator[Plane]:
    """`time`: None for one in which nobody hangs for long."""
    time = time or QuickClock()
    settings, changes = Settings(data_dir=tmp_path), Changes()
    pools = cast(Pools, _Pools(agents))
    machines = _Machines(settings=settings, store=store, pools=pools, changes=changes, clock=time)
    machines.here = here
    parts: dict[str, Any] = {
        "settings": settings, "store": store, "pools": pools, "machines": machines, "changes": changes, "clock": time
    }  # fmt: skip

    async def revoke(person_id: str, machine_id: str) -> None:
        raise AssertionError("nobody drains here")

    reconciler = Reconciler(**parts, revoke=revoke)
    loop = asyncio.create_task(reconciler.run())
    try:
        yield Plane(jobs=Jobs(**parts, reconciler=reconciler), reconciler=reconciler, store=store, person=person.id)
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


@pytest.fixture
async def places(store: Store, ann: Person, clock: Any) -> list[str]:
    """The ids of laptop and desk."""
    return [(await join(store, ann, clock, key=name, name=name)).machine.id for name in ("laptop", "desk")]


def told(agents: Agents, job: JobView) -> TrainSpec:
    """What the job's own agent was told."""
    (spec,) = [spec for job_id, _, spec in agents.begun if job_id == job.id]
    assert isinstance(spec, TrainSpec)
    return spec


async def test_both_compare_and_the_search_begins_with_what_they_found(
    store: Store, ann: Person, places: list[str], tmp_path: Path
) -> None:
    laptop, desk = places
    agents = Agents(hashes=dict.fromkeys(places, SAME), hanging={desk})
    async with serving(store, ann, agents, places, tmp_path, SystemClock()) as plane:
        job = await plane.submit(AUTO, laptop)
        # Who compares is known a moment before or after the job counts as begun.
        view = await plane.until(lambda view: view.comparing_on and view.status is JobStatus.DISPATCHED, job)
        assert view.comparing_on == ("laptop", "desk")
        agents.finish(desk)
        view = await plane.ended(job)
        assert (view.status, view.comparing_on) == (JobStatus.COMPLETED, ())
        assert [row.id for row in await store.jobs.of_person(ann.id)] == [job.id]  # no part shows in /jobs
    shares = {place: (part.share, part.shares, part.training.budget) for place, part in agents.parts().items()}
    assert shares == {laptop: (0, 2, 40), desk: (1, 2, 40)}
    spec = told(agents, job)
    notes = {line.model: line.note for line in spec.compared}
    assert notes == {model: f"Compared on {('laptop', 'desk')[number % 2]}." for number, model in enumerate(MODELS)}
    assert 60 < spec.budget < 120
    assert {(part_id(job.id, place), place) for place in places} <= agents.acknowledged


async def test_a_machine_that_hangs_or_is_away_or_has_another_table_does_not_count(
    store: Store, ann: Person, places: list[str], tmp_path: Path
) -> None:
    laptop, desk = places
    hung = Agents(hashes=dict.fromkeys(places, SAME), hanging={desk})
    changed = Agents(hashes={laptop: SAME, desk: OTHER})
    for number, agents in enumerate((hung, changed)):
        async with serving(store, ann, agents, places, tmp_path) as plane:
            job = await plane.submit(AUTO, laptop, f"request {number}")
            assert (await plane.ended(job)).status is JobStatus.COMPLETED
            await agents.forgets(part_id(job.id, desk), desk)  # in the background, also where it hung
        assert [line.model for line in told(agents, job).compared] == list(MODELS[::2])
        assert told(agents, job).budget >= 60  # half of it, however late somebody is
        assert (part_id(job.id, desk), desk) in agents.acknowledged
    assert hung.endings() == {laptop: "completed", desk: "cancelled"}

    away = Agents(hashes=dict.fromkeys(places, SAME), away={desk})
    smaller = Agents(hashes=dict.fromkeys(places, SAME), sizes={desk: 9})
    for number, agents in enumerate((away, smaller)):
        async with serving(store, ann, agents, places, tmp_path) as plane:
            job = await plane.submit(AUTO, laptop, f"other request {number}")
            assert (await plane.ended(job)).status is JobStatus.COMPLETED
        assert agents.parts() == {}
        assert told(agents, job).compared == ()


async def test_a_machine_that_goes_out_of_reach_is_not_waited_for(
    store: Store, ann: Person, places: list[str], tmp_path: Path
) -> None:
    laptop, desk = places
    agents = Agents(hashes=dict.fromkeys(places, SAME), hanging={desk})
    here = set(places)
    async with serving(store, ann, agents, here, tmp_path, SystemClock()) as plane:  # whose budget nobody waits for
        job = await plane.submit(AUTO, laptop)
        await plane.until(lambda view: view.comparing_on, job)
        here.discard(desk)
        assert (await plane.ended(job)).status is JobStatus.COMPLETED
    assert [line.model for line in told(agents, job).compared] == list(MODELS[::2])
    assert told(agents, job).budget >= 110


async def test_a_restart_in_the_middle_starts_nothing_twice(
    store: Store, ann: Person, places: list[str], tmp_path: Path
) -> None:
    laptop, desk = places
    agents = Agents(hashes=dict.fromkeys(places, SAME), hanging={desk})
    async with serving(store, ann, agents, places, tmp_path) as plane:
        job = await plane.submit(AUTO, laptop)
        await plane.until(lambda view: len(agents.parts()) == 2, job)
    assert agents.endings() == {laptop: "completed", desk: "accepted"}  # the parts go on without a control plane
    async with serving(store, ann, agents, places, tmp_path) as plane:
        await plane.until(lambda view: view.comparing_on, job)
        agents.finish(desk)
        assert (await plane.ended(job)).status is JobStatus.COMPLETED
    assert len(agents.begun) == 3
    assert sorted(line.model for line in told(agents, job).compared) == sorted(MODELS)


@pytest.mark.parametrize("restart", [False, True])
async def test_a_cancel_stops_the_parts_and_ends_the_job(
    store: Store, ann: Person, places: list[str], tmp_path: Path, restart: bool
) -> None:
    laptop, desk = places
    agents = Agents(hashes=dict.fromkeys(places, SAME), hanging={laptop, desk})
    async with serving(store, ann, agents, places, tmp_path) as plane:
        job = await plane.submit(AUTO, laptop)
        await plane.until(lambda view: len(agents.parts()) == 2, job)
        if not restart:
            await plane.jobs.cancel(ann.id, job.id)
            assert (await plane.ended(job)).status is JobStatus.CANCELLED
            for place in places:
                await agents.forgets(part_id(job.id, place), place)
    if restart:
        async with serving(store, ann, agents, (), tmp_path) as plane:  # nobody in reach: nothing can be told
            assert (await plane.jobs.cancel(ann.id, job.id)).cancelling
        async with serving(store, ann, agents, places, tmp_path) as plane:
            assert (await plane.ended(job)).status is JobStatus.CANCELLED
            for place in places:
                await agents.forgets(part_id(job.id, place), place)
    assert agents.endings() == {laptop: "cancelled", desk: "cancelled"}
    assert agents.acknowledged == {(part_id(job.id, place), place) for place in places}
    assert len(agents.begun) == 2  # its own agent never heard of it


async def test_nothing_is_dealt_where_it_is_not_worth_it(
    store: Store, ann: Person, places: list[str], tmp_path: Path
) -> None:
    laptop, _ = places
    await store.uploads.add(upload_id="upload1", person_id=ann.id, name="a.csv", size=1, place=laptop)
    upload = AUTO.model_copy(update={"data": UploadData(upload_id="upload1", name="a.csv")})
    short, named = (AUTO.model_copy(update=one) for one in ({"budget": 20}, {"model": "lightgbm"}))
    cases = [
        (AUTO, laptop, places[:1]), (AUTO, HEAD, places), (upload, laptop, places), (short, laptop, places),
        (named, laptop, places),
    ]  # fmt: skip
    for number, (spec, place, here) in enumerate(cases):
        agents = Agents(hashes=dict.fromkeys(places, SAME))
        async with serving(store, ann, agents, here, tmp_path) as plane:
            job = await plane.submit(spec, place, str(number))
            assert (await plane.ended(job)).status is JobStatus.COMPLETED
        assert agents.looks == []
        assert [spec for _, _, spec in agents.begun] == [spec]
    assert isinstance(AUTO.data, PathData)
