"""The reconcile loop with a real pool: cancel while it wakes, a restart in the middle, absent and revoked machines."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from head.api import HEAD, EndReason, JobStatus, JobView, PathData, TrainResult, TrainSpec, UploadData
from head.clock import SystemClock
from head.errors import HayrideError, JobRefused, NotFoundError, RefusedError
from head.identity import digest, new_id
from head.lifecycle import apply, dispatched
from head.service import ControlPlane
from head.settings import LimitSettings, Settings
from ray_jobs.spec import Completed
from tests.support.stored import trained
from tests.support.tables import write_tables


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One server's state; its pool's box lives through all tests of this module."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("server"), listen_port=0, limits=LimitSettings(running=1, queued=20)
    )
    yield settings

    async def stop() -> None:
        plane = await ControlPlane.open(settings, SystemClock())
        await plane.close(stop_pools=True)

    asyncio.run(stop())


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[ControlPlane, str]]:
    plane = await ControlPlane.open(settings, SystemClock())
    try:
        await plane.serve()
        yield plane, (await plane.local_person()).id
    finally:
        await plane.close(stop_pools=False)


async def sent(plane: ControlPlane, person: str, folder: Path) -> UploadData:
    return await plane.send_file(person, write_tables(folder).train)


async def renewed(plane: ControlPlane) -> None:
    """Waits until no revoked machine knows the pool's token."""
    async with asyncio.timeout(60):
        while await plane.store.pools.stale():  # noqa: ASYNC110  (the store tells of no such thing)
            await asyncio.sleep(0.05)


async def ended(plane: ControlPlane, job: JobView) -> JobView:
    async with asyncio.timeout(90):
        return [view async for view in plane.follow(job)][-1]


async def absent_machine(plane: ControlPlane, person: str) -> str:
    """A machine that redeemed its token and never came."""
    token = new_id()
    expires = plane.clock.now() + timedelta(minutes=5)
    await plane.store.joins.create(offer_id=new_id(), person_id=person, token_hash=digest(token), expires=expires)
    redeemed = await plane.store.joins.redeem(
        token_hash=digest(token), public_key=os.urandom(32).hex(), name="absent", facts={}
    )
    return redeemed.machine.id


async def test_a_job_that_was_cancelled_while_its_pool_woke_never_starts(settings: Settings) -> None:
    async with serving(settings) as (plane, person):
        await plane.prefer(person, keep_uploads=True)
        spec = TrainSpec(data=UploadData(upload_id="nothing", name="x.csv"), target="y")
        await plane.store.uploads.add(upload_id="nothing", person_id=person, name="x.csv", size=1, place=HEAD)
        job = await plane.submit(person, spec, HEAD, request="cancelled")
        await asyncio.sleep(0)  # the loop sees it
        assert (await plane.cancel(person, job.id)).status is JobStatus.CANCELLED
        await plane.start_pool(person)
        after = await plane.submit(person, spec, HEAD, request="after")
        assert (await ended(plane, after)).end_reason is EndReason.REFUSED  # that one reached the agent,
        pool = await plane.store.pools.for_person(person)
        journal = settings.data_dir / "pools" / pool.id / "journal"
        assert any(after.id in path.name for path in journal.iterdir())
        assert not any(job.id in path.name for path in journal.iterdir())  # and this one never did


async def test_a_restart_in_the_middle_of_a_job_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    long = {"n_estimators": 2500}
    async with serving(settings) as (plane, person):
        data = await sent(plane, person, tmp_path)
        spec = TrainSpec(data=data, target="diagnosis", model="random_forest", parameters=dict(long))
        job = await plane.submit(person, spec, HEAD, request="restart")
        async with asyncio.timeout(60):
            async for view in plane.follow(job):
                if view.progress and view.progress.step == "training" and view.progress.fraction:
                    break
    async with serving(settings) as (plane, person):
        end = await ended(plane, job)
        assert end.status is JobStatus.COMPLETED
        events = await plane.store.jobs.events(person, job.id)
        assert [event.n for event in events] == list(range(1, len(events) + 1))


async def test_a_cancelled_job_stops(settings: Settings, tmp_path: Path) -> None:
    async with serving(settings) as (plane, person):
        data = await sent(plane, person, tmp_path)
        spec = TrainSpec(data=data, target="diagnosis", model="random_forest", parameters={"n_estimators": 10_000})
        job = await plane.submit(person, spec, HEAD, request="long")
        async with asyncio.timeout(60):
            async for view in plane.follow(job):
                if view.status is JobStatus.RUNNING:
                    break
        assert (await plane.cancel(person, job.id)).cancelling
        assert (await ended(plane, job)).end_reason is EndReason.CANCELLED


async def test_jobs_that_wait_for_an_absent_machine_hold_up_nobody(settings: Settings, tmp_path: Path) -> None:
    async with serving(settings) as (plane, person):
        data = await sent(plane, person, tmp_path)
        spec = TrainSpec(data=data, target="diagnosis", model="logistic_regression")
        absent = await absent_machine(plane, person)
        there = spec.model_copy(update={"data": PathData(path="~/a.csv")})
        waiting = await plane.submit(person, there, absent, request="waits")
        job = await plane.submit(person, spec, HEAD, request="goes")
        assert (await ended(plane, job)).status is JobStatus.COMPLETED
        assert (await plane.job(person, waiting.id)).status is JobStatus.QUEUED

        pool = await plane.store.pools.for_person(person)
        found = plane.pools_.keeper._pools[pool.id]
        os.kill(found.box.pid, signal.SIGKILL)  # a box that does not answer keeps no machine in
        await plane.revoke(person, absent)
        assert (await ended(plane, waiting)).end_reason is EndReason.REVOKED
        assert await plane.machines(person) == []
        await renewed(plane)
        assert await plane.models(person) == []  # no machine is left, so what the pool held is gone
        assert not (settings.data_dir / "pools" / pool.id).exists()


async def test_models_are_renamed_and_deleted_where_they_live(settings: Settings, tmp_path: Path) -> None:
    async with serving(settings) as (plane, person):
        await plane.prefer(person, keep_uploads=True)
        data = await sent(plane, person, tmp_path)
        spec = TrainSpec(data=data, target="diagnosis", model="logistic_regression")
        ids = []
        for request in ("model 1", "model 2", "model 3"):
            end = await ended(plane, await plane.submit(person, spec, HEAD, request=request))
            assert isinstance(end.result, TrainResult)
            ids.append(end.result.model_id)
        first, second, third = ids
        renamed = [await plane.rename_model(person, model_id, " tumours ") for model_id in (first, second)]
        assert [(model.id, model.name, model.version) for model in renamed] == [
            (first, "tumours", 1), (second, "tumours", 2)
        ]  # fmt: skip
        for name in ("", "\u202e", "x" * 101):
            with pytest.raises(RefusedError, match="1 to 100"):
                await plane.rename_model(person, first, name)
        pool = await plane.store.pools.for_person(person)
        upload = settings.data_dir / "pools" / pool.id / "inbox" / data.upload_id
        assert upload.exists()
        await plane.prefer(person, keep_uploads=False)  # from now on it goes, since its jobs have ended
        async with asyncio.timeout(20):
            while upload.exists() or await plane.find_upload(person, data.name):  # noqa: ASYNC110  (as above)
                await asyncio.sleep(0.05)
        folder = settings.data_dir / "pools" / pool.id / "models"
        await plane.drop_model(person, first)
        assert not (folder / first).exists()
        for gone in (second, third):
            shutil.rmtree(folder / gone)
        with pytest.raises(NotFoundError, match="off your list"):
            await plane.rename_model(person, second, "new")
        await plane.drop_model(person, third)
        assert not {model.id for model in await plane.models(person, limit=20)} & set(ids)
        await plane.store.jobs.get(person, end.id)  # what was done stays told


async def test_a_model_on_an_absent_machine_waits_for_it_and_goes_with_a_revoked_one(settings: Settings) -> None:
    async with serving(settings) as (plane, person):
        absent = await absent_machine(plane, person)
        spec = TrainSpec(data=PathData(path="~/a.csv"), target="churned")
        job = await plane.store.jobs.add(
            person_id=person, spec=spec, place=absent, request="absent model", queued_limit=99
        )
        done = Completed(n=1, at=0, result=trained("absentmodel1", "churn"))
        state = apply(dispatched(job.state, now=plane.clock.now()), done, now=plane.clock.now())
        await plane.store.jobs.advance(job, state, events=[done])
        for attempt in (plane.rename_model(person, "absentmodel1", "x"), plane.drop_model(person, "absentmodel1")):
            with pytest.raises(JobRefused, match=r"absent.* is away, and churn lies there"):
                await attempt
        await plane.revoke(person, absent)
        with pytest.raises(JobRefused, match="removed from your pool"):
            await plane.rename_model(person, "absentmodel1", "x")
        await plane.drop_model(person, "absentmodel1")
        with pytest.raises(NotFoundError):
            await plane.model(person, "absentmodel1")
        await renewed(plane)


async def test_a_second_control_plane_on_the_same_state_is_refused(settings: Settings) -> None:
    async with serving(settings):
        with pytest.raises(HayrideError, match="same state"):
            await ControlPlane.open(settings, SystemClock())


async def test_who_asked_to_be_forgotten_is_also_after_a_restart_in_the_middle(settings: Settings) -> None:
    async with serving(settings) as (plane, person):
        await plane.start_pool(person)
        pool = await plane.store.pools.for_person(person)
        absent = await absent_machine(plane, person)
        waiting = await plane.submit(person, spec_there(), absent, request="forgotten")
        folder = settings.data_dir / "pools" / pool.id
        assert folder.exists()
        await plane.reconciler._erasing.acquire()  # it was killed before it could do more than note the wish
        await plane.store.people.begin_erasing(person)
    async with serving(settings) as (plane, person):
        async with asyncio.timeout(60):
            while await plane.store.people.erasing():  # noqa: ASYNC110  (the store tells of no such thing)
                await asyncio.sleep(0.05)
        assert not folder.exists()
        assert await plane.store.pools.find(person) is None
        assert await plane.store.machines.find(absent) is None
        with pytest.raises(NotFoundError):
            await plane.job(person, waiting.id)
        assert await plane.store.jobs.open() == []
        assert (await plane.start_pool(person)) == settings.sealing  # and may begin anew
        assert (await plane.store.pools.for_person(person)).tag != pool.tag


def spec_there() -> TrainSpec:
    return TrainSpec(data=PathData(path="~/a.csv"), target="churned")
