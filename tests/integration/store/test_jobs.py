"""Jobs and their events, revision by revision."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from head.api import EndReason, JobStatus, Person
from head.clock import ManualClock
from head.errors import JobRefused
from head.lifecycle import apply, ask_cancel, dispatched, end
from head.store import StaleJob, Store
from head.store.jobs import EVENT_BYTES_KEPT, EVENTS_KEPT
from ray_jobs.spec import Completed, Event, Progress, Started
from tests.support.stored import CHURN, add, finish, trained


async def test_the_same_request_is_the_same_job(store: Store, ann: Person, bob: Person) -> None:
    one, other = await asyncio.gather(add(store, ann), add(store, ann))
    assert one == other
    assert (await add(store, bob)).id != one.id


async def test_a_limit_holds_for_each_person_and_not_for_a_repeat(store: Store, ann: Person, bob: Person) -> None:
    first = await add(store, ann, "1", limit=1)
    with pytest.raises(JobRefused, match="limit"):
        await add(store, ann, "2", limit=1)
    assert await add(store, ann, "1", limit=1) == first
    await add(store, bob, "2", limit=1)


async def test_a_job_from_queue_to_model(store: Store, clock: ManualClock, ann: Person) -> None:
    job = await add(store, ann)
    assert await store.jobs.open() == [job]
    job = await store.jobs.advance(job, dispatched(job.state, now=clock.now()))
    at = clock.now().timestamp()
    events: list[Event] = [Started(n=1, at=at, node_ip="127.77.1.1", sealed=True), Progress(n=2, at=at, step="fit")]
    state = job.state
    for event in events:
        state = apply(state, event, now=clock.now())
    job = await store.jobs.advance(job, state, events=events)
    assert (job.revision, job.state.status, job.state.node_ip) == (3, JobStatus.RUNNING, "127.77.1.1")
    done = Completed(n=3, at=at, result=trained("model00001"))
    job = await store.jobs.advance(job, apply(job.state, done, now=clock.now()), events=[events[1], done])
    assert await store.jobs.get(ann.id, job.id) == job
    assert await store.jobs.events(ann.id, job.id) == [*events, done]
    assert await store.jobs.events(ann.id, job.id, since=2) == [done]
    assert await store.jobs.open() == []
    (model,) = await store.models.of_person(ann.id)
    assert (model.id, model.job_id, model.place) == ("model00001", job.id, "head")
    assert model.name == "churned-hist_gradient_boosting"
    assert await store.jobs.unacknowledged() == [job]
    await store.jobs.acknowledge(job.id, 3)
    assert await store.jobs.unacknowledged() == []


async def test_whoever_read_an_older_revision_decides_again(store: Store, clock: ManualClock, ann: Person) -> None:
    read = await add(store, ann)
    moved = await store.jobs.advance(read, dispatched(read.state, now=clock.now()))
    event = Progress(n=1, at=0, step="fit")
    with pytest.raises(StaleJob):
        await store.jobs.advance(read, ask_cancel(read.state, now=clock.now()), events=[event])
    assert await store.jobs.get(ann.id, read.id) == moved
    assert await store.jobs.events(ann.id, read.id) == []


async def test_open_jobs_come_first_then_the_newest(store: Store, clock: ManualClock, ann: Person) -> None:
    jobs = []
    for n in range(4):
        jobs.append(await add(store, ann, str(n)))
        clock.advance(1)
    await store.jobs.advance(jobs[3], end(jobs[3].state, EndReason.CANCELLED, now=clock.now()))
    await store.jobs.advance(jobs[1], end(jobs[1].state, EndReason.CANCELLED, now=clock.now()))
    listed = [job.id for job in await store.jobs.of_person(ann.id)]
    assert listed == [jobs[2].id, jobs[0].id, jobs[3].id, jobs[1].id]
    assert [job.id for job in await store.jobs.of_person(ann.id, limit=2, offset=1)] == listed[1:3]


async def test_a_box_that_talks_without_end_does_not_fill_the_disk(
    store: Store, clock: ManualClock, ann: Person
) -> None:
    job = await add(store, ann)
    state = dispatched(job.state, now=clock.now())
    chatter = [Progress(n=EVENTS_KEPT + n, at=0, step="x") for n in range(1, 4)]
    for event in chatter:
        state = apply(state, event, now=clock.now())
    done = Completed(n=EVENTS_KEPT + 4, at=0, result=trained("model00001"))
    job = await store.jobs.advance(job, apply(state, done, now=clock.now()), events=[*chatter, done])
    assert job.state.progress == chatter[-1]
    assert await store.jobs.events(ann.id, job.id) == [done]


async def test_large_events_do_not_fill_the_disk_either(store: Store, clock: ManualClock, ann: Person) -> None:
    job = await add(store, ann)
    state = dispatched(job.state, now=clock.now())
    metrics = {f"{number:0>250}": 1.0 for number in range(50)}
    large = [Progress(n=n, at=0, step="x", metrics=metrics) for n in range(1, 101)]
    for event in large:
        state = apply(state, event, now=clock.now())
        job = await store.jobs.advance(job, state, events=[event])
    assert job.state.progress == large[-1]
    done = Completed(n=101, at=0, result=trained("model00001"))
    await store.jobs.advance(job, apply(state, done, now=clock.now()), events=[done])
    kept = await store.jobs.events(ann.id, job.id)
    assert kept == [*large[: len(kept) - 1], done]
    size = sum(len(event.model_dump_json()) for event in kept[:-1])
    assert EVENT_BYTES_KEPT // 2 < size <= EVENT_BYTES_KEPT


async def test_a_job_that_cannot_be_read_does_not_hide_the_others(
    store: Store, clock: ManualClock, ann: Person, bob: Person, caplog: pytest.LogCaptureFixture
) -> None:
    for request in ("old", "result"):
        await finish(store, await add(store, bob, request), clock, f"model0{request}")
    broken, good = await add(store, bob), await add(store, ann)
    async with store.database.write() as session:
        older = (
            """UPDATE jobs SET spec = '{"kind": "train", "file": "x.csv"}' WHERE request = 'r' AND person_id = :bob"""
        )
        await session.execute(text(older), {"bob": bob.id})
        await session.execute(text("UPDATE jobs SET result = '{}' WHERE request = 'old'"))
    for _ in range(2):
        assert [job.id for job in await store.jobs.open()] == [good.id]
    assert caplog.text.count(broken.id) == 1
    assert len(await store.jobs.unacknowledged()) == 1
    assert len(await store.jobs.unsettled(since=clock.now())) == 2
    assert len(await store.jobs.of_person(bob.id)) == 1


async def test_what_runs_at_a_machine_is_counted(store: Store, clock: ManualClock, ann: Person) -> None:
    for place, runs in (("laptop01", True), ("laptop01", False), ("laptop02", True)):
        job = await store.jobs.add(person_id=ann.id, spec=CHURN, place=place, request=f"{place} {runs}", queued_limit=9)
        if runs:
            started = Started(n=1, at=0, node_ip="127.77.1.1", sealed=True)
            state = apply(dispatched(job.state, now=clock.now()), started, now=clock.now())
            await store.jobs.advance(job, state, events=[started])
    assert await store.jobs.count_running("laptop01") == 1
    assert await store.jobs.count_running("laptop03") == 0
