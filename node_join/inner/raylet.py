"""The Ray node of this machine: `ray start`, kept running."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import shutil
import sys
from pathlib import Path

from node_join.backoff import Backoff
from node_join.inner.config import Grant, InnerConfig
from ray_jobs import threads
from ray_jobs.ports import HEAD, HEAD_ADDRESS, MACHINE
from sealing import processes

log = logging.getLogger(__name__)

#: How much of each tag the node has: a task takes a thousandth, so it is never the tag that limits.
_TAG_AMOUNT = 1000
_LOG_LIMIT = 10 * 1024 * 1024
_RAY = "from ray.scripts.scripts import main; main()"
#: Seconds that Ray's processes get to end by themselves.
_PATIENCE = 8.0
#: Seconds between looks at a raylet that is not ours to wait for.
_LOOK = 5.0
#: A node that ran this long, in seconds, was well: the next failure waits shortly again.
_WELL = 60.0


def ray_start(config: InnerConfig, grant: Grant) -> list[str]:
    """The command of this machine's Ray node."""
    return [
        *(sys.executable, "-c", _RAY, "start"),
        f"--address={HEAD_ADDRESS}:{HEAD.gcs}",
        f"--node-ip-address={grant.address}",
        *MACHINE.flags,
        f"--resources={json.dumps({grant.tag: _TAG_AMOUNT, grant.machine_tag: _TAG_AMOUNT})}",
        f"--num-cpus={config.cores}",
        f"--num-gpus={config.gpus}",
        f"--memory={config.memory}",
        f"--object-store-memory={config.object_store}",
        f"--temp-dir={config.temp}",
        "--include-log-monitor=false",  # nobody prints workers' output here; 50 MB less
        # Not --block where we adopt the raylet and watch it ourselves: that process would only wait, with 170 MB.
        *(() if processes.ADOPTS else ("--block",)),
    ]


def ray_environment(config: InnerConfig, grant: Grant) -> dict[str, str]:
    """What Ray and its workers see. HAYRIDE_PLACE and the paths are inherited."""
    return {
        **os.environ,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": grant.ray_token,
        "RAY_gcs_rpc_server_reconnect_timeout_s": "86400",  # outlive a head that is away; the default is 60
        "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",  # else Ray takes a Mac for a cluster of its own
        "RAY_worker_niceness": str(config.niceness),
        "RAY_ROTATION_MAX_BYTES": str(5 * 1024 * 1024),
        "RAY_ROTATION_BACKUP_COUNT": "2",
        # Workers are started when there is work, and threads by the dozen need no allocator's arena of their own each.
        "RAY_prestart_worker_first_driver": "0",
        "RAY_enable_worker_prestart": "0",
        "MALLOC_ARENA_MAX": "2",
        **threads.ENVIRONMENT,
    }


class RayNode:
    """Keeps `ray start` running for the newest grant; its own failures wait longer and longer, never for ever."""

    def __init__(self, config: InnerConfig) -> None:
        self._config = config
        self._grant: Grant | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._tunnel_up = asyncio.Event()

    async def tunnel_is_up(self, grant: Grant) -> None:
        """Starts the node at the first tunnel; leaves it alone at the next ones, unless who it is has changed."""
        self._tunnel_up.set()
        identity = {"door_key"}
        if self._grant and self._grant.model_dump(exclude=identity) == grant.model_dump(exclude=identity):
            return
        await self.stop()
        self._grant = grant
        self._keeping = asyncio.create_task(self._keep(grant), name="ray node")

    def tunnel_is_down(self) -> None:
        """A node that ends now is not started before the next tunnel; a running one goes on."""
        self._tunnel_up.clear()

    async def stop(self) -> None:
        if self._keeping:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None

    async def _keep(self, grant: Grant) -> None:
        backoff = Backoff(random.Random())
        loop = asyncio.get_running_loop()
        while True:
            await self._tunnel_up.wait()
            _forget_old_sessions(self._config.temp)
            began = loop.time()
            end = await self._run(grant)
            if loop.time() - began > _WELL:
                backoff.reset()
            log.warning("the Ray node is started again: %s", end)
            await asyncio.sleep(backoff.wait())

    async def _run(self, grant: Grant) -> str:
        """Runs the node to its end, and says what ended; ends all of it when cancelled."""
        output = self._config.folder / "logs" / "node.log"
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.exists() and output.stat().st_size > _LOG_LIMIT:
            output.unlink()
        with output.open("ab") as file:
            child = await processes.start(
                *ray_start(self._config, grant), output=file, environment=ray_environment(self._config, grant)
            )
        try:
            if not processes.ADOPTS:
                return await _end_below(child)
            if status := await child.wait():
                return f"`ray start` ended with {status}"
            if raylets := _raylets():
                await processes.wait_for_any(raylets)
            return "its raylet ended"
        finally:
            await processes.end_all(_PATIENCE)


async def _end_below(child: asyncio.subprocess.Process) -> str:
    """What ended of a node whose `ray start` stays: that does not end itself where a part of it ended in peace."""
    seen = False
    while child.returncode is None:
        alive = bool(_raylets())
        if seen and not alive:
            return "its raylet ended"
        seen = seen or alive
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(child.wait(), _LOOK)
    return f"`ray start` ended with {child.returncode}"


def _raylets() -> list[int]:
    return [each.pid for each in processes.descendants() if each.program == "raylet" and each.state != "Z"]


def _forget_old_sessions(temp: Path) -> None:
    """Ray leaves a folder of logs and sockets for each start; only the next one is of use."""
    for session in temp.glob("session_*"):
        if session.is_symlink():
            session.unlink()
        else:
            shutil.rmtree(session, ignore_errors=True)
