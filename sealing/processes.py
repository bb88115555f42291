"""The processes below us. Ray's outlive their parents, so we adopt them, watch the vital ones and end them all.

macOS gives orphans to nobody but its process 1: there a parent has to stay until its children have ended.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from sealing.process import handle_of
from sealing.process_table import TABLE

#: Whether we are given the children of a descendant that ends.
ADOPTS = sys.platform == "linux"
_PR_SET_CHILD_SUBREAPER = 36
#: Seconds.
_REAP_EVERY, _LOOK_AGAIN = 5.0, 0.5
#: Children whose exit code is asyncio's.
_ours: set[int] = set()


@dataclass(frozen=True, kw_only=True)
class Process:
    pid: int
    parent: int
    state: str  #: one letter as in /proc/PID/stat; Z is a zombie
    command: tuple[str, ...]

    @property
    def program(self) -> str:
        """The base name of what was started, "gcs_server" for example."""
        return os.path.basename(self.command[0]) if self.command else ""


def adopt_orphans() -> None:
    """Makes us the parent of every descendant whose own parent ends, where ADOPTS. Raises OSError."""
    if not ADOPTS:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def descendants(of: int | None = None) -> list[Process]:
    """All below a process, or below us; zombies included."""
    everyone = list(_all())
    found: list[Process] = []
    parents = {os.getpid() if of is None else of}
    while parents:
        below = [process for process in everyone if process.parent in parents]
        found += below
        parents = {process.pid for process in below}
    return found


def kill_all(number: signal.Signals) -> int:
    """Sends a signal to every living descendant; says to how many."""
    alive = [process for process in descendants() if process.state != "Z"]
    for process in alive:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
    return len(alive)


def kill_tree(pid: int) -> None:
    """Ends a process and all below it at once."""
    for each in (pid, *(process.pid for process in descendants(pid))):
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


async def start(
    *command: str, output: BinaryIO, environment: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """A child of ours, whose exit code is known when it ends. It gets our environment where none is given."""
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=environment
    )
    _ours.add(child.pid)
    return child


async def end_all(patience: float) -> None:
    """Asks every descendant to end, waits at most `patience` seconds, then kills what is left."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    kill_all(signal.SIGTERM)
    while loop.time() < deadline and any(process.state != "Z" for process in descendants()):
        reap()
        await asyncio.sleep(0.05)
    # What is killed cannot fork, but what has not been killed yet can: until there is none.
    while kill_all(signal.SIGKILL):
        reap()
        await asyncio.sleep(0.02)
    reap()


def reap() -> None:
    """Buries adopted children that have ended, but for those that asyncio waits for."""
    for process in descendants():
        if process.parent == os.getpid() and process.state == "Z" and process.pid not in _ours:
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)


async def keep_reaping() -> None:
    """Buries them every few seconds; never returns."""
    while True:
        await asyncio.sleep(_REAP_EVERY)
        reap()


async def wait_for_any(pids: list[int]) -> int:
    """Waits until one of the processes has ended; says which."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def note(pid: int) -> None:
        if not ended.done():
            ended.set_result(pid)

    handles = {pid: handle for pid in pids if (handle := handle_of(pid)) is not None}
    try:
        if len(handles) < len(pids):  # one has ended already, or nothing here tells of ends
            return await _looked_for(pids)
        for pid, handle in handles.items():
            loop.add_reader(handle, note, pid)
        return await ended
    finally:
        for handle in handles.values():
            loop.remove_reader(handle)
            os.close(handle)


async def _looked_for(pids: list[int]) -> int:
    while True:
        for pid in pids:
            if TABLE.started(pid) is None:
                return pid
        await asyncio.sleep(_LOOK_AGAIN)


def _all() -> Iterator[Process]:
    for pid in TABLE.pids():
        if stat := TABLE.stat(pid):
            yield Process(pid=pid, parent=stat.parent, state=stat.state, command=TABLE.command(pid))
