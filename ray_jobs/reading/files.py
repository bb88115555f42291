"""Opening the file that a job names: only a regular file in an allowed folder, nothing that could block or lead astray.

The box does not even contain the owner's other files; the checks here come first because they can say why.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ray_jobs.place import Place, checked_id
from ray_jobs.problems import Refused, listed, nearest
from ray_jobs.spec import Data, PathData, ProblemCode


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """An open regular file. `descriptor` is closed by `open_data`."""

    descriptor: int
    name: str  #: the plain file name, fit to be part of another
    shown: str  #: as the owner knows it: a path, or the name of a sent file
    size: int  #: bytes

    @property
    def path(self) -> str:
        """A path that opens this very file again, whatever was put in its place meanwhile."""
        return f"/dev/fd/{self.descriptor}"


@contextmanager
def open_data(place: Place, data: Data) -> Iterator[DataFile]:
    """Finds, checks and opens the file. Raises Refused."""
    if isinstance(data, PathData):
        real, shown = _find_path(place, data.path)
        roots = [os.path.realpath(folder) for folder in place.allowed]
    else:
        real, shown = _find_upload(place, data.upload_id, data.name), data.name
        roots = [os.path.realpath(place.inbox)]
    descriptor, size = _open_regular(real, shown)
    try:
        _check_still_inside(descriptor, roots, shown)
        if size == 0:
            raise Refused(ProblemCode.FILE_EMPTY, f"{shown} is empty: it has no bytes.", subject=shown)
        yield DataFile(descriptor=descriptor, name=plain_name(os.path.basename(shown)), shown=shown, size=size)
    finally:
        os.close(descriptor)


def plain_name(name: str) -> str:
    """The name under which a sent file lies in the inbox: one path component, never hidden, at most 200 bytes."""
    kept = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in name).strip(". ")
    stem, ending = os.path.splitext(kept or "file")
    ending = ending.encode()[:40].decode(errors="ignore")
    return stem.encode()[: 200 - len(ending.encode())].decode(errors="ignore") + ending


def _find_path(place: Place, text: str) -> tuple[str, str]:
    """The real path, and the path as the owner knows it. A bare relative path is looked up in each allowed folder."""
    if "\0" in text:
        raise Refused(ProblemCode.FILE_MISSING, "A path cannot hold a NUL character.")
    expanded = os.path.join(place.home, text[2:]) if text.startswith("~/") else text
    tried = [os.path.join(folder, expanded) for folder in place.allowed] or [expanded]
    inside = [(os.path.realpath(path), os.path.normpath(path)) for path in tried]
    inside = [(real, shown) for real, shown in inside if _within(real, place.allowed)]
    if not inside:
        raise _outside(place, text)
    for real, shown in inside:
        if os.path.lexists(real):
            return real, shown
    real, shown = inside[0]
    raise Refused(
        ProblemCode.FILE_MISSING,
        f"There is no file {shown}.",
        subject=shown,
        suggestions=nearest(os.path.basename(real), _names_beside(real)),
    )


def _outside(place: Place, text: str) -> Refused:
    # Said whether or not the file exists: what lies outside is none of our business.
    if place.allowed:
        which = f"reads only files in {listed(str(folder) for folder in place.allowed)}"
    else:
        which = "has no allowed folder, so it reads only files that are sent to it"
    return Refused(
        ProblemCode.OUTSIDE_ALLOWED,
        f"{text} is outside the allowed folders: Hayride {which}.",
        subject=text,
        suggestions=[str(folder) for folder in place.allowed],
    )


def _within(real: str, folders: tuple[Path, ...]) -> bool:
    roots = [os.path.realpath(folder) for folder in folders]
    return any(real == root or real.startswith(root.rstrip("/") + "/") for root in roots)


def _names_beside(real: str) -> list[str]:
    try:
        return os.listdir(os.path.dirname(real))[:10_000]
    except OSError:
        return []


def _find_upload(place: Place, upload_id: str, name: str) -> str:
    path = place.inbox / checked_id(upload_id) / plain_name(name)
    if not path.exists():
        raise Refused(ProblemCode.UPLOAD_MISSING, f"The sent file {name} is no longer here.", subject=name)
    return os.path.realpath(path)


def _open_regular(real: str, shown: str) -> tuple[int, int]:
    """A descriptor and the size. Looks before it opens, since opening a device can act, and again at what it opened."""
    try:
        _check_regular(os.stat(real, follow_symlinks=False).st_mode, shown)
        # O_NONBLOCK: a FIFO put in place meanwhile must not hang us.
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise _unopened(error, shown) from error
    try:
        status = os.fstat(descriptor)
        _check_regular(status.st_mode, shown)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status.st_size


def _check_regular(mode: int, shown: str) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise Refused(ProblemCode.FILE_IS_FOLDER, f"{shown} is a folder; name a file in it.", subject=shown)
    kinds = [(stat.S_ISFIFO, "a pipe (FIFO)"), (stat.S_ISSOCK, "a socket"), (stat.S_ISLNK, "a link that leads nowhere")]
    kind = next((name for test, name in kinds if test(mode)), "a device")
    raise Refused(ProblemCode.FILE_NOT_REGULAR, f"{shown} is {kind}, not a file with a table.", subject=shown)


def _unopened(error: OSError, shown: str) -> Refused:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
        return Refused(ProblemCode.FILE_MISSING, f"There is no file {shown}.", subject=shown)
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return Refused(ProblemCode.FILE_NOT_REGULAR, f"{shown} is a socket or device, not a file.", subject=shown)
    reason = "Hayride has no permission to read it" if isinstance(error, PermissionError) else error.strerror
    return Refused(ProblemCode.FILE_UNREADABLE, f"{shown} cannot be read: {reason}.", subject=shown)


def _check_still_inside(descriptor: int, roots: list[str], shown: str) -> None:
    """Closes the gap between looking and opening: where does the open file really lie? Linux tells."""
    try:
        real = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return
    if not any(real.startswith(root.rstrip("/") + "/") for root in roots):
        raise Refused(ProblemCode.OUTSIDE_ALLOWED, f"{shown} was replaced while it was opened.", subject=shown)
