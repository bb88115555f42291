"""The one loop that moves every open job toward its target.

One step, repeated whenever something happened and every few seconds anyway:

1. read the open jobs from the store;
2. see to it that each has one follower: it tells the agent (again: starting twice starts once) and takes in the events;
3. tell the agents of jobs that are to be cancelled;
4. note which jobs' machines do not answer, and which do again;
5. let the agents forget what has been stored; let pools sleep that have nothing to do.

Nothing is kept here that a restart would miss: a new process reads the same rows and goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime

from head import lifecycle
from head.api import HEAD, Change, EndReason, JobStatus
from head.changes import Changes
from head.clock import Clock
from head.errors import HayrideError
from head.lifecycle import JobState, Target
from head.machines import Machines
from head.pools import Pools
from head.settings import Settings
from head.store.jobs import StaleJob
from head.store.records import JobRow
from head.store.store import Store
from ray_jobs.spec import Event

log = logging.getLogger(__name__)

#: Seconds between steps in which nothing happened: what was missed is noticed after this long at most.
IDLE_STEP = 5.0
#: Seconds before a pool or machine that refused is asked again.
RETRY = 2.0

Transition = Callable[[JobState], JobState]


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
        self, *, settings: Settings, store: Store, pools: Pools, machines: Machines, changes: Changes, clock: Clock
    ) -> None:
        self._parts = _Parts(
            settings=settings, store=store, pools=pools, machines=machines, changes=changes, clock=clock
        )
        self._wake = asyncio.Event()
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._errands: dict[str, asyncio.Task[None]] = {}  # by what they are about, so that none runs twice at once

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. A step that fails is logged and tried again: the loop is what everything else relies on."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self._step()
                except Exception:
                    log.exception("a step of the reconcile loop failed")
                try:
                    async with asyncio.timeout(IDLE_STEP):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            tasks = [*self._followers.values(), *self._errands.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _step(self) -> None:
        jobs = await self._parts.store.jobs.open()
        for job_id in [job_id for job_id, task in self._followers.items() if task.done()]:
            del self._followers[job_id]
        for job in self._startable(jobs):
            if job.id not in self._followers:
                self._followers[job.id] = asyncio.create_task(self._guard(job.id, self._follow(job)))
        for job in jobs:
            await self._judge_reachability(job)
            if job.state.target is Target.CANCEL:
                self._errand(f"cancel {job.id}", self._cancel(job))
        for job in await self._parts.store.jobs.unacknowledged():
            self._errand(f"acknowledge {job.id}", self._acknowledge(job))
        self._errand("idle pools", self._let_pools_sleep({job.person_id for job in jobs}))

    def _startable(self, jobs: list[JobRow]) -> list[JobRow]:
        """All that have begun, and of each person's queued ones as many as may run at once, oldest first."""
        limit = self._parts.settings.limits.running
        running: dict[str, int] = {}
        chosen = []
        for job in sorted(jobs, key=lambda job: (job.state.status is JobStatus.QUEUED, job.state.created)):
            count = running.get(job.person_id, 0)
            if job.state.status is not JobStatus.QUEUED or count < limit:
                running[job.person_id] = count + 1
                chosen.append(job)
        return chosen

    # --- one job ---

    async def _follow(self, job: JobRow) -> None:
        """Tells the agent and takes in its events, through every outage, until the job has ended."""
        while not job.state.status.ended:
            try:
                if job.place == HEAD or self._parts.machines.connected(job.place):
                    job = await self._listen(job)
            except StaleJob:
                log.debug("job %s was changed meanwhile", job.id)
            except HayrideError as error:
                log.info("job %s: %s", job.id, error)
            if not job.state.status.ended:
                await self._parts.clock.sleep(RETRY if job.place == HEAD else RETRY / 4)
                job = await self._parts.store.jobs.get(job.person_id, job.id)
        self._wake.set()

    async def _listen(self, job: JobRow) -> JobRow:
        pool = await self._parts.pools.client(job.person_id)
        if job.state.target is Target.RUN or job.state.status is not JobStatus.QUEUED:
            await pool.start_job(job.id, job.spec, job.place)
        if job.state.status is JobStatus.QUEUED:
            job = await self._change(job, lambda state: lifecycle.dispatched(state, now=self._now()))
        async for event in pool.events(job.id, job.place, since=job.state.last_event):
            job = await self._take_in(job, event)
        return job

    async def _take_in(self, job: JobRow, event: Event) -> JobRow:
        return await self._change(job, lambda state: lifecycle.apply(state, event, now=self._now()), events=(event,))

    async def _change(self, job: JobRow, transition: Transition, *, events: tuple[Event, ...] = ()) -> JobRow:
        """Decides again on the newest row where somebody else was quicker; tells the chat."""
        while True:
            state = transition(job.state)
            if state == job.state:
                return job
            try:
                job = await self._parts.store.jobs.advance(job, state, events=events)
            except StaleJob:
                job = await self._parts.store.jobs.get(job.person_id, job.id)
                continue
            self._parts.changes.publish(Change(person_id=job.person_id, job_id=job.id))
            return job

    async def _judge_reachability(self, job: JobRow) -> None:
        """Unreachable is not dead: only what the person sees changes."""
        if job.place == HEAD:
            return
        away = not self._parts.machines.connected(job.place)
        if away and job.state.status is JobStatus.RUNNING:
            await self._change(job, lambda state: _if_running(state, now=self._now()))
        elif not away and job.state.status is JobStatus.UNREACHABLE:
            await self._change(job, lambda state: lifecycle.reachable(state, now=self._now()))

    async def _cancel(self, job: JobRow) -> None:
        if job.state.status is JobStatus.QUEUED:
            await self._change(job, lambda state: lifecycle.end(state, EndReason.CANCELLED, now=self._now()))
        elif job.place == HEAD or self._parts.machines.connected(job.place):
            pool = await self._parts.pools.client(job.person_id)
            await pool.cancel_job(job.id, job.place)

    async def _acknowledge(self, job: JobRow) -> None:
        pool = await self._parts.pools.awake(job.person_id)
        if pool is not None and (job.place == HEAD or self._parts.machines.connected(job.place)):
            await pool.acknowledge(job.id, job.place, job.state.last_event)
            await self._parts.store.jobs.acknowledge(job.id, job.state.last_event)

    async def _let_pools_sleep(self, busy: set[str]) -> None:
        await self._parts.pools.let_sleep(busy | await self._parts.machines.people_in_contact())

    async def end_jobs_of(self, machine_id: str) -> None:
        """The machine was revoked: what ran there is over for us."""
        for job in await self._parts.store.jobs.open():
            if job.place == machine_id:
                await self._change(job, lambda state: _revoked(state, now=self._now()))
        self.wake()

    # --- small print ---

    def _errand(self, about: str, work: Coroutine[None, None, None]) -> None:
        running = self._errands.get(about)
        if running is not None and not running.done():
            work.close()
            return
        self._errands = {key: task for key, task in self._errands.items() if not task.done()}
        self._errands[about] = asyncio.create_task(self._guard(about, work))

    async def _guard(self, about: str, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except HayrideError as error:
            log.info("%s: %s", about, error)
        except Exception:
            log.exception("%s failed", about)

    def _now(self) -> datetime:
        return self._parts.clock.now()


def _if_running(state: JobState, *, now: datetime) -> JobState:
    return lifecycle.unreachable(state, now=now) if state.status is JobStatus.RUNNING else state


def _revoked(state: JobState, *, now: datetime) -> JobState:
    return state if state.status.ended else lifecycle.end(state, EndReason.REVOKED, now=now)
