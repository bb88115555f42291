"""The Ray head inside the box: started, watched, and started clean where its memory is damaged."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from head.pool.config import Layout, PoolConfig
from head.pool.output import rotate
from head.pool.ray_dashboard import RayDashboard
from ray_jobs import threads
from ray_jobs.place import VARIABLE as PLACE_VARIABLE
from ray_jobs.ports import HEAD
from sealing import processes

log = logging.getLogger(__name__)

#: Seconds that one `ray start` may take; 8 are usual on two cores.
START_TIME = 60.0
#: A start that fails for no reason that we know is tried this often before the head's memory is put aside.
ATTEMPTS = 3
#: Without these there is no Ray head.
VITAL = frozenset({"gcs_server", "raylet"})
#: RocksDB's own words in its LOG. The GCS says so too, as it aborts, and then its last words may be lost on their way
#: to its own log, which rotates.
_DAMAGED = b"DB::Open() failed"
_TAIL = 100_000
_LOOK_EVERY = 0.5


class RayFailed(Exception):
    """`ray start` did not bring up a head."""


class MemoryDamaged(RayFailed):
    """What the head is to remember cannot be read."""


def ray_environment(config: PoolConfig, layout: Layout) -> dict[str, str]:
    """What has to be in the environment of every Ray process, ours included, before ray is imported."""
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": config.ray_token.get_secret_value(),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor",
        "RAY_gcs_storage": "rocksdb",
        "RAY_gcs_storage_path": str(layout.gcs),
        # Unreachable is not dead: with Ray's default a silent machine is told to end its jobs. Our heartbeats judge.
        "RAY_health_check_failure_threshold": "100000",
        "RAY_ROTATION_MAX_BYTES": str(5 * 1024 * 1024),
        "RAY_ROTATION_BACKUP_COUNT": "2",
        # Workers are started when there is work: an idle one would hold 60 MB.
        "RAY_prestart_worker_first_driver": "0",
        "RAY_enable_worker_prestart": "0",
        # Threads by the dozen, each with an allocator's arena of its own, else hold tens of MB.
        "MALLOC_ARENA_MAX": "2",
        **threads.ENVIRONMENT,
        PLACE_VARIABLE: str(layout.place_file),
    }


class RayHead:
    """One Ray head at a time, below this process."""

    def __init__(self, config: PoolConfig, *, gcs: Path, temp: Path, logs: Path) -> None:
        self._config = config
        self._gcs = gcs
        self._temp = temp
        self._output = logs / "ray-head.log"
        self._dashboard = RayDashboard(config.address, logs)

    async def start(self) -> None:
        """Returns when GCS and raylet run; tries again as often as it takes, with a pause that grows to 10 s."""
        failures = 0
        self._forget_another_token()
        while True:
            await processes.end_all(0.0)
            self._clean()
            try:
                await self._start_once()
            except RayFailed as error:
                failures += 1
                log.error("The Ray head did not start: %s", error)
                if isinstance(error, MemoryDamaged) or failures % ATTEMPTS == 0:
                    self._put_memory_aside()
                await asyncio.sleep(min(failures, 10))
            else:
                return

    async def wait_dead(self) -> str:
        """Waits until a vital process of the head has ended; says which."""
        vital = {process.pid: process.program for process in self._vital()}
        if set(vital.values()) != VITAL:
            return "a process that never came up"
        return vital[await processes.wait_for_any(list(vital))]

    async def keep_dashboard(self) -> None:
        """Sees to the dashboard as long as the head lives; never returns."""
        await self._dashboard.keep()

    def ask_dashboard(self) -> None:
        """Somebody looks at it."""
        self._dashboard.ask()

    async def _start_once(self) -> None:
        rotate(self._output)
        with self._output.open("wb") as output:
            # Not --block: that process would only wait, with 170 MB. We adopt what it leaves behind, and watch that.
            child = await processes.start(
                sys.executable, "-m", "ray.scripts.scripts", *self._arguments(), output=output
            )
        try:
            await self._wait_started(child)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if {process.program for process in self._vital()} != VITAL:
            raise RayFailed("a part of it ended at once")
        self._end_needless()

    async def _wait_started(self, child: asyncio.subprocess.Process) -> None:
        """Returns when `ray start` has ended well. Raises RayFailed, MemoryDamaged."""
        begun = time.time()
        ended = asyncio.ensure_future(child.wait())
        while not ended.done():
            await asyncio.wait({ended}, timeout=_LOOK_EVERY)
            # It would go on asking a GCS that has died, for 40 s.
            if self._memory_damaged(begun):
                raise MemoryDamaged("the GCS cannot open its RocksDB")
            if time.time() - begun > START_TIME:
                raise RayFailed(f"no end of `ray start` within {START_TIME:.0f} s")
        if ended.result() != 0:
            raise RayFailed(f"`ray start` ended with {ended.result()}")

    def _arguments(self) -> tuple[str, ...]:
        config = self._config
        return (
            "start", "--head", f"--node-ip-address={config.address}", f"--port={HEAD.gcs}", *HEAD.flags,
            f"--num-cpus={config.cpus}", f"--memory={config.memory}",
            f"--object-store-memory={config.object_store}", '--resources={"head": 1}',
            f"--temp-dir={self._temp}", "--disable-usage-stats",
            # RayDashboard starts it with less in it, after the head is up.
            "--include-dashboard=false", f"--dashboard-host={config.address}", f"--dashboard-port={HEAD.dashboard}",
            # Nobody scales this cluster, and no driver prints its workers' logs.
            "--no-monitor", "--include-log-monitor=false",
        )  # fmt: skip

    def _end_needless(self) -> None:
        """Ray's client server has no option that leaves it out. 50 MB, and a way in that nobody needs."""
        for process in processes.descendants():
            if "ray.util.client.server" in process.command:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)

    def _vital(self) -> list[processes.Process]:
        return [each for each in processes.descendants() if each.program in VITAL and each.state != "Z"]

    def _clean(self) -> None:
        """Removes what dead heads left, but for the last one's logs. A task may have put anything here."""
        sessions = sorted(self._sessions(), key=lambda session: session.stat().st_mtime)
        for session in sessions[:-1]:
            shutil.rmtree(session, ignore_errors=True)
        for session in sessions[-1:]:
            shutil.rmtree(session / "sockets", ignore_errors=True)
        (self._temp / "ray_current_cluster").unlink(missing_ok=True)

    def _sessions(self) -> list[Path]:
        return [path for path in self._temp.iterdir() if path.is_dir() and not path.is_symlink()]

    def _memory_damaged(self, since: float) -> bool:
        """Whether a GCS could not open it since then (seconds since the epoch)."""
        logs = [log for log in self._gcs.glob("*/LOG") if log.is_file() and log.stat().st_mtime >= since]
        return any(_DAMAGED in log.read_bytes()[-_TAIL:] for log in logs)

    def _forget_another_token(self) -> None:
        """A fresh token is a fresh cluster: it is given out when a machine was revoked and no job runs. What the head
        remembers of the old one's nodes, which all begin anew, would only hold agents up that are made anew.
        """
        mark = self._gcs.with_name("gcs.token")
        digest = hashlib.sha256(self._config.ray_token.get_secret_value().encode()).hexdigest()
        if mark.exists() and mark.read_text() != digest:
            log.info("The Ray token is a fresh one; the head forgets its nodes")
            shutil.rmtree(self._gcs)
            self._gcs.mkdir(mode=0o700)
        mark.write_text(digest)

    def _put_memory_aside(self) -> None:
        """Machines join again and jobs come back from their journals, so a head without memory is no loss."""
        aside = self._gcs.with_name("gcs.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        self._gcs.rename(aside)
        self._gcs.mkdir(mode=0o700)
        log.error("What the Ray head remembered could not be opened; it is put aside at %s", aside)
