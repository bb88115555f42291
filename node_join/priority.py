"""How much the jobs step aside for the owner's own work."""

from __future__ import annotations

import ctypes
import os
import platform
from typing import Literal

_NICE = 10
#: ioprio_set(IOPRIO_WHO_PROCESS, 0, best effort, the lowest level). Python has no such call; source: ioprio_set(2).
_CALL = {"x86_64": 251, "aarch64": 30}
_WHO_PROCESS, _BEST_EFFORT_LOWEST = 1, (2 << 13) | 7


def lower_priority(priority: Literal["low", "normal"]) -> None:
    """Of this process and all that it starts from now on."""
    if priority == "normal":
        return
    os.nice(max(0, _NICE - os.nice(0)))
    if call := _CALL.get(platform.machine()):
        ctypes.CDLL(None, use_errno=True).syscall(call, _WHO_PROCESS, 0, _BEST_EFFORT_LOWEST)
