"""A machine that is drained finishes what runs on it and then leaves, over a restart of the control plane too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from head import lifecycle
from head.api import EndReason, JobRefused, JobStatus, NotFoundError, PathData, RefusedError, Rest, TrainSpec
from head.clock import SystemClock
from head.service import ControlPlane
from head.settings import Settings
from tests.integration.test_control_plane import absent_machine, serving

SPEC = TrainSpec(data=PathData(path="~/a.csv"), target="diagnosis")


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():  # noqa: ASYNC110  (the store tells of no such thing)
            await asyncio.sleep(0.05)


async def _begun(plane: ControlPlane, person: str, machine: str) -> str:
    """A job that runs on the machine, as far as the store knows."""
    job = await plane.submit(person, SPEC, machine, request="runs")
    row = await plane.store.jobs.get(person, job.id)
    await plane.store.jobs.advance(row, lifecycle.dispatched(row.state, now=plane.clock.now()))
    return job.id


async def _tended(plane: ControlPlane) -> None:
    """What the loop does for those that nobody waits for is done."""
    await plane.reconciler._tend_to_the_rest()
    await asyncio.gather(*plane.reconciler._errands.values())


async def test_a_drained_machine_leaves_when_its_last_job_has_ended_also_over_a_restart(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, listen_port=0)
    async with serving(settings) as (plane, person):
        machine = await absent_machine(plane, person)
        running = await _begun(plane, person, machine)
        waiting = (await plane.submit(person, SPEC, machine, request="waits")).id
        await plane.set_rest(person, machine, Rest.LEAVING)
        with pytest.raises(JobRefused, match="is leaving"):
            await plane.submit(person, SPEC, machine, request="too late")
        await _tended(plane)
        assert [(it.id, it.rest) for it in await plane.machines(person)] == [(machine, Rest.LEAVING)]

    async with serving(settings) as (plane, person):
        await _tended(plane)
        assert len(await plane.machines(person)) == 1
        row = await plane.store.jobs.get(person, running)
        ended = partial(lifecycle.end, reason=EndReason.INTERRUPTED)
        await plane.store.jobs.advance(row, ended(row.state, now=plane.clock.now()))
        plane.reconciler.wake()

        async def left() -> bool:
            return await plane.machines(person) == []

        await _until(left)

        async def told() -> bool:
            return (await plane.job(person, waiting)).end_reason is EndReason.REVOKED

        await _until(told)
        assert (await plane.job(person, running)).end_reason is EndReason.INTERRUPTED
        with pytest.raises(NotFoundError):
            await plane.set_rest(person, machine, Rest.NONE)


async def test_a_paused_machine_stays_and_begins_jobs_again_when_resumed(tmp_path: Path) -> None:
    plane = await ControlPlane.open(Settings(data_dir=tmp_path), SystemClock())
    try:
        person = (await plane.local_person()).id
        machine = await absent_machine(plane, person)
        await plane.machines_.opened(machine)
        contact = plane.machines_._contacts[machine]
        plane.machines_._contacts[machine] = type(contact)(
            person_id=person, heard=contact.heard, written=contact.written, joined=True
        )
        assert plane.machines_.ready(machine)
        for name in ("head", " ", "x" * 41):
            with pytest.raises(RefusedError, match="no name"):
                await plane.rename_machine(person, machine, name)
        await plane.set_rest(person, machine, Rest.PAUSED)
        job = await plane.submit(person, SPEC, machine, request="1")
        assert (job.status, job.rest) == (JobStatus.QUEUED, Rest.PAUSED)
        assert plane.machines_.connected(machine)
        assert not plane.machines_.ready(machine)
        await plane.machines_.closed(machine)
        await plane.machines_.opened(machine)
        assert plane.machines_.rest(machine) is Rest.PAUSED  # as stored
        await plane.set_rest(person, machine, Rest.NONE)
        assert (await plane.job(person, job.id)).rest is Rest.NONE
    finally:
        await plane.close(stop_pools=False)
