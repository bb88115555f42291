"""A person's own Ray dashboard in a real browser, through the gateway's single-use link. Needs Debian's chromium."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from head.api import HEAD, JobStatus, JobView, TrainSpec, UploadData
from head.clock import SystemClock
from head.service import ControlPlane
from head.settings import Settings
from ray_jobs.spec import Started

pytestmark = pytest.mark.system

#: Headless, no calls home: the tests' network is closed.
CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage"]  # fmt: skip


async def dom(url: str, profile: Path) -> str:
    """What the page holds once its scripts have had 20 s of virtual time."""
    process = await asyncio.create_subprocess_exec(
        *CHROMIUM, f"--user-data-dir={profile}", "--virtual-time-budget=20000", "--dump-dom", url,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with asyncio.timeout(120):
        output, _ = await process.communicate()
    return output.decode()


async def trained(plane: ControlPlane) -> JobView:
    """A job on the server that has ended."""
    person = (await plane.local_person()).id

    async def rows() -> AsyncIterator[bytes]:
        yield b"size,kind\n" + b"".join(b"%d,%s\n" % (n, b"ab"[n % 2 :][:1]) for n in range(60))

    upload = await plane.upload(person, "sizes.csv", rows())
    spec = TrainSpec(data=UploadData(upload_id=upload.id, name=upload.name), target="kind", model="decision_tree")
    submitted = await plane.submit(person, spec, HEAD, request="1")
    seen = [job async for job in plane.follow(submitted)]
    assert seen[-1].status is JobStatus.COMPLETED
    return seen[-1]


async def test_the_link_opens_once_and_shows_the_cluster(tmp_path: Path) -> None:
    plane = await ControlPlane.open(Settings(data_dir=tmp_path / "server", listen_port=0), SystemClock())
    try:
        await plane.serve()
        link = await plane.dashboard_link((await plane.local_person()).id)
        page = await dom(f"{link}", tmp_path / "first")
        assert "Ray Dashboard" in page
        assert "Cluster" in page
        again = await dom(link, tmp_path / "second")
        assert "Cluster" not in again
        job = await trained(plane)
        (begun,) = [event for event in await plane.job_events(job.person_id, job.id) if isinstance(event, Started)]
        link = await plane.dashboard_link(job.person_id, job_id=job.id)
        assert begun.ray_task in await dom(link, tmp_path / "third")
    finally:
        await plane.close(stop_pools=True)
