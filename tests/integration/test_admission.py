"""What admins see of a control plane whose boxes sleep, and what a person may keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from head.api import HEAD, PathData, TrainSpec
from head.clock import SystemClock
from head.errors import JobRefused
from head.service import ControlPlane
from head.settings import LimitSettings, Settings


async def test_pools_are_seen_from_outside(tmp_path: Path) -> None:
    plane = await ControlPlane.open(Settings(data_dir=tmp_path), SystemClock())
    try:
        boss = (await plane.local_person()).id
        assert await plane.pools(boss) == []
        pool = await plane.store.pools.for_person(boss)
        await plane.submit(boss, TrainSpec(data=PathData(path="~/a.csv"), target="y"), HEAD, request="1")
        (view,) = await plane.pools(boss)
        assert (view.id, view.name, view.jobs, view.machines) == (pool.id, "local", 1, 0)
        assert (view.awake, view.since, view.memory, view.idle) == (False, None, None, False)
        await plane.put_to_sleep(boss, pool.id)  # it sleeps
        assert await plane.pools(boss, offset=1) == []
    finally:
        await plane.close(stop_pools=False)


async def test_a_person_keeps_so_many_files_and_so_many_bytes(tmp_path: Path) -> None:
    limits = LimitSettings(uploads=2, upload_size=1 << 20)
    plane = await ControlPlane.open(Settings(data_dir=tmp_path, limits=limits), SystemClock())

    async def content() -> AsyncIterator[bytes]:
        yield b"x" * 1000

    try:
        person = (await plane.local_person()).id
        add = plane.store.uploads.add
        await add(upload_id="up01", person_id=person, name="a.csv", size=(1 << 20) - 999, place=HEAD)
        with pytest.raises(JobRefused, match=r"With b\.csv, the files that you sent hold more than 1 MB"):
            await plane.upload(person, "b.csv", content())
        await add(upload_id="up02", person_id=person, name="a.csv", size=1, place=HEAD)
        with pytest.raises(JobRefused, match="I keep 2 files that you sent, which is the limit"):
            await plane.upload(person, "b.csv", content())
    finally:
        await plane.close(stop_pools=False)
