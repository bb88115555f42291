"""Bounds of each process, for what no cgroup holds, and the choice between the two."""

from __future__ import annotations

import resource
import sys

from sealing.cgroups import Cgroup
from sealing.plan import Limits

#: How a bound is held, for people.
BY_RLIMIT, EACH_PROCESS, BY_SIZE, NOT_HELD = "rlimit", "rlimit, each process", "size of the mount", "none"


def rlimits(limits: Limits, cgroup: Cgroup | None, *, own_users: bool) -> dict[int, int]:
    """RLIMIT_... -> value for the first process of a box. `own_users`: it has a user namespace of its own.

    RLIMIT_NPROC then counts the box's processes alone (Linux 5.14); else it would count all of the user's. The kernel
    does not hold root to it. RLIMIT_AS would be wrong for memory: Ray maps far more than it uses.
    """
    held = cgroup.limits if cgroup else {}
    chosen = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: limits.open_files}
    if limits.memory is not None and "memory" not in held:
        chosen[resource.RLIMIT_DATA] = limits.memory
    if limits.processes is not None and own_users and "processes" not in held:
        chosen[resource.RLIMIT_NPROC] = limits.processes
    return chosen


def apply(pid: int, chosen: dict[int, int]) -> None:
    """Sets hard and soft limits of a process that waits to begin. What is tighter already stays so. Raises OSError."""
    if sys.platform != "linux":
        return
    for kind, value in chosen.items():
        _, hard = resource.prlimit(pid, kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.prlimit(pid, kind, (bound, bound))


def held_by(limits: Limits, cgroup: Cgroup | None, *, sealed: bool, processes_hold: bool) -> dict[str, str]:
    """Bound -> how it is held, for all that the plan asks for. `processes_hold`: RLIMIT_NPROC was seen to work here."""
    wanted = {"memory": limits.memory, "processes": limits.processes, "cpus": limits.cpus}
    memory = EACH_PROCESS if sys.platform == "linux" else NOT_HELD
    ways = {"memory": memory, "processes": BY_RLIMIT if sealed and processes_hold else NOT_HELD, "cpus": NOT_HELD}
    held = {bound: ways[bound] for bound, value in wanted.items() if value is not None}
    held |= {bound: way for bound, way in (cgroup.limits if cgroup else {}).items() if bound in held}
    return held | ({"tmpfs": BY_SIZE, "shm": BY_SIZE} if sealed else {})
