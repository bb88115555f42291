"""How long a join takes, and how long a machine that slept: `uv run python -m benchmarks.join`.

- join: from the start of the pasted command to the node's state ALIVE in Ray; cold (no environment, an empty cache:
  everything is fetched from the package registry) and warm (the environments are there), each on a pool that runs;
- beside it a bare `ray start --address`, whose environment is there;
- wake-up: a test host with a job is frozen whole; from its thawing to the next of its events in the server's store.

Prints a table and keeps it in benchmarks/results/. Cold needs a network, and some 3 GB of temporary files.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.main_job import bare_join
from benchmarks.page import tell
from head.api import JoinState
from head.clock import SystemClock
from head.service import ControlPlane
from head.settings import Settings
from ray_jobs.spec import Completed, Progress
from tests.support.environments import prepared
from tests.support.tables import write_tables
from tests.support.world import LATE, World, until

RUNS = 3
SLEEPS = (5.0, 60.0)  # seconds; the last is long after the server called the machine out of reach
#: Trains for longer than it takes to wake up.
_LONG = "model=random_forest n_estimators=2500"


async def join(folder: Path, environments: Path, cache: Path) -> float:
    """Seconds from the start of the pasted command to the node's place among Ray's living, on a server of its own."""
    allowed = folder / "allowed"
    allowed.mkdir(parents=True)
    plane = await ControlPlane.open(Settings(data_dir=folder / "server", listen_port=0), SystemClock())
    try:
        await plane.serve()
        person = (await plane.local_person()).id
        await plane.start_pool(person)
        await asyncio.sleep(5)  # the dashboard comes up after the pool is ready
        offer = await plane.offer_join(person)
        surroundings = {
            "HAYRIDE_NODE_DIR": folder / "state",
            "HAYRIDE_ENVIRONMENTS": environments,
            "UV_CACHE_DIR": cache,
            "HOME": environments.parent,
        }
        begun = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", f"{offer.command} --as-root --name laptop --allow {allowed}",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, start_new_session=True,
            env=os.environ | {name: str(path) for name, path in surroundings.items()},
        )  # fmt: skip
        try:
            while (await plane.join_state(person, offer.offer_id))[0] is not JoinState.JOINED:
                assert process.returncode is None, "the join ended"
                await asyncio.sleep(0.01)
            return time.monotonic() - begun
        finally:
            await leave(folder / "state")
            await process.wait()
    finally:
        await plane.close(stop_pools=True)


async def leave(state: Path) -> None:
    """Takes the machine out: its node agent ends, and the pasted command with it."""
    process = await asyncio.create_subprocess_exec(
        state / "current" / "bin" / "hayride-node", "leave",
        stdout=asyncio.subprocess.DEVNULL, env=os.environ | {"HAYRIDE_NODE_DIR": str(state)},
    )  # fmt: skip
    await process.wait()


def wake_ups(folder: Path) -> list[float]:
    """Seconds to the first event after each of SLEEPS, of one job that lives through them all."""
    tables = write_tables(folder / "allowed")
    with World(folder, prepared(folder / "environments")) as world:
        laptop = world.site.machine("laptop")
        world.join(laptop, allow=tables.folder)
        world.chat.expect(r"laptop.*joined", within=LATE)
        world.chat.say(f"/train {tables.train} diagnosis {_LONG}")
        world.chat.expect(r"\[1\] Run")
        world.chat.say("#1")
        job = world.chat.expect(r"job_([a-z0-9]+)").group(1)
        until(lambda: any(isinstance(e, Progress) and e.fraction for e in world.events(job)), "it trains", within=LATE)
        found = []
        for seconds in SLEEPS:
            laptop.freeze()
            time.sleep(seconds)
            heard = len(world.events(job))
            assert not world.ended(job, Completed), "the job was too short"
            laptop.thaw()
            woken = time.monotonic()
            until(lambda heard=heard: len(world.events(job)) > heard, "it is back", within=LATE)  # type: ignore[misc]
            found.append(time.monotonic() - woken)
        until(lambda: world.ended(job, Completed), "the job ends well", within=LATE)
    return found


def measure(folder: Path) -> list[tuple[str, str, str]]:
    environments, cache = folder / "environments", folder / "cache"
    cold = asyncio.run(join(folder / "cold", environments, cache))
    warm, bare = [], []
    for n in range(RUNS):  # side by side, for what else the machine does touches both
        warm.append(asyncio.run(join(folder / f"warm{n}", environments, cache)))
        bare.append(bare_join())
    ray = median(bare)
    slept = wake_ups(folder / "sleep")
    return [
        ("bare `ray start --address`", f"{ray:.1f} s", f"median of {RUNS}"),
        ("join, warm", f"{median(warm):.1f} s", f"median of {RUNS}; {median(warm) / ray:.2f} x bare; aim 1.5"),
        ("join, cold", f"{cold:.1f} s", f"once; {cold / ray:.1f} x bare, most of it the download"),
        *(
            (f"back after {seconds:.0f} s of sleep", f"{wait:.1f} s", "to the job's next event in the store; aim 15")
            for seconds, wait in zip(SLEEPS, slept, strict=True)
        ),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="hj", dir="/tmp") as folder:
        rows = measure(Path(folder))
    tell("join", rows, "ray")


if __name__ == "__main__":
    main()
