"""How many cores are free for a fit, measured while the table is read.

OpenMP's threads spin while they wait for each other. With a core for each that is the quickest way (on two free cores
a boosting took 3.6 s, and 5.8 s where they slept instead); with fewer cores than threads it is ruinous (25 s and more).
So a fit gets as many threads as there are free cores when it begins. Load that comes later still slows it.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_STAT = Path("/proc/stat")
#: Seconds; the kernel counts in hundredths.
_SHORTEST = 0.1
#: A core that is free for this much of the time is worth a thread.
_WORTH_IT = 0.65


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What the kernel had counted at one time, in seconds."""

    at: float
    idle: float  #: of all cores together
    own: float  #: of this process, which is not in its own way


def usable_cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def moment(stat: Path = _STAT) -> Moment | None:
    """Now; None where the kernel does not tell (not Linux)."""
    try:
        fields = stat.read_text().split("\n", 1)[0].split()
        idle = (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None
    return Moment(at=time.monotonic(), idle=idle, own=time.process_time())


def free_cores(begun: Moment | None, limit: int) -> int:
    """Cores that nobody else used since `begun`, at least 1, at most `limit`. Sleeps where that was less than 0.1
    s ago.
    """
    if begun is None or limit <= 1:
        return max(1, limit)
    time.sleep(max(0.0, begun.at + _SHORTEST - time.monotonic()))
    now = moment()
    return limit if now is None else whole_cores(begun, now, limit)


def whole_cores(begun: Moment, now: Moment, limit: int) -> int:
    """The cores free between two moments, a large part of one counting as one; at least 1, at most `limit`."""
    free = (now.idle - begun.idle + now.own - begun.own) / max(now.at - begun.at, 1e-9)
    return max(1, min(limit, int(free + 1 - _WORTH_IT)))
