"""Keeps the pools' boxes: starts them on demand, finds them after a restart of ours, stops the idle ones.

Boxes are no children that end with us. What is needed to find one again lies in run/<pool id>/, which no box contains:
its sockets, `box.json` (which process it is) and `errors` (its words before it had a log of its own).
pools/<pool id>/ is the box's: once a box has written there, nothing of ours opens a path in it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from head.clock import Clock
from head.errors import HayrideError, PoolUnavailable, SealingError
from head.pool_client import PoolClient
from head.pool_plan import KeeperSettings, PoolIdentity, pool_plan
from head.settings import Settings
from ray_jobs.place import checked_id
from ray_jobs.spec import without_controls
from sealing import Box, SealError, SocketFolder, discard, launch, launch_unsealed, only_box, set_aside

__all__ = ["Keeper", "KeeperSettings", "PoolIdentity", "keeper_settings"]

log = logging.getLogger(__name__)

#: Seconds that a box may take to be ready; 12 are usual on two cores.
READY_TIME = 180.0
#: Seconds that a box's program is given to end by itself.
PATIENCE = 8.0
_HTTP, _DOOR, _BOX, _ERRORS, _LOCK = "http.sock", "door.sock", "box.json", "errors", "lock"
_LAST_WORDS = 300
#: Seconds to delete what a pool has written.
_EMPTYING = 120.0


@dataclass(kw_only=True)
class _Pool:
    """A pool whose box runs, or was seen running."""

    box: Box
    sockets: SocketFolder
    client: PoolClient
    used: float  #: the clock's monotonic time when something last needed it

    async def forget(self) -> None:
        await self.client.close()
        self.sockets.close()


@dataclass(frozen=True, kw_only=True)
class BoxState:
    """What is seen of a pool's box without asking it."""

    awake: bool
    since: datetime | None  #: None: it never ran
    memory: int | None  #: bytes


@dataclass
class Keeper:
    """The pools of one data folder; only one keeper at a time may have it."""

    settings: KeeperSettings
    clock: Clock
    _pools: dict[str, _Pool] = field(default_factory=dict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def ensure(self, pool: PoolIdentity) -> PoolClient:
        """A client of the pool's box, which is ready; started where it does not run. Concurrent calls share one start.

        Raises PoolUnavailable, or SealingError where no box can be made.
        """
        async with self._lock(pool.pool_id):
            found = self._pools.get(pool.pool_id)
            if found:
                try:
                    return await self._ready(pool.pool_id, found)
                except PoolUnavailable as error:
                    log.warning("The box of pool %s is started again: %s", pool.pool_id, error)
            return await self._ready(pool.pool_id, await self._start(pool))

    def client(self, pool_id: str) -> PoolClient | None:
        """The client of a box that runs (it may still be starting); None where it sleeps."""
        found = self._pools.get(pool_id)
        return found.client if found and found.box.alive() else None

    def door_address(self, pool_id: str) -> str:
        """AF_UNIX path of the pool's door, good in this process. Raises PoolUnavailable where the pool sleeps."""
        found = self._pools.get(pool_id)
        if found is None:
            raise PoolUnavailable("Your pool is asleep.", remedy="It starts when it is needed.")
        return found.sockets.address(_DOOR)

    def look(self, pool_id: str) -> BoxState:
        """How the pool's box stands, from outside; blocks while it is measured."""
        found = self._pools.get(pool_id)
        run = self._run(pool_id)
        if found and found.box.alive():
            return BoxState(awake=True, since=_changed(run / _BOX), memory=found.box.memory())
        return BoxState(awake=False, since=_changed(run), memory=None)

    async def find_running(self) -> list[str]:
        """Takes over the boxes that an earlier control plane left running; says of which pools."""
        run = self.settings.data_dir / "run"
        for folder in sorted(run.iterdir()) if run.is_dir() else []:
            try:
                pool_id = checked_id(folder.name)
            except ValueError:
                continue
            async with self._lock(pool_id):
                if pool_id not in self._pools:
                    await self._find(pool_id)
        return sorted(self._pools)

    async def stop(self, pool_id: str) -> None:
        """Ends the pool's box and everything in it; leaves its folder as it is. One that does not run is fine."""
        async with self._lock(pool_id):
            await self._end(pool_id)

    async def discard(self, pool_id: str) -> None:
        """Deletes all that the pool's box has written, what an earlier attempt left too; it must not run. Raises
        PoolUnavailable where some of it stays.
        """
        async with self._lock(pool_id):
            try:
                await asyncio.to_thread(_discard, self.settings, pool_id, self._run(pool_id) / _ERRORS)
            except (SealError, OSError) as error:
                log.error("What pool %s has written could not be deleted: %s", pool_id, error)
                raise PoolUnavailable("What your pool held could not be deleted yet.", remedy="Try later.") from error

    async def stop_idle(self, open_pools: Set[str]) -> list[str]:
        """Ends the boxes that were not among the open pools, nor asked for, for the idle time; says which."""
        now = self.clock.monotonic()
        idle = []
        for pool_id, pool in list(self._pools.items()):
            if pool_id in open_pools:
                pool.used = now
            elif now - pool.used >= self.settings.idle_seconds and not self._lock(pool_id).locked():
                log.info("Pool %s is idle; its box is stopped", pool_id)
                await self.stop(pool_id)
                idle.append(pool_id)
        return idle

    async def close(self) -> None:
        """Lets go of the boxes, which go on."""
        for pool_id in list(self._pools):
            await self._pools.pop(pool_id).forget()

    # --- inside ---

    def _lock(self, pool_id: str) -> asyncio.Lock:
        return self._locks.setdefault(pool_id, asyncio.Lock())

    def _run(self, pool_id: str) -> Path:
        return self.settings.data_dir / "run" / checked_id(pool_id)

    async def _start(self, pool: PoolIdentity) -> _Pool:
        """Launches a box; its program has only begun when this returns."""
        run = self._run(pool.pool_id)
        try:
            sockets = await asyncio.to_thread(_private_folders, run, self.settings.pool_folder(pool.pool_id))
            box = await asyncio.to_thread(_launch, self.settings, pool, sockets)
        except SealError as error:
            raise SealingError(error.message, remedy=error.remedy) from error
        log.info("The box of pool %s was started, process %d", pool.pool_id, box.pid)
        return self._keep(pool.pool_id, box, sockets)

    def _keep(self, pool_id: str, box: Box, sockets: SocketFolder) -> _Pool:
        client = PoolClient(sockets.address(_HTTP))
        found = _Pool(box=box, sockets=sockets, client=client, used=self.clock.monotonic())
        self._pools[pool_id] = found
        return found

    async def _ready(self, pool_id: str, pool: _Pool) -> PoolClient:
        """The pool's client once its box is ready. A box that will not be is ended, and PoolUnavailable raised."""
        pool.used = self.clock.monotonic()
        try:
            await self._wait_ready(pool_id, pool)
        except PoolUnavailable:
            await self._end(pool_id)
            raise
        return pool.client

    async def _wait_ready(self, pool_id: str, pool: _Pool) -> None:
        deadline = self.clock.monotonic() + READY_TIME
        while pool.box.alive() and (left := deadline - self.clock.monotonic()) > 0:
            with suppress(PoolUnavailable):
                if (await pool.client.health(deadline=left)).state == "ready":
                    return
            await self.clock.sleep(0.1)
        how = f"was not ready within {READY_TIME:.0f} s" if pool.box.alive() else "ended"
        raise PoolUnavailable(f"Your pool's box {how}.{self._words(pool_id)}", remedy="Try again.")

    def _words(self, pool_id: str) -> str:
        """The last line of what the box said before it had a log of its own: hostile text."""
        with suppress(OSError):
            content = (self._run(pool_id) / _ERRORS).read_bytes()[-4096:].decode(errors="replace")
            log.error("The box of pool %s said: %s", pool_id, without_controls(content))
            lines = [line for line in without_controls(content).splitlines() if line.strip()]
            if lines:
                return f" It said: {lines[-1][-_LAST_WORDS:]}"
        return ""

    async def _find(self, pool_id: str) -> None:
        """Takes over one box, or tidies up after one that has ended."""
        run = self._run(pool_id)
        box = await asyncio.to_thread(_read_record, run / _BOX)
        if box is None:
            return
        if box.alive():
            self._keep(pool_id, box, SocketFolder(run))
            log.info("Found the box of pool %s, process %d", pool_id, box.pid)
        else:
            await self._end(pool_id)

    async def _end(self, pool_id: str) -> None:
        """Ends the box that is kept, or recorded, and forgets it."""
        run = self._run(pool_id)
        kept = self._pools.pop(pool_id, None)
        box = kept.box if kept else await asyncio.to_thread(_read_record, run / _BOX)
        if kept:
            await kept.forget()
        if box is None:
            return
        try:
            await asyncio.to_thread(box.stop, patience=PATIENCE)
        except SealError as error:
            raise PoolUnavailable(error.message, remedy=error.remedy) from error
        await asyncio.to_thread(_tidy, run)


def _private_folders(run: Path, folder: Path) -> SocketFolder:
    """Makes the pool's two folders, for nobody but us. Raises SealError, or HayrideError where one is not ours."""
    for each in (run.parent, folder.parent, folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.lstat(each)
        if each.is_symlink() or found.st_uid != os.geteuid():
            raise HayrideError(f"The server's folder {each.name} is not its own.", remedy="Choose another data folder.")
    return SocketFolder(run)


def _launch(settings: KeeperSettings, pool: PoolIdentity, sockets: SocketFolder) -> Box:
    """Starts the pool's box and records it. Raises SealError."""
    run = sockets.path
    begin = launch if settings.sealed else launch_unsealed
    with (
        only_box(run / _LOCK, patience=PATIENCE) as lock,
        sockets.listen(_HTTP) as http,
        sockets.listen(_DOOR) as door,
    ):
        plan = pool_plan(settings, pool, {"http": http, "door": door})
        box = begin(plan, errors=run / _ERRORS, lock=lock)
    _write_record(run / _BOX, box)
    return box


def _discard(settings: KeeperSettings, pool_id: str, errors: Path) -> None:
    """Out of the way first, so that what cannot be emptied now is no pool's any more. Raises SealError, OSError."""
    folder, dead = settings.pool_folder(pool_id), settings.data_dir / "dead"
    dead.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_dir():
        set_aside(folder, dead)
    for left in dead.glob(f"{pool_id}-*"):
        if settings.sealed:
            discard(left, errors=errors, seconds=_EMPTYING)
        else:
            shutil.rmtree(left)  # without boxes what ran there had our rights anyway; links are not followed


def _write_record(path: Path, box: Box) -> None:
    aside = path.with_suffix(".new")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
        json.dump(box.to_json(), file)
    aside.replace(path)


def _read_record(path: Path) -> Box | None:
    """The box that was recorded; None where there is no record that can be used."""
    try:
        return Box.from_json(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, SealError) as error:
        log.error("The record %s of a box is damaged: %s", path, error)
        return None


def _changed(path: Path) -> datetime | None:
    """A box's record is written when it starts; its folder changes last when that is removed."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _tidy(run: Path) -> None:
    with SocketFolder(run) as sockets:
        for name in (_HTTP, _DOOR, _BOX):
            sockets.remove(name)


def keeper_settings(settings: Settings) -> KeeperSettings:
    """What the server's settings say of its boxes."""
    return KeeperSettings(
        data_dir=settings.data_dir,
        sealed=settings.sealing,
        cpus=settings.pool.cpus,
        memory=settings.pool.memory,
        object_store=settings.pool.object_store_memory,
        quota=settings.pool.quota,
        idle_seconds=settings.pool.idle_seconds,
    )
