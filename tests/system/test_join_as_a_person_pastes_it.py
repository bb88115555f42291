"""The printed command, letter for letter, in the shell of an ordinary user: curl, the system's Python, uv by pip.

Needs Debian's curl, python3 and python3-pip, root to become somebody else, and the package registry.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from head.api import JobStatus, JoinState, PathData, TrainSpec
from head.clock import SystemClock
from head.service import ControlPlane
from head.settings import Settings
from tests.support.tables import write_tables

pytestmark = pytest.mark.system

#: Debian's "nobody".
SOMEBODY = 65534
#: Two environments of 1.2 GB are downloaded and made.
PATIENCE = 600.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """pytest's own folders are closed to other users."""
    with tempfile.TemporaryDirectory(prefix="hayride-", dir="/tmp") as name:
        Path(name).chmod(0o711)
        yield Path(name)


async def test_an_ordinary_user_joins_and_trains(folder: Path) -> None:
    home = folder / "home"
    shown = home / "hayride"
    tables = write_tables(shown)
    for path in (home, shown, tables.train, tables.new):
        os.chown(path, SOMEBODY, SOMEBODY)
    plane = await ControlPlane.open(Settings(data_dir=folder / "server", listen_port=0), SystemClock())
    node_agent = None
    try:
        await plane.serve()
        person = (await plane.local_person()).id
        offer = await plane.offer_join(person)
        authorities = {key: value for key, value in os.environ.items() if "CERT" in key or "PROXY" in key.upper()}
        become = ["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups", "--"]
        node_agent = await asyncio.create_subprocess_exec(
            *become, "sh", "-c", offer.command, cwd=home, stdin=asyncio.subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "HOME": str(home), **authorities}, start_new_session=True,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            while (joined := await plane.join_state(person, offer.offer_id))[0] is not JoinState.JOINED:
                assert node_agent.returncode is None, "the pasted command ended"
                await asyncio.sleep(0.5)
        machine = joined[1]
        assert machine
        assert machine.sealed
        spec = TrainSpec(data=PathData(path="~/hayride/cancer.csv"), target="diagnosis", model="random_forest")
        job = await plane.submit(person, spec, machine.id, request="pasted")
        end = [view async for view in plane.follow(job)][-1]
        assert end.status is JobStatus.COMPLETED
        assert end.sealed
    finally:
        if node_agent and node_agent.returncode is None:
            os.killpg(node_agent.pid, 15)  # sh, and the node agent that it waits for
            await node_agent.wait()
        await plane.close(stop_pools=True)
