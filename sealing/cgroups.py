"""Bounds that hold for all of a box at once: a cgroup of its own, version 2 where the host delegates one, else 1."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sealing.plan import Limits

#: All that Hayride makes is named so.
PREFIX = "hayride-box-"
_PERIOD = 100_000  # microseconds that a share of the processor is counted over
_YOUNG = 120.0  # seconds
_MOUNTS, _OWN = Path("/proc/self/mountinfo"), Path("/proc/self/cgroup")

#: Bound -> the controller that holds it, in both versions.
CONTROLLERS = {"memory": "memory", "processes": "pids", "cpus": "cpu"}


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A cgroup below which we may be able to make one, and the controllers that it gives to its children."""

    version: int
    folder: Path
    controllers: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Cgroup:
    """What was made for one box: its folders, and which bounds they hold."""

    folders: tuple[Path, ...]
    #: {"memory": "cgroup v2"}
    limits: dict[str, str]

    def add(self, pid: int) -> bool:
        """Moves one process in, its future children with it. False where the host does not let us."""
        try:
            for folder in self.folders:
                (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True


def seats(mounts: str, own: str) -> list[Seat]:
    """The places to try, best first, from the texts of /proc/self/mountinfo and /proc/self/cgroup."""
    paths = {controller: path for line in own.splitlines() for controller, path in _own_paths(line)}
    unified: list[Seat] = []
    legacy: list[Seat] = []
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        root, point = (_unescape(field) for field in before.split()[3:5])
        kind, _, options = after.split()[:3]
        if kind == "cgroup2" and "" in paths:
            folder = _below(point, root, paths[""])
            unified += (
                [_unified(place) for place in (folder, folder.parent) if place.is_relative_to(point)] if folder else []
            )
        elif kind == "cgroup":
            mine = frozenset(options.split(",")) & frozenset(CONTROLLERS.values())
            for controller in sorted(mine & paths.keys()):
                folder = _below(point, root, paths[controller])
                legacy += [Seat(version=1, folder=folder, controllers=frozenset({controller}))] if folder else []
    return [seat for seat in unified if seat.controllers] + legacy


def make(name: str, limits: Limits) -> Cgroup | None:
    """A cgroup for one box with as many of its bounds as this host lets us hold; None where it lets us hold none."""
    try:
        places = seats(_MOUNTS.read_text(), _OWN.read_text())
    except OSError:
        return None
    return make_in(places, name, limits)


@contextlib.contextmanager
def made(name: str, limits: Limits) -> Iterator[Cgroup | None]:
    """`make`, removed again if what follows fails."""
    group = make(name, limits)
    try:
        yield group
    except BaseException:
        remove(group.folders if group else (), patience=1.0)
        raise


def make_in(places: list[Seat], name: str, limits: Limits) -> Cgroup | None:
    """`make` in the given places."""
    sweep(places, now=time.time())
    unique = f"{PREFIX}{name}-{secrets.token_hex(4)}"
    folders: list[Path] = []
    held: dict[str, str] = {}
    for seat in places:
        wanted = _settings(seat, limits, leave_out=held)
        if not wanted or not os.access(seat.folder, os.W_OK):
            continue
        folder = seat.folder / unique
        try:
            folder.mkdir()
            for settings in wanted.values():
                _write(folder, settings)
        except OSError:
            remove([folder])
            continue
        folders.append(folder)
        held |= {bound: f"cgroup v{seat.version}" for bound in wanted}
    return Cgroup(folders=tuple(folders), limits=held) if folders else None


def sweep(places: Iterable[Seat], *, now: float) -> None:
    """Removes what boxes have left whose launcher ended before them; the kernel refuses it for one that is in use.

    A young one may belong to a box that is about to enter it.
    """
    for seat in places:
        for folder in seat.folder.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                if now - folder.stat().st_mtime > _YOUNG:
                    folder.rmdir()


def remove(folders: Iterable[Path], *, patience: float = 0.0) -> bool:
    """Removes cgroups whose processes have ended; the kernel may need a moment. False where one is still in use."""
    deadline = time.monotonic() + patience
    left = list(folders)
    while True:
        left = [folder for folder in left if not _removed(folder)]
        if not left or time.monotonic() >= deadline:
            return not left
        time.sleep(0.02)


def members(folders: Iterable[Path]) -> list[int]:
    """The pids in these cgroups."""
    found: set[int] = set()
    for folder in folders:
        with contextlib.suppress(OSError, ValueError):
            found.update(int(line) for line in (folder / "cgroup.procs").read_text().split())
    return sorted(found)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _own_paths(line: str) -> list[tuple[str, str]]:
    _, controllers, path = line.split(":", 2)
    return [(controller, path) for controller in controllers.split(",")]


def _unescape(field: str) -> str:
    return field.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")


def _below(point: str, root: str, path: str) -> Path | None:
    """Where the cgroup `path` lies in a mount that shows `root` and what is below; None where it does not show it."""
    if ".." in path.split("/") or not Path(path).is_relative_to(root):
        return None
    return Path(point) / Path(path).relative_to(root)


def _unified(folder: Path) -> Seat:
    try:
        given = frozenset((folder / "cgroup.subtree_control").read_text().split())
    except OSError:
        given = frozenset()
    return Seat(version=2, folder=folder, controllers=given & frozenset(CONTROLLERS.values()))


def _settings(seat: Seat, limits: Limits, *, leave_out: Iterable[str]) -> dict[str, list[tuple[str, str, bool]]]:
    """Bound -> [(file, value, must it work)] for the bounds that are wanted, not held yet, and this seat's to hold."""
    found: dict[str, list[tuple[str, str, bool]]] = {}
    two = seat.version == 2
    if limits.memory is not None:
        value = str(limits.memory)
        swap = ("memory.swap.max", "0") if two else ("memory.memsw.limit_in_bytes", value)
        found["memory"] = [("memory.max" if two else "memory.limit_in_bytes", value, True), (*swap, False)]
    if limits.processes is not None:
        found["processes"] = [("pids.max", str(limits.processes), True)]
    if limits.cpus is not None:
        share = str(max(int(limits.cpus * _PERIOD), 1000))
        found["cpus"] = [("cpu.max", f"{share} {_PERIOD}", True)] if two else [
            ("cpu.cfs_period_us", str(_PERIOD), True), ("cpu.cfs_quota_us", share, True)]  # fmt: skip
    return {bound: found[bound] for bound in found if bound not in leave_out and CONTROLLERS[bound] in seat.controllers}


def _write(folder: Path, settings: list[tuple[str, str, bool]]) -> None:
    for file, value, needed in settings:
        try:
            (folder / file).write_text(value)
        except OSError:
            if needed:
                raise
