"""What a system tells of its processes: Linux in /proc, others to psutil. Of what has ended it tells nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")

_PROC = Path("/proc")


class Stat(NamedTuple):
    parent: int
    state: str  #: one letter as in /proc/PID/stat; Z is a zombie


class ProcessTable(Protocol):
    """Every method takes the pid of a process that may be gone, or another user's."""

    def pids(self) -> list[int]: ...

    def stat(self, pid: int) -> Stat | None: ...

    def started(self, pid: int) -> int | None:
        """Its start, in the system's own unit: with the pid it names one process for ever. None: it has ended."""

    def command(self, pid: int) -> tuple[str, ...]: ...

    def environment(self, pid: int) -> Mapping[str, str]:
        """What it was started with; empty where that is not shown to us."""

    def memory(self, pid: int) -> int | None:
        """Bytes that it holds, shared pages in parts or, on a Mac, whole; None where that is not shown to us."""

    def has_open(self, pid: int, file: os.stat_result) -> bool: ...


class Procfs:
    """Linux. A start is in clock ticks since boot."""

    def pids(self) -> list[int]:
        return [int(name) for name in os.listdir(_PROC) if name.isdecimal()]

    def stat(self, pid: int) -> Stat | None:
        fields = self._fields(pid)
        return Stat(parent=int(fields[1]), state=fields[0]) if fields else None

    def started(self, pid: int) -> int | None:
        fields = self._fields(pid)
        return None if fields is None or fields[0] in ("Z", "X") else int(fields[19])

    def command(self, pid: int) -> tuple[str, ...]:
        return tuple(self._entries(pid, "cmdline"))

    def environment(self, pid: int) -> Mapping[str, str]:
        return dict(entry.split("=", 1) for entry in self._entries(pid, "environ") if "=" in entry)

    def memory(self, pid: int) -> int | None:
        try:
            rollup = (_PROC / str(pid) / "smaps_rollup").read_text()
        except OSError:
            return None
        return next((int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith("Pss:")), None)

    def has_open(self, pid: int, file: os.stat_result) -> bool:
        with suppress(OSError), os.scandir(_PROC / str(pid) / "fd") as entries:
            for entry in entries:
                with suppress(OSError):
                    if os.path.samestat(entry.stat(), file):
                        return True
        return False

    @staticmethod
    def _fields(pid: int) -> list[str] | None:
        """Of /proc/PID/stat, from the state on: the name before it may hold anything."""
        try:
            return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None

    @staticmethod
    def _entries(pid: int, name: str) -> list[str]:
        try:
            content = (_PROC / str(pid) / name).read_bytes()
        except OSError:
            return []
        return [os.fsdecode(entry) for entry in content.split(b"\0")[:-1]]


class Psutil:
    """macOS. A start is in seconds since 1970, as `ps` tells it: psutil's own moves when the clock is set."""

    def __init__(self) -> None:
        import psutil  # Linux' environments are without it

        self._psutil = psutil

    def pids(self) -> list[int]:
        return self._psutil.pids()

    def stat(self, pid: int) -> Stat | None:
        def told(process: Any) -> Stat:
            zombie = process.status() == self._psutil.STATUS_ZOMBIE
            return Stat(parent=process.ppid(), state="Z" if zombie else process.status()[:1].upper())

        return self._of(pid, told, None)

    def started(self, pid: int) -> int | None:
        command = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
        surroundings = {"LC_ALL": "C", "TZ": "UTC0", "PATH": os.defpath}
        shown = subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings).stdout
        state, _, start = shown.strip().partition(" ")
        if not start or state.startswith("Z"):
            return None
        return int(datetime.strptime(start.strip(), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC).timestamp())

    def command(self, pid: int) -> tuple[str, ...]:
        return self._of(pid, lambda process: tuple(process.cmdline()), ())

    def environment(self, pid: int) -> Mapping[str, str]:
        return self._of(pid, lambda process: process.environ(), {})

    def memory(self, pid: int) -> int | None:
        return self._of(pid, lambda process: int(process.memory_info().rss), None)

    def has_open(self, pid: int, file: os.stat_result) -> bool:
        opened: list[str] = self._of(pid, lambda process: [each.path for each in process.open_files()], [])
        for path in opened:
            with suppress(OSError):
                if os.path.samestat(os.stat(path), file):
                    return True
        return False

    def _of(self, pid: int, ask: Callable[[Any], T], nothing: T) -> T:
        try:
            return ask(self._psutil.Process(pid))
        except (self._psutil.Error, OSError):
            return nothing


#: This system's.
TABLE: ProcessTable = Procfs() if sys.platform == "linux" else Psutil()
