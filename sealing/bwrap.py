"""The argument list of bwrap for a plan: what the box holds, in the order that it is mounted."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

from sealing.plan import SOCKETS_VARIABLE, BoxPlan
from sealing.python import python_files
from sealing.seccomp import program
from sealing.system import UID, etc_files, proc_options, system_options

#: Every namespace of its own, no way to a further one, no way to our terminal, no capability.
_APART = [
    "--unshare-all", "--unshare-user", "--disable-userns", "--new-session", "--clearenv",
    "--uid", str(UID), "--gid", str(UID), "--cap-drop", "ALL",
]  # fmt: skip


def options(plan: BoxPlan, data: Callable[[bytes], int]) -> list[str]:
    """bwrap's options for the plan; `data` turns bytes into a descriptor that bwrap is to read them from."""
    return [
        *_APART,
        *("--hostname", plan.name),
        *("--seccomp", str(data(program(platform.machine())))),
        *_devices(plan),
        *proc_options(),
        *("--perms", "1777", "--size", str(plan.limits.tmpfs), "--tmpfs", "/tmp", "--symlink", "../tmp", "/var/tmp"),
        *system_options(),
        *_python(plan.python),
        *_given(plan, data),
        *(part for name, value in environment_inside(plan).items() for part in ("--setenv", name, value)),
        *("--chdir", plan.folder_inside),
        # Both are tmpfs without a size: nobody may fill them.
        *("--remount-ro", "/dev", "--remount-ro", "/"),
    ]


def environment_inside(plan: BoxPlan) -> dict[str, str]:
    """The command's whole environment, the inherited sockets' numbers in it."""
    variables = dict(plan.environment)
    if plan.sockets:
        variables[SOCKETS_VARIABLE] = ",".join(
            f"{name}={listening.fileno()}" for name, listening in plan.sockets.items()
        )
    return variables


def _devices(plan: BoxPlan) -> list[str]:
    chosen = ["--dev", "/dev", "--perms", "1777", "--size", str(plan.limits.shm), "--tmpfs", "/dev/shm"]
    for device in plan.devices:
        chosen += ["--dev-bind", str(device), str(device)]
    return chosen


def _python(python: Path | None) -> list[str]:
    if python is None:
        return []
    files = python_files(python)
    chosen: list[str] = []
    for bind in files.binds:
        chosen += ["--ro-bind", str(bind.source), bind.target]
    for path, says in files.links:
        chosen += ["--symlink", says, path]
    return chosen


def _given(plan: BoxPlan, data: Callable[[bytes], int]) -> list[str]:
    chosen: list[str] = []
    for path, content in etc_files(plan.name, plan.folder_inside).items():
        chosen += ["--perms", "0444", "--file", str(data(content)), path]
    chosen += ["--bind", str(plan.folder), plan.folder_inside]
    # The masks of an allowed folder come after the folder.
    for bind in plan.read_only:
        chosen += ["--ro-bind", str(bind.source), bind.target]
    for path, content in plan.files.items():
        chosen += ["--perms", "0400", "--ro-bind-data", str(data(content)), path]
    return chosen
