"""How much the jobs' reading and writing steps aside for the owner's own. Of their cores Ray itself sees to that."""

from __future__ import annotations

import ctypes
import platform
import sys

#: ioprio_set(IOPRIO_WHO_PROCESS, 0, best effort, the lowest level). Python has no such call; source: ioprio_set(2).
_CALL = {"x86_64": 251, "aarch64": 30}
_WHO_PROCESS, _BEST_EFFORT_LOWEST = 1, (2 << 13) | 7


def lower_io_priority() -> None:
    """Of this process and all that it starts from now on. Where the system has no such thing nothing changes."""
    call = _CALL.get(platform.machine()) if sys.platform == "linux" else None
    if call:
        ctypes.CDLL(None, use_errno=True).syscall(call, _WHO_PROCESS, 0, _BEST_EFFORT_LOWEST)
