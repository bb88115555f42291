"""Keeping a process within its memory while it streams."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

from ray_jobs.memory import give_back, resident

MB = 10**6
#: From this share of the limit on, memory that is free is given back at once. That takes milliseconds; on a stream of
#: batches half of what a process seemed to have, 130 to 170 MB, turned out to be free.
_FULL = 0.8
#: Bytes of addresses that a process takes for one byte of memory, and those that a batch may need.
_ADDRESSES, _FEWEST_ADDRESSES = 1.5, 32 * MB
_NO_LIMIT = 2**62


class OverBudget(Exception):
    """The process has more in memory than it may; a smaller sample might do."""

    def __init__(self, used: int, limit: int) -> None:
        super().__init__(f"{used // MB} MB of {limit // MB} MB")
        self.used, self.limit = used, limit


class Watch:
    """Looks at what this process has in memory, between batches and between rounds."""

    def __init__(self, limit: int, share: float = 1.0) -> None:
        """`share`: of what is left, what may be planned with."""
        self.limit = limit
        self._share = share

    def check(self) -> dict[str, float]:
        """`memory_mb` for a Step. Raises OverBudget, after giving back what is free."""
        used = resident()
        if used > _FULL * self.limit:
            give_back()
            used = resident()
        if used > self.limit:
            raise OverBudget(used, self.limit)
        if _addresses_left() < _FEWEST_ADDRESSES:
            raise OverBudget(used, used)
        return {"memory_mb": round(used / MB, 1)}

    def left(self) -> int:
        """Bytes that may still be taken."""
        give_back()
        return int(self._share * min(self.limit - resident(), _addresses_left() / _ADDRESSES))


def _addresses_left() -> int:
    """Bytes that RLIMIT_DATA still allows; where it ends, libraries end the process rather than raise MemoryError."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if limit < 0:
        return _NO_LIMIT
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return limit - next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))
    return _NO_LIMIT
