"""A process that is killed with -9 in the middle of storing."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading

from sqlalchemy import text

from head.clock import ManualClock
from head.store import Store

_WORKER = """
import asyncio, sys
from head.clock import SystemClock
from head.identity import new_id
from head.store import Store
from ray_jobs.spec import PathData, TrainSpec

async def main() -> None:
    store = await Store.open(sys.argv[1], SystemClock())
    person = await store.people.local()
    while True:
        spec = TrainSpec(data=PathData(path="a.csv"), target="t")
        job = await store.jobs.add(person_id=person.id, spec=spec, place="head", request=new_id(), queued_limit=10**6)
        print(job.id, flush=True)

asyncio.run(main())
"""


async def test_a_killed_process_loses_no_committed_row(url: str, clock: ManualClock) -> None:
    promised: list[str] = []
    for _ in range(3):
        promised += await asyncio.to_thread(_work_until_killed, url, 25)
    async with await Store.open(url, clock) as store:
        person = await store.people.local()
        kept = {job.id for job in await store.jobs.of_person(person.id, limit=10**6)}
        async with store.database.read() as session:
            assert (await session.execute(text("PRAGMA integrity_check"))).scalar() == "ok"
    assert len(set(promised)) >= 75
    assert set(promised) <= kept


def _work_until_killed(url: str, rows: int) -> list[str]:
    """Ids of the jobs that a real process said it had stored, killed with -9 in the middle of storing more."""
    command = [sys.executable, "-c", _WORKER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        told = [process.stdout.readline().strip() for _ in range(rows)]
        process.send_signal(signal.SIGKILL)
        told += [line.strip() for line in process.stdout if line.endswith("\n")]
        assert process.wait() == -signal.SIGKILL
        watchdog.cancel()
    assert all(told)
    return told
