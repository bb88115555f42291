"""Two people on one server: each sees only their own machine, and a task of one finds nothing of the other."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from head.api import HEAD, JobStatus, JoinState, NotFoundError, PathData, Person, TrainSpec
from head.clock import SystemClock
from head.identity import machine_tag
from head.service import ControlPlane
from head.settings import Settings
from tests.support.inside import Pool, looking, pool_of, seen
from tests.support.tables import write_tables


@asynccontextmanager
async def machine_of(plane: ControlPlane, person: Person, folder: Path, name: str) -> AsyncIterator[None]:
    """A machine of the person's on this host, for as long as the block lasts."""
    offer = await plane.offer_join(person.id)
    token = offer.command.partition("--token=")[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node_join.cli", "join", "--url", plane.url, "--as-root", "--name", name,
        "--node-python", sys.executable, "--allow", str(folder / "allowed"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
        env=os.environ | {"HAYRIDE_NODE_DIR": str(folder / "state")},
    )  # fmt: skip
    try:
        assert process.stdin
        process.stdin.write(token.encode() + b"\n")
        process.stdin.close()
        async with asyncio.timeout(120):
            while (await plane.join_state(person.id, offer.offer_id))[0] is not JoinState.JOINED:
                assert process.returncode is None
                await asyncio.sleep(0.1)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def look(pool: Pool, tags: list[str], allowed: Path, private: Path) -> dict[str, Any]:
    command, environment = looking(pool, tags=tags, allowed=allowed, private=private)
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, stdout=subprocess.PIPE, timeout=120, check=True
    )
    return seen(done.stdout.decode())


async def test_nothing_of_one_is_found_by_the_other(tmp_path: Path) -> None:
    tables = {name: write_tables(tmp_path / name / "allowed") for name in ("ann", "bob")}
    settings = Settings(data_dir=tmp_path / "server", listen_port=0, admins=(1, 2))
    async with AsyncExitStack() as stack:
        plane = await ControlPlane.open(settings, SystemClock())
        stack.push_async_callback(plane.close, stop_pools=True)
        await plane.serve()
        ann = await plane.person_for_telegram(1, "Ann")
        bob = await plane.person_for_telegram(2, "Bob")
        await stack.enter_async_context(machine_of(plane, ann, tmp_path / "ann", "ann"))
        await stack.enter_async_context(machine_of(plane, bob, tmp_path / "bob", "bob"))
        assert [machine.name for machine in await plane.machines(ann.id)] == ["ann"]
        assert [machine.name for machine in await plane.machines(bob.id)] == ["bob"]

        anns, bobs = pool_of(settings.data_dir, "ann"), pool_of(settings.data_dir, "bob")
        assert anns.tag != bobs.tag
        for tags in ([anns.tag, machine_tag(anns.machine_id)], [HEAD]):
            found = await look(anns, tags, tables["ann"].train, tables["bob"].train)
            assert found["nodes"] == ["127.77.0.1", "127.77.1.1"]  # bob's have the same addresses, in another world
            assert found["reads another file of the owner"] == "No such file or directory"
            said = str(found)
            for secret in (bobs.id, bobs.tag, bobs.ray_token, bobs.machine_id):
                assert secret not in said, f"{secret} is seen by a task pinned to {tags}"
            assert "/bob/" not in found["mounts"] + str(found["names"])

        (laptop,) = await plane.machines(bob.id)
        spec = TrainSpec(data=PathData(path=str(tables["bob"].train)), target="diagnosis", model="random_forest")
        with pytest.raises(NotFoundError):
            await plane.submit(ann.id, spec, laptop.id, request="ann wants bob's machine")
        jobs = [
            await plane.submit(bob.id, spec, laptop.id, request="bob"),
            await plane.submit(
                ann.id, spec.model_copy(update={"data": PathData(path=str(tables["ann"].train))}),
                (await plane.machines(ann.id))[0].id, request="ann",
            ),
        ]  # fmt: skip
        ends = [[view async for view in plane.follow(job)][-1] for job in jobs]
        assert [end.status for end in ends] == [JobStatus.COMPLETED, JobStatus.COMPLETED]
        assert [end.place_name for end in ends] == ["bob", "ann"]
        with pytest.raises(NotFoundError):
            await plane.job(ann.id, jobs[0].id)
