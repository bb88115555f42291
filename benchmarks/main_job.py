"""The main job's waits and weights, in one run: `uv run python -m benchmarks.main_job`.

- join: from the start of the node agent to the machine's place in the pool, beside a bare `ray start --address`;
- Run to the first event: from `submit` to the moment the chat could show it, on a warm machine, median of many;
- memory: proportional set size (PSS) of every process of each box, idle.

Prints a table and keeps it in benchmarks/results/.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from benchmarks.page import tell
from head.api import JobView, JoinState, PathData, TrainSpec
from head.clock import SystemClock
from head.service import ControlPlane
from head.settings import Settings
from tests.support.tables import write_tables

RUNS = 15

_BARE = """
import subprocess, sys, time
import ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
begun = time.monotonic()
node = subprocess.Popen([sys.argv[2], "-c", "from ray.scripts.scripts import main; main()", "start",
    "--address=" + sys.argv[1], "--num-cpus=2", "--object-store-memory=100000000", "--temp-dir=" + sys.argv[3],
    "--block", "--node-ip-address=127.77.9.2", "--disable-usage-stats"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while sum(n["Alive"] for n in ray.nodes()) < 2:
    time.sleep(0.02)
print("SECONDS", time.monotonic() - begun)
node.terminate(); node.wait()
"""


def bare_join() -> float:
    """Seconds that `ray start --address` takes here until its node is alive, in namespaces of its own."""
    with tempfile.TemporaryDirectory(prefix="hb", dir="/tmp") as folder:
        head = (
            f"{sys.executable} -c 'from ray.scripts.scripts import main; main()' start --head --port=6399 --num-cpus=1 "
            f"--node-ip-address=127.77.9.1 --include-dashboard=false --object-store-memory=100000000 "
            f"--temp-dir={folder}/h --disable-usage-stats > /dev/null 2>&1"
        )
        script = Path(folder) / "bare.py"
        script.write_text(_BARE)
        run = f"{head} && exec {sys.executable} {script} 127.77.9.1:6399 {sys.executable} {folder}/n"
        command = ["unshare", "-Urmnpf", "--mount-proc", "--kill-child", "sh", "-c", f"{_LO} && {run}"]
        environment = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}  # as ours
        output = subprocess.check_output(command, env=environment, text=True, timeout=180)
    return float(output.partition("SECONDS")[2])


#: Brings loopback up in a fresh network namespace.
_LO = (
    f"{sys.executable} -c 'from pyroute2 import IPRoute; n = IPRoute(); "
    'n.link("set", index=n.link_lookup(ifname="lo")[0], state="up")\''
)


@asynccontextmanager
async def joined_machine(plane: ControlPlane, person: str, folder: Path) -> AsyncIterator[tuple[str, float]]:
    """The machine's id, and the seconds from starting the node agent to its place in the pool."""
    offer = await plane.offer_join(person)
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node_join.cli", "join", "--url", plane.url, "--as-root", "--name", "laptop",
        "--node-python", sys.executable, "--allow", str(folder / "allowed"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
        env=os.environ | {"HAYRIDE_NODE_DIR": str(folder / "state")},
    )  # fmt: skip
    try:
        assert process.stdin
        process.stdin.write(offer.command.partition("--token=")[2].encode() + b"\n")
        process.stdin.close()
        while True:
            state, machine = await plane.join_state(person, offer.offer_id)
            if state is JoinState.JOINED and machine:
                break
            await asyncio.sleep(0.01)
        yield machine.id, time.monotonic() - begun
    finally:
        process.terminate()
        await process.wait()


def box_pss(pid: int) -> float:
    """Megabytes of all processes in the process namespace of a box's process 1."""
    namespace = os.readlink(f"/proc/{pid}/ns/pid_for_children")
    total = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "ns/pid") == namespace:
                (line,) = [x for x in (entry / "smaps_rollup").read_text().splitlines() if x.startswith("Pss:")]
                total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024


def boxes(record: Path) -> int:
    import json

    told = json.loads(record.read_text())
    return int(told.get("box", told)["pid"])


async def first_event(
    plane: ControlPlane, person: str, place: str, spec: TrainSpec, n: int
) -> tuple[float, float, float]:
    """Milliseconds from `submit` to: the agent's first event, the task's, and what the chat could show of the latter.

    The events' own times are of the machine's clock, which is this host's. The job goes on to its end.
    """
    begun, wall = time.monotonic(), time.time()
    job: JobView = await plane.submit(person, spec, place, request=f"bench-{n}")
    seen = None
    async for view in plane.follow(job):
        if seen is None and view.started:
            seen = (time.monotonic() - begun) * 1000
    assert seen is not None
    events = await plane.store.jobs.events(person, job.id)
    return (events[0].at - wall) * 1000, (events[1].at - wall) * 1000, seen


async def watched(plane: ControlPlane, person: str, record: Path) -> float:
    """Megabytes of the pool's box while somebody looks at the dashboard, all of its parts up."""
    pool = await plane.pools_.client(person)
    for path, query in (("nodes", "view=summary"), ("api/v0/tasks", ""), ("api/jobs/", ""), ("api/cluster_status", "")):
        async with pool.request("GET", path, query, {"accept": "application/json"}, b"") as answer:
            assert answer.status == 200, path
            async for _ in answer.body:
                pass
    await asyncio.sleep(5)
    return box_pss(boxes(record))


async def measure(folder: Path) -> list[tuple[str, str, str]]:
    tables = write_tables(folder / "allowed")
    settings = Settings(data_dir=folder / "server", listen_port=0)
    plane = await ControlPlane.open(settings, SystemClock())
    try:
        await plane.serve()
        person = (await plane.local_person()).id
        warm = plane.machines_._warm

        async def later(machine: object) -> None: ...

        plane.machines_._warm = later  # type: ignore[method-assign]
        begun = time.monotonic()
        await plane.start_pool(person)
        pool_seconds = time.monotonic() - begun
        pool = await plane.store.pools.for_person(person)
        async with joined_machine(plane, person, folder) as (place, join):
            await asyncio.sleep(3)
            pool_pss = box_pss(boxes(settings.data_dir / "run" / pool.id / "box.json"))
            machine_pss = box_pss(boxes(folder / "state" / "run" / "box.json"))
            await warm(await plane.store.machines.get(person, place))
            spec = TrainSpec(data=PathData(path=str(tables.train)), target="diagnosis", model="logistic_regression")
            await first_event(plane, person, place, spec, -1)
            times = [await first_event(plane, person, place, spec, n) for n in range(RUNS)]
            accepted, started, shown = zip(*times, strict=True)
        watched_pss = await watched(plane, person, settings.data_dir / "run" / pool.id / "box.json")
        bare = bare_join()
    finally:
        await plane.close(stop_pools=True)
    return [
        ("pool's box ready", f"{pool_seconds:.1f} s", ""),
        ("join", f"{join:.1f} s", f"{join / bare:.2f} x bare `ray start --address` ({bare:.1f} s); aim 1.5"),
        ("Run to the job's first event", f"{median(accepted):.0f} ms", f"median of {RUNS}; aim 50"),
        ("Run to the task's first event", f"{median(started):.0f} ms", f"median of {RUNS}, worst {max(started):.0f}"),
        ("Run to what the chat shows of it", f"{median(shown):.0f} ms", f"median of {RUNS}, worst {max(shown):.0f}"),
        ("pool's box, PSS", f"{pool_pss:.0f} MB", "idle; nobody looks at the dashboard"),
        ("pool's box with the dashboard, PSS", f"{watched_pss:.0f} MB", "somebody looks at it; aim 500"),
        ("machine's box, PSS", f"{machine_pss:.0f} MB", "idle, not warmed; aim 300"),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="hm", dir="/tmp") as folder:
        rows = asyncio.run(measure(Path(folder)))
    tell("main_job", rows, "ray")


if __name__ == "__main__":
    main()
