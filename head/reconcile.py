"""The one loop that moves every open job toward its target.

One step, repeated whenever something happened and every few seconds anyway:

1. read the open jobs from the store;
2. see to it that each in reach has one follower: it tells the agent (twice is once) and takes in the events;
3. tell the agents of jobs that are to be cancelled;
4. note which jobs' machines do not answer, and which do again.

A moment later, what nobody waits for: the agents forget what has been stored, drained machines leave, sent files and
whole people are forgotten, tokens that a revoked machine knows are replaced, pools sleep that have nothing to do.

Nothing is kept here that a restart would miss: a new process reads the same rows and goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from head import lifecycle
from head.api import DRAFT_DAYS, HEAD, Change, EndReason, JobStatus, Rest
from head.changes import Changes
from head.clock import Clock
from head.deals import Deals
from head.errors import HayrideError, NotFoundError
from head.lifecycle import InvalidTransition, JobState, Target
from head.machines import Machines
from head.pools import Pools
from head.settings import Settings
from head.store.jobs import StaleJob
from head.store.records import JobRow, MachineRow, PoolRow, UploadRow
from head.store.store import Store
from ray_jobs.spec import Event

log = logging.getLogger(__name__)

#: Seconds between steps in which nothing happened: what was missed is noticed after this long at most.
IDLE_STEP = 5.0
#: Seconds that what nobody waits for waits for what somebody does.
TEND = 0.2
#: Seconds before a pool or machine that refused is asked again.
RETRY = 2.0
#: Bugs in a row that a job may trip.
MOST_FAILURES = 3


class Transition(Protocol):
    """One of lifecycle's functions, but for the time."""

    def __call__(self, state: JobState, *, now: datetime) -> JobState: ...


@dataclass(frozen=True, kw_only=True)
class _Parts:
    settings: Settings
    store: Store
    pools: Pools
    machines: Machines
    changes: Changes
    clock: Clock


class Reconciler:
    """Owns the followers; `run` is the loop, `wake` says that something happened."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        pools: Pools,
        machines: Machines,
        changes: Changes,
        clock: Clock,
        revoke: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._parts = _Parts(
            settings=settings, store=store, pools=pools, machines=machines, changes=changes, clock=clock
        )
        self._revoke = revoke  # person's id, machine's id
        self.deals = Deals(
            store=store, ready=machines.ready_of, connected=machines.connected, changes=changes, clock=clock
        )
        self._wake = asyncio.Event()
        self._tend = asyncio.Event()
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, int] = {}
        self._renewing: set[str] = set()  # people whose pool gets a fresh token: no job begins there meanwhile
        self._erasing = asyncio.Lock()
        self._errands: dict[str, asyncio.Task[bool]] = {}  # by what they are about, so that none runs twice at once

    def wake(self) -> None:
        self._wake.set()
        self._tend.set()

    async def run(self) -> None:
        """Until cancelled."""
        tending = asyncio.create_task(self._repeat(self._tend_to_the_rest, self._tend, pause=TEND))
        try:
            await self._repeat(self._step, self._wake, pause=0.0)
        finally:
            tasks = [tending, *self._followers.values(), *self._errands.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.deals.close()

    async def _repeat(self, step: Callable[[], Awaitable[None]], wake: asyncio.Event, *, pause: float) -> None:
        """A step that fails is logged and tried again: the loop is what everything else relies on."""
        while True:
            wake.clear()
            try:
                await step()
            except Exception:
                log.exception("a step of the reconcile loop failed")
            try:
                async with asyncio.timeout(IDLE_STEP):
                    await wake.wait()
            except TimeoutError:
                pass
            if pause:
                await self._parts.clock.sleep(pause)

    async def _step(self) -> None:
        """What somebody waits for: jobs begin, go on, are cancelled."""
        stale = await self._parts.store.pools.stale()
        erasing = await self._parts.store.people.erasing()
        self._renewing = {pool.person_id for pool in stale} | set(erasing)
        jobs = await self._parts.store.jobs.open()
        self._forget_ended({job.id for job in jobs})
        for job in self._chosen(jobs):
            if job.id not in self._followers:
                self._followers[job.id] = asyncio.create_task(self._guard_follower(job))
        for job in jobs:
            await self._guard(f"job {job.id}", partial(self._judge_reachability, job))
            if job.state.target is Target.CANCEL and self._in_reach(job.place):
                self._errand(f"cancel {job.id}", partial(self._cancel, job))

    async def _tend_to_the_rest(self) -> None:
        """What nobody waits for, a moment later, so that it does not hold up a job that begins."""
        store = self._parts.store
        for job in await store.jobs.unacknowledged():
            self._errand(f"acknowledge {job.id}", partial(self._acknowledge, job))
        erasing = await store.people.erasing()
        for person_id in erasing:
            self._errand(f"erase {person_id}", partial(self.erase, person_id))
        before = self._parts.clock.now() - timedelta(days=DRAFT_DAYS)
        for upload in await store.uploads.spent(before=before):
            self._errand(f"upload {upload.id}", partial(self._drop_upload, upload))
        for machine in await store.machines.leaving():
            self._errand(f"leave {machine.id}", partial(self._let_leave, machine))
        for pool in await store.pools.stale():
            if pool.person_id not in erasing:
                self._errand(f"fresh token {pool.id}", partial(self._renew, pool))
        busy = {job.person_id for job in await store.jobs.open()}
        self._errand("idle pools", partial(self._let_pools_sleep, busy))

    def _forget_ended(self, open_jobs: set[str]) -> None:
        """Followers of jobs that have ended, by themselves or by our decision, have nothing to wait for."""
        for job_id, task in list(self._followers.items()):
            if task.done():
                del self._followers[job_id]
            elif job_id not in open_jobs:
                task.cancel()
        self.deals.forget(open_jobs)
        self._failures = {job_id: count for job_id, count in self._failures.items() if job_id in open_jobs}

    def _chosen(self, jobs: list[JobRow]) -> list[JobRow]:
        """Of the jobs in reach all that have begun, and of each person's queued ones as many as may run at once."""
        limit = self._parts.settings.limits.running
        running: dict[str, int] = {}
        chosen = []
        in_reach = [job for job in jobs if self._may_go_on(job)]
        for job in sorted(in_reach, key=lambda job: (job.state.status is JobStatus.QUEUED, job.state.created)):
            count = running.get(job.person_id, 0)
            if job.state.status is not JobStatus.QUEUED or count < limit:
                running[job.person_id] = count + 1
                chosen.append(job)
        return chosen

    def _in_reach(self, place: str) -> bool:
        return place == HEAD or self._parts.machines.connected(place)

    def _may_go_on(self, job: JobRow) -> bool:
        """In reach and, where it has not begun, in a pool and on a machine where jobs may begin now."""
        if job.state.status is not JobStatus.QUEUED:
            return self._in_reach(job.place)
        ready = job.place == HEAD or self._parts.machines.ready(job.place)
        return ready and job.person_id not in self._renewing

    # --- one job ---

    async def _follow(self, job: JobRow) -> None:
        """Tells the agent and takes in its events until the job has ended, or its machine is away."""
        while self._may_go_on(job):
            try:
                job = await self._listen(job)
            except HayrideError as error:
                log.info("job %s: %s", job.id, error)
            if job.state.status.ended:
                break
            await self._parts.clock.sleep(RETRY)
            job = await self._newest(job)
        self.wake()

    async def _listen(self, job: JobRow) -> JobRow:
        """One stream of events. What is written comes before what is told: a QUEUED job was never told to anybody."""
        pool = await self._parts.pools.client(job.person_id)
        if not self._may_go_on(job):
            return job  # waking the pool took its time
        job = await self._change(job, self._if(lifecycle.dispatched, JobStatus.QUEUED))
        if job.state.status.ended:
            return job
        if job.state.last_event == 0 and job.state.target is Target.RUN:
            spec = await self.deals.spec(pool, job)
            if spec is not None:  # else it was cancelled before its own agent heard of it
                await pool.start_job(job.id, spec, job.place)
        async for event in pool.events(job.id, job.place, since=job.state.last_event):
            job = await self._change(job, partial(lifecycle.apply, event=event), events=(event,))
            if job.state.status.ended:
                return job
        return await self._change(await self._newest(job), lifecycle.forgotten)

    async def _newest(self, job: JobRow) -> JobRow:
        return await self._parts.store.jobs.get(job.person_id, job.id)

    async def _change(self, job: JobRow, transition: Transition, *, events: tuple[Event, ...] = ()) -> JobRow:
        """Decides again on the newest row where somebody else was quicker; leaves an ended job; tells the chat."""
        while not job.state.status.ended:
            try:
                state = transition(job.state, now=self._parts.clock.now())
                if state == job.state:
                    return job
                job = await self._parts.store.jobs.advance(job, state, events=events)
            except (StaleJob, InvalidTransition):
                newest = await self._newest(job)
                if newest.revision == job.revision:
                    raise
                job = newest
                continue
            self._parts.changes.publish(Change(person_id=job.person_id, job_id=job.id))
            return job
        return job

    async def _judge_reachability(self, job: JobRow) -> None:
        """Unreachable is not dead: only what the person sees changes."""
        if self._in_reach(job.place):
            await self._change(job, lifecycle.reachable)
        else:
            await self._change(job, self._if(lifecycle.unreachable, JobStatus.DISPATCHED, JobStatus.RUNNING))

    async def _cancel(self, job: JobRow) -> None:
        """Tells the agent; what comes of it arrives as an event. Told again at the next step, until it does."""
        pool = await self._parts.pools.client(job.person_id)
        self.deals.cancel(pool, job)
        await pool.cancel_job(job.id, job.place)

    async def _acknowledge(self, job: JobRow) -> None:
        """The agent may forget the job. One that has, or whose machine was revoked, need not be asked."""
        if not await self._parts.machines.is_revoked(job.person_id, job.place):
            pool = await self._parts.pools.awake(job.person_id)
            if pool is None or not self._in_reach(job.place):
                return
            with suppress(NotFoundError):
                await pool.acknowledge(job.id, job.place, job.state.last_event)
        await self._parts.store.jobs.acknowledge(job.id, job.state.last_event)

    async def _drop_upload(self, upload: UploadRow) -> None:
        """Deletes a sent file where it lies. On a machine that was revoked we reach nothing: only the row goes."""
        if not await self._parts.machines.is_revoked(upload.person_id, upload.place):
            pool = await self._parts.pools.awake(upload.person_id)
            if pool is None or not self._in_reach(upload.place):
                return
            await pool.drop_upload(upload.id, upload.place)
        await self._parts.store.uploads.drop(upload.person_id, upload.id)

    async def erase(self, person_id: str) -> None:
        """Deletes all that is a person's and within our reach, if they asked for that. Where it was interrupted it is
        begun again: first nothing of theirs runs or comes in, then the box's contents go, and last the rows.
        """
        async with self._erasing:
            if person_id not in await self._parts.store.people.erasing():
                return
            for machine in await self._parts.store.machines.of_person(person_id):
                await self._parts.machines.revoke(person_id, machine.id)
            for job in await self._parts.store.jobs.open():
                if job.person_id == person_id:
                    await self._change(job, partial(lifecycle.end, reason=EndReason.CANCELLED))
            pool = await self._parts.store.pools.find(person_id)
            if pool is not None:
                renewing = self._errands.get(f"fresh token {pool.id}")
                if renewing is not None:
                    await asyncio.wait({renewing})
                await self._parts.pools.renew(pool, empty=True)
            await self._parts.store.people.erase(person_id)
        self.wake()

    async def _let_leave(self, machine: MachineRow) -> None:
        """A machine that was drained is revoked when nothing runs there; what waits for it ends with that."""
        newest = await self._parts.store.machines.find(machine.id)
        if newest is None or newest.rest is not Rest.LEAVING:
            return  # stays after all
        jobs = await self._parts.store.jobs.open()
        if all(job.state.status is JobStatus.QUEUED for job in jobs if job.place == machine.id):
            await self._revoke(machine.person_id, machine.id)

    async def _renew(self, pool: PoolRow) -> None:
        """A revoked machine knows the pool's Ray token: when no job runs, the pool begins anew with a fresh one."""
        jobs = await self._parts.store.jobs.open()
        if any(job.person_id == pool.person_id and job.state.status is not JobStatus.QUEUED for job in jobs):
            return
        machines = await self._parts.store.machines.of_person(pool.person_id)
        await self._parts.pools.renew(pool, empty=not any(machine.admitted for machine in machines))
        self.wake()

    async def _let_pools_sleep(self, busy: set[str]) -> None:
        await self._parts.pools.let_sleep(busy | self._parts.machines.people_in_contact())

    async def end_jobs_of(self, person_id: str, machine_id: str) -> None:
        """The machine was revoked: what ran there is over for us. With the last one what the pool holds is deleted, so
        its own node's jobs end now: what they made would go as soon as it was there.
        """
        left = any(machine.admitted for machine in await self._parts.store.machines.of_person(person_id))
        over = {machine_id} if left else {machine_id, HEAD}
        for job in await self._parts.store.jobs.open():
            if job.person_id == person_id and job.place in over:
                await self._change(job, partial(lifecycle.end, reason=EndReason.REVOKED))
        self.wake()

    # --- small print ---

    def _errand(self, about: str, work: Callable[[], Awaitable[None]]) -> None:
        running = self._errands.get(about)
        if running is not None and not running.done():
            return
        self._errands = {key: task for key, task in self._errands.items() if not task.done()}
        self._errands[about] = asyncio.create_task(self._guard(about, work))

    async def _guard(self, about: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Whether it went without a bug. A refusal is no bug: it is tried again."""
        try:
            await work()
        except HayrideError as error:
            log.info("%s: %s", about, error)
        except Exception:
            log.exception("%s failed", about)
            return False
        return True

    async def _guard_follower(self, job: JobRow) -> None:
        """A job that trips a bug of ours each time ends: it would be tried, and logged, for ever."""
        if await self._guard(f"job {job.id}", partial(self._follow, job)):
            return
        self._failures[job.id] = self._failures.get(job.id, 0) + 1
        if self._failures[job.id] >= MOST_FAILURES:
            await self._guard(f"job {job.id}", partial(self._crash, job))

    async def _crash(self, job: JobRow) -> None:
        await self._change(await self._newest(job), partial(lifecycle.end, reason=EndReason.CRASHED))

    @staticmethod
    def _if(transition: Transition, *statuses: JobStatus) -> Transition:
        """The transition for jobs in one of these states; others stay as they are."""

        def only(state: JobState, *, now: datetime) -> JobState:
            return transition(state, now=now) if state.status in statuses else state

        return only
