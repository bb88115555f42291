"""How much memory a job may use, and how much it took."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

#: Of what is free this share is left to everybody else, and to what an estimate misses.
_MARGIN = 0.2
_MEMINFO = Path("/proc/meminfo")


def memory_budget(allowed: int | None, asked: int | None = None, *, meminfo: Path = _MEMINFO) -> int:
    """Bytes that the job's process may have in memory, what it has already counted in: the least of what its place
    allows it to take besides, of what the spec asks for in all, and of what is free on the machine less a margin.
    """
    here = resident()
    limits = [here + _free(meminfo), here + allowed if allowed else None, asked]
    return min(limit for limit in limits if limit is not None)


def training_memory(table: int) -> int:
    """About how many bytes it takes to learn from a table whose reading takes `table` bytes at its peak: a part of
    that stays, and beside it stand the model's own matrix and what the library makes of it.
    """
    return 2 * table


def _free(meminfo: Path) -> int:
    if sys.platform == "darwin":
        import psutil  # Linux' environments are without it

        return int((1 - _MARGIN) * psutil.virtual_memory().available)
    lines = meminfo.read_text().splitlines()
    available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    return int((1 - _MARGIN) * available * 1024)


def resident() -> int:
    """Bytes of this process that are in memory now."""
    if sys.platform == "darwin":
        import psutil

        return int(psutil.Process().memory_info().rss)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _highest() -> int:
    """Bytes of this process that were ever in memory at once. Linux counts in KiB, macOS in bytes."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


def give_back() -> None:
    """Hands memory that is free back to the system: Arrow's pool and the C library hold on to it."""
    import pyarrow as pa  # this module is imported where nothing heavy is loaded yet

    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # another C library has no such call
        ctypes.CDLL("libc.so.6").malloc_trim(0)


class PeakMemory:
    """The most that this process had in memory since the object was made: the kernel's own high-water mark, reset."""

    def __init__(self) -> None:
        with suppress(OSError):  # not Linux, or not allowed: then it is the mark of the process's whole life
            Path("/proc/self/clear_refs").write_text("5")

    def bytes(self) -> int:
        try:
            lines = Path("/proc/self/status").read_text().splitlines()
        except OSError:
            return _highest()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
