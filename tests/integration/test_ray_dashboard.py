"""The dashboard's process, played by one that only waits: it runs while somebody looks."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from head.pool import ray_dashboard
from head.pool.ray_dashboard import RayDashboard
from sealing import processes
from tests.support.chats import until

#: As Ray starts the empty one, with a child of its own.
_WAIT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)', *sys.argv[1:]])"
_EMPTY = (sys.executable, "-c", _WAIT, "ray/dashboard/dashboard.py", "--port=1", "--modules-to-load=")


def running() -> list[tuple[str, ...]]:
    return [
        process.command
        for process in processes.descendants()
        if process.state != "Z" and "ray/dashboard/dashboard.py" in process.command
    ]


async def test_it_runs_while_somebody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_dashboard, "UNWATCHED", 1.0)
    with (tmp_path / "empty.log").open("wb") as output:
        empty = await processes.start(*_EMPTY, output=output)
    await until(lambda: len(running()) == 2)
    shown = RayDashboard("127.77.0.1", tmp_path)
    keeping = asyncio.create_task(shown.keep())
    try:
        await empty.wait()
        assert running() == []
        for _ in range(2):
            shown.ask()
            await until(lambda: len(running()) == 2)
            assert all("--modules-to-load=NodeHead,ReportHead,StateHead,JobHead" in command for command in running())
            await until(lambda: running() == [])
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    assert running() == []
