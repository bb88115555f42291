"""Processes by (pid, start): a pid alone may be another's by now, so every signal looks twice."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

_PROC = Path("/proc")
#: Where no pidfd exists, how often a wait looks again, seconds.
_LOOK_AGAIN = 0.05


def started_at(pid: int) -> int | None:
    """Start of the process, clock ticks since boot (without a /proc: seconds since 1970). None: it has ended."""
    if sys.platform != "linux":
        return _started_by_ps(pid)
    fields = _stat(pid)
    if fields is None or fields[0] in (b"Z", b"X"):
        return None
    return int(fields[19])


def send(pid: int, started: int, number: signal.Signals) -> bool:
    """Signals exactly this process. False where it has ended or may not be signalled."""
    handle = _open(pid)
    try:
        # The handle is of whatever has this pid now; only then is it worth asking when that started.
        if started_at(pid) != started:
            return False
        if handle is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(handle, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def wait(pid: int, started: int, seconds: float) -> bool:
    """Waits for the end of exactly this process. True: it has ended."""
    deadline = time.monotonic() + seconds
    handle = _open(pid)
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
    found = []
    for child in pids():
        fields = _stat(child)
        if fields is not None and int(fields[1]) == pid and fields[0] not in (b"Z", b"X"):
            found.append((child, int(fields[19])))
    return sorted(found, key=lambda process: process[1])


def marked(entry: str) -> list[tuple[int, int]]:
    """(pid, start) of the processes whose environment holds `entry`, "NAME=value": what one launch brought forth."""
    wanted = entry.encode()
    found = []
    for pid in pids():
        started = started_at(pid)
        if started is not None and wanted in _environment(pid):
            found.append((pid, started))
    return found


def variable(pid: int, name: str) -> str | None:
    """What the process was started with as variable `name`; None without it, and where that is not shown to us."""
    prefix = f"{name}=".encode()
    return next((os.fsdecode(entry[len(prefix) :]) for entry in _environment(pid) if entry.startswith(prefix)), None)


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def pids() -> list[int]:
    """All that there are; none without a /proc."""
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()] if _PROC.is_dir() else []


def in_namespace_of(pid: int) -> list[int]:
    """Every process of the process namespace in which `pid` is."""
    wanted = _namespace(pid)
    return [other for other in pids() if _namespace(other) == wanted] if wanted else []


def memory(pid: int) -> int | None:
    """Bytes that the process holds, shared pages in parts (PSS); None where that is not shown to us."""
    try:
        rollup = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith("Pss:")), None)


def _namespace(pid: int) -> str | None:
    try:
        return os.readlink(_PROC / str(pid) / "ns/pid")
    except OSError:
        return None


def _stat(pid: int) -> list[bytes] | None:
    """Fields of /proc/PID/stat from the state on: the name before it may hold anything."""
    try:
        return (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None


def _open(pid: int) -> int | None:
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _started_by_ps(pid: int) -> int | None:
    command = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    shown = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"LC_ALL": "C", "PATH": os.defpath}
    )
    state, _, start = shown.stdout.strip().partition(" ")
    if not start or state.startswith("Z"):
        return None
    return int(datetime.strptime(start.strip(), "%a %b %d %H:%M:%S %Y").astimezone().timestamp())
