"""A pool without a box, and beside it a machine's bare raylet that is killed: `FOLDER`, in a host of its own.

Prints one JSON object a line: what was seen before the raylet was killed, after it came back, and at the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from head.clock import SystemClock
from head.keeper import Keeper, KeeperSettings, PoolIdentity
from head.pool_client import PoolClient
from ray_jobs.place import VARIABLE, Place
from ray_jobs.ports import HEAD, HEAD_ADDRESS, MACHINE

_POOL = PoolIdentity(pool_id="smallpool", tag="u_abcdefgh234567ab", ray_token="k" * 43)
_ADDRESS = "127.77.1.1"
_PATIENCE = 90.0


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201


def start_raylet(folder: Path, temp: str) -> None:
    """As a machine's box starts it, but for the box."""
    place = Place(folder=folder, folder_as_owner_knows=str(folder), home=str(folder), quota=1 << 30)
    (folder / "place.json").write_text(place.model_dump_json())
    environment = dict(os.environ) | {
        "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _POOL.ray_token, "RAY_USAGE_STATS_ENABLED": "0",
        VARIABLE: str(folder / "place.json"),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "ray.scripts.scripts", "start", f"--address={HEAD_ADDRESS}:{HEAD.gcs}",
        f"--node-ip-address={_ADDRESS}", *MACHINE.flags, "--num-cpus=1", "--object-store-memory=80000000",
        f'--resources={{"m_laptop1": 1000, "{_POOL.tag}": 1000}}', f"--temp-dir={temp}",
    ]  # fmt: skip
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def kill_machine(folder: Path) -> None:
    """All that has the machine's place in its environment, its agent too."""
    mark = f"{VARIABLE}={folder / 'place.json'}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue  # gone meanwhile


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + _PATIENCE
    while not await true():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(0.2)


async def answers(client: PoolClient) -> bool:
    """Whether the machine's agent does."""
    try:
        return await client.models("laptop1") == ()
    except Exception:
        return False


async def main(folder: Path, temp: str) -> None:
    settings: dict[str, Any] = {"cpus": 1, "memory": 3 << 30, "object_store": 80 << 20, "quota": 1 << 30}
    keeper = Keeper(KeeperSettings(data_dir=folder / "data", sealed=False, idle_seconds=60, **settings), SystemClock())
    machine = folder / "machine"
    machine.mkdir()
    try:
        client = await keeper.ensure(_POOL)
        start_raylet(machine, temp)
        await until(lambda: answers(client))
        say(sealed=(await client.health()).sealed, alive=[row.alive for row in await client.machines()])
        kill_machine(machine)
        start_raylet(machine, temp)
        begun = time.monotonic()
        await until(lambda: answers(client))
        say(seconds=round(time.monotonic() - begun, 1))
    finally:
        await keeper.stop(_POOL.pool_id)
        await keeper.close()
        kill_machine(machine)
    # The machine's Ray agents are not the keeper's, and end by themselves when they miss their raylet.
    await until(nothing_left)
    say(left=[])


async def nothing_left() -> bool:
    return not any(_is_ray(name) for name in os.listdir("/proc") if name.isdigit())


def _is_ray(pid: str) -> bool:
    try:
        return "ray" in Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0].rsplit("/", 1)[-1]
    except OSError:
        return False


if __name__ == "__main__":
    # Ray's sockets need a short path.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="hr-", ignore_cleanup_errors=True) as short:
        asyncio.run(main(Path(sys.argv[1]), short))
