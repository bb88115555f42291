"""Starting a box: sealed, or as a plain process where a host has no boxes and its owner knows."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sealing import cgroups, limits, process, words
from sealing.bwrap import environment_inside
from sealing.cgroups import Cgroup
from sealing.errors import SealError
from sealing.plan import BoxPlan
from sealing.running import MARK, Box
from sealing.start import descriptors, set_up
from sealing.status import SealStatus, seal_status, working

__all__ = ["Box", "SealStatus", "launch", "launch_unsealed", "seal_status"]

#: Waits for a line, then becomes the program: so its limits are there before it is.
_WAIT = 'read -r _ && exec "$@" </dev/null'


def launch(plan: BoxPlan, *, errors: Path, lock: int | None = None) -> Box:
    """Starts a sealed box in a session of its own; it outlives us. Raises SealError.

    The first 64 KiB of what it says on standard output and error go to `errors`, a 0600 file outside of the box, as
    long as this process lives: the program inside is to open a log of its own soon. Treat the file as hostile text.
    The box holds the descriptor `lock`, of `only_box`, to its end.
    """
    found = working()
    made = cgroups.made(plan.name, plan.limits)
    with words.opened(errors) as kept, made as group, set_up(found.bwrap, plan, lock) as waiting:
        group = _bounded(waiting.pid, plan, group, own_users=True)
        held = limits.held_by(plan.limits, group, sealed=True, processes_hold=found.processes_hold)
        box = _box(waiting.pid, group, sealed=True, held=held)
        waiting.begin()
        words.listen(waiting.process, waiting.said, kept.keep(), ended=lambda: _end(box))
    return box


def launch_unsealed(plan: BoxPlan, *, errors: Path, lock: int | None = None) -> Box:
    """Starts the same plan as a plain process in a session of its own: nothing is hidden from it. Raises SealError.

    The plan's paths are real ones already. Its files are written 0600 into a fresh 0700 folder; where the path inside
    of one is the whole value of a variable or the whole of an argument, the real path takes its place.
    """
    # Beside `errors`: a system may clean its own temporary folders of what is not read for days.
    scratch = Path(tempfile.mkdtemp(prefix="hayride-", dir=errors.parent)).resolve()
    made = cgroups.made(plan.name, plan.limits)
    with _removed_on_error(scratch), words.opened(errors) as kept, made as group, descriptors() as ours:
        said, says = ours.pipe()
        child = _waiting_child(plan, scratch, says, lock)
        try:
            group = _bounded(child.pid, plan, group, own_users=False)
            held = limits.held_by(plan.limits, group, sealed=False, processes_hold=False)
            box = _box(child.pid, group, sealed=False, held=held, scratch=str(scratch))
            with child.stdin as go:  # type: ignore[union-attr]
                go.write(b"\n")
        except BaseException:
            child.kill()
            child.wait()
            raise
        words.listen(child, ours.keep(said), kept.keep(), ended=lambda: None)
    return box


def _waiting_child(plan: BoxPlan, scratch: Path, says: int, lock: int | None) -> subprocess.Popen[bytes]:
    real = {inside: _write(scratch / inside.lstrip("/"), content) for inside, content in plan.files.items()}
    variables = {name: real.get(value, value) for name, value in environment_inside(plan).items()}
    return subprocess.Popen(
        ["/bin/sh", "-c", _WAIT, "hayride", *(real.get(part, part) for part in plan.command)],
        env=variables | {MARK: str(scratch)},
        stdin=subprocess.PIPE,
        stdout=says,
        stderr=says,
        pass_fds=[*(listening.fileno() for listening in plan.sockets.values()), *([] if lock is None else [lock])],
        start_new_session=True,
        cwd=plan.folder,
    )


@contextlib.contextmanager
def _removed_on_error(scratch: Path) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        shutil.rmtree(scratch, ignore_errors=True)
        if isinstance(error, OSError):
            raise SealError(f"The unsealed process cannot be started: {error.strerror}.") from error
        raise


def _box(pid: int, group: Cgroup | None, *, sealed: bool, held: dict[str, str], scratch: str | None = None) -> Box:
    started = process.started_at(pid)
    if started is None:
        raise SealError("The box ended before it began.")
    folders = tuple(str(folder) for folder in group.folders) if group else ()
    return Box(pid=pid, started=started, sealed=sealed, limits=held, cgroups=folders, scratch=scratch)


def _bounded(pid: int, plan: BoxPlan, group: Cgroup | None, *, own_users: bool) -> Cgroup | None:
    """Bounds a process that waits to begin; tells the cgroup that holds it, None where the host did not let it in."""
    if group and not group.add(pid):
        cgroups.remove(group.folders)
        group = None
    try:
        limits.apply(pid, limits.rlimits(plan.limits, group, own_users=own_users))
    except OSError as error:
        raise SealError(f"Box {plan.name} cannot be bounded: {error.strerror}.") from error
    return group


def _end(box: Box) -> None:
    """The command has ended: what it left running in the box goes with it."""
    with contextlib.suppress(SealError):
        box.stop(patience=0.0)


def _write(path: Path, content: bytes) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
    return str(path)
