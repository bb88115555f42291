"""The test job and folders, from the control plane to what a pool is asked: real store and jobs, no box."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pandas as pd
import pytest

from head.api import HEAD, Folder, HayrideError, UploadData
from head.clock import ManualClock
from head.errors import JobRefused, PoolUnavailable
from head.machines import Machines
from head.pools import Pools
from head.service import ControlPlane
from head.settings import LimitSettings, Settings
from ray_jobs.spec import TrainSpec
from tests.support.heads import absent_machine


class Pool:
    """Takes files, and tells of one folder."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str, bytes]] = []
        self.looked: list[tuple[str, str]] = []
        self.failure: HayrideError | None = None

    async def put_upload(self, upload_id: str, place: str, name: str, content: bytes) -> int:
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        self.sent.append((upload_id, place, name, content))
        return len(content)

    async def browse(self, place: str, path: str) -> Folder:
        self.looked.append((place, path))
        return Folder(path="/data", entries=())


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    """Behind every machine, all of which are connected."""
    pool = Pool()

    async def client(self: Pools, person_id: str) -> Pool:
        return pool

    monkeypatch.setattr(Pools, "client", client)
    monkeypatch.setattr(Machines, "connected", lambda self, machine_id: True)
    return pool


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[ControlPlane]:
    limits = LimitSettings(uploads=2)
    plane = await ControlPlane.open(Settings(data_dir=tmp_path, limits=limits), ManualClock())
    yield plane
    await plane.close(stop_pools=False)


async def test_the_table_goes_to_that_machine_once_however_often_one_taps(plane: ControlPlane, pool: Pool) -> None:
    ann = (await plane.local_person()).id
    machine = await absent_machine(plane, ann)
    first, again = await asyncio.gather(*(plane.test_job(ann, machine, request="test:1") for _ in range(2)))
    assert first.id == again.id == (await plane.test_job(ann, machine, request="test:1")).id
    ((upload_id, place, name, content),) = pool.sent
    assert place == first.place == machine != HEAD
    assert isinstance(first.spec, TrainSpec)
    assert first.spec.data == UploadData(upload_id=upload_id, name=name)
    table = pd.read_csv(io.BytesIO(content))
    assert (len(table), set(table[first.spec.target])) == (569, {"benign", "malignant"})
    other = await plane.test_job(ann, machine, request="test:2")
    assert other.id != first.id
    assert len(pool.sent) == 2


async def test_what_keeps_the_table_from_its_machine_leaves_no_job(plane: ControlPlane, pool: Pool) -> None:
    ann = (await plane.local_person()).id
    machine = await absent_machine(plane, ann)
    pool.failure = PoolUnavailable("Your pool does not answer.")
    with pytest.raises(PoolUnavailable):
        await plane.test_job(ann, machine, request="test:1")
    assert await plane.jobs(ann) == []
    pool.failure = None
    for request in ("test:1", "test:2"):
        await plane.test_job(ann, machine, request=request)
    with pytest.raises(JobRefused, match="which is the limit"):
        await plane.test_job(ann, machine, request="test:3")
    assert len(await plane.jobs(ann)) == 2


async def test_a_folder_is_looked_into_on_the_machine_that_was_named(plane: ControlPlane, pool: Pool) -> None:
    ann = (await plane.local_person()).id
    machine = await absent_machine(plane, ann)
    assert (await plane.browse(ann, machine, "/data")).path == "/data"
    assert pool.looked == [(machine, "/data")]
