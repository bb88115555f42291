"""Processes by (pid, start): a pid alone may be another's by now, so every signal looks twice."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sealing.process_table import TABLE

_PROC = Path("/proc")
#: Where no pidfd exists, how often a wait looks again, seconds.
_LOOK_AGAIN = 0.05


def started_at(pid: int) -> int | None:
    """Start of the process, in a unit of the system's; None: it has ended."""
    return TABLE.started(pid)


def send(pid: int, started: int, number: signal.Signals) -> bool:
    """Signals exactly this process. False where it has ended or may not be signalled."""
    handle = handle_of(pid)
    try:
        # The handle is of whatever has this pid now; only then is it worth asking when that started.
        if started_at(pid) != started:
            return False
        if sys.platform == "linux" and handle is not None and hasattr(signal, "pidfd_send_signal"):
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def wait(pid: int, started: int, seconds: float) -> bool:
    """Waits for the end of exactly this process. True: it has ended."""
    deadline = time.monotonic() + seconds
    handle = handle_of(pid)
    try:
        while started_at(pid) == started:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if handle is None:
                time.sleep(min(_LOOK_AGAIN, left))
            else:
                select.select([handle], [], [], left)
    finally:
        if handle is not None:
            os.close(handle)
    return True


def children(pid: int) -> list[tuple[int, int]]:
    """(pid, start) of the living children of `pid`, oldest first."""
    return sorted(those(lambda child: _parent(child) == pid), key=lambda process: process[1])


def marked(name: str, value: str) -> list[tuple[int, int]]:
    """(pid, start) of the processes that were started with this variable, and of all below them: what one launch
    brought forth. (On a Mac a program that gave itself a title, as Ray's workers do, shows no variables any more.)
    """
    found = dict(those(lambda pid: TABLE.environment(pid).get(name) == value))
    parents = set(found)
    while below := [(pid, started) for pid, started in those(lambda pid: _parent(pid) in parents) if pid not in found]:  # noqa: B023
        found.update(below)
        parents = {pid for pid, _ in below}
    return list(found.items())


def those(wanted: Callable[[int], bool]) -> list[tuple[int, int]]:
    """(pid, start) of the living processes that are wanted."""
    found = []
    for pid in TABLE.pids():
        # Asked again after its start is known: the pid may have become another's in between.
        if wanted(pid) and (started := started_at(pid)) is not None and wanted(pid):
            found.append((pid, started))
    return found


def _parent(pid: int) -> int | None:
    stat = TABLE.stat(pid)
    return stat.parent if stat else None


def in_namespace_of(pid: int) -> list[int]:
    """Every process of the process namespace in which `pid` is. Linux alone has them."""
    wanted = _namespace(pid)
    return [other for other in TABLE.pids() if _namespace(other) == wanted] if wanted else []


def _namespace(pid: int) -> str | None:
    try:
        return os.readlink(_PROC / str(pid) / "ns/pid")
    except OSError:
        return None


def handle_of(pid: int) -> int | None:
    """A descriptor of the process, readable once it has ended; the caller closes it. None where it has ended, and where
    there is no such thing: on macOS, and in builds of Python for the oldest Linux.
    """
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
