"""Opening the file that a job names: only a regular file in an allowed folder, nothing that could block or lead astray.

The box does not even contain the owner's other files; the checks here come first because they can say why.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ray_jobs.place import Place, checked_id
from ray_jobs.problems import Refused, listed, nearest
from ray_jobs.spec import Data, PathData, ProblemCode

#: Bytes of a path on macOS (MAXPATHLEN).
_LONGEST_PATH = 1024


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """A regular file that was looked at. While `descriptor` is there it is open, and whoever opened it closes it."""

    descriptor: int | None
    name: str  #: the plain file name, fit to be part of another
    shown: str  #: as the owner knows it: a path, or the name of a sent file
    size: int  #: bytes
    real: str  #: its path without links
    roots: tuple[str, ...]  #: the folders that it must lie in, without links
    identity: tuple[int, int]  #: device and inode: which file it was when it was looked at

    @property
    def path(self) -> str:
        """A path that opens this very file again, whatever was put in its place meanwhile. macOS' /dev/fd would share
        one position in the file, so there it is its own path: raises Refused where that is another file by now.
        """
        if self.descriptor is None:
            raise ValueError(f"{self.name} is not open")
        if sys.platform != "darwin":
            return f"/dev/fd/{self.descriptor}"
        with suppress(OSError):
            if os.path.samestat(os.stat(self.real), os.fstat(self.descriptor)):
                return self.real
        raise _replaced(self.shown)

    @contextmanager
    def opened(self) -> Iterator[str]:
        """`path`, of a file that is held open or else is opened again with the checks of the first time. Raises
        Refused.
        """
        if self.descriptor is not None:
            yield self.path
            return
        with looked_at(self.real, self.shown, self.roots) as again:
            if again.identity != self.identity:
                raise _replaced(self.shown)
            yield again.path


@contextmanager
def open_data(place: Place, data: Data) -> Iterator[DataFile]:
    """Finds, checks and opens the one file that `data` names. Raises Refused."""
    if isinstance(data, PathData):
        real, shown = find_path(place, data.path)
        roots = real_folders(place.allowed)
    else:
        real, shown = _find_upload(place, data.upload_id, data.name), data.name
        roots = real_folders((place.inbox,))
    with looked_at(real, shown, roots, largest(place, real)) as file:
        yield file


@contextmanager
def looked_at(real: str, shown: str, roots: tuple[str, ...], largest: int | None = None) -> Iterator[DataFile]:
    """Opens a file for the block, if it is a regular one inside of `roots` with something in it, of `largest` bytes at
    most. Raises Refused.
    """
    descriptor, status = _open_regular(real, shown)
    try:
        check_still_inside(descriptor, roots, shown)
        if status.st_size == 0:
            raise Refused(ProblemCode.FILE_EMPTY, f"{shown} is empty: it has no bytes.", subject=shown)
        if largest is not None and status.st_size > largest:
            raise Refused(
                ProblemCode.FILE_TOO_LARGE,
                f"{shown} has {status.st_size / 1e6:,.0f} MB; the machine's owner lets jobs read files of "
                f"{largest / 1e6:,.0f} MB at most there.",
                subject=shown,
            )
        yield DataFile(
            descriptor=descriptor,
            name=plain_name(os.path.basename(shown)),
            shown=shown,
            size=status.st_size,
            real=real,
            roots=roots,
            identity=(status.st_dev, status.st_ino),
        )
    finally:
        os.close(descriptor)


def largest(place: Place, real: str) -> int | None:
    """Bytes of the largest file that may be read where `real` lies; None: of any size."""
    held = [size for folder, size in place.max_sizes.items() if _within(real, (folder,))]
    return min(held, default=None)


def real_folders(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """The folders without links."""
    return tuple(os.path.realpath(folder) for folder in folders)


def plain_name(name: str) -> str:
    """The name under which a sent file lies in the inbox: one path component, never hidden, at most 200 bytes."""
    kept = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in name).strip(". ")
    stem, ending = os.path.splitext(kept or "file")
    ending = ending.encode()[:40].decode(errors="ignore")
    return stem.encode()[: 200 - len(ending.encode())].decode(errors="ignore") + ending


def find_path(place: Place, text: str) -> tuple[str, str]:
    """The real path, and the path as the owner knows it, of what is there. Raises Refused(FILE_MISSING,
    OUTSIDE_ALLOWED).
    """
    inside = paths_inside(place, text)
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


def paths_inside(place: Place, text: str) -> list[tuple[str, str]]:
    """The paths that `text` can mean, really and as the owner knows them, inside the allowed folders: a bare relative
    path is looked up in each of them. At least one. Raises Refused(FILE_MISSING, OUTSIDE_ALLOWED).
    """
    if "\0" in text:
        raise Refused(ProblemCode.FILE_MISSING, "A path cannot hold a NUL character.")
    expanded = os.path.join(place.home, text[2:]) if text.startswith("~/") else text
    tried = [os.path.join(folder, expanded) for folder in place.allowed] or [expanded]
    inside = [(os.path.realpath(path), os.path.normpath(path)) for path in tried]
    inside = [(real, shown) for real, shown in inside if _within(real, place.allowed)]
    if not inside:
        raise _outside(place, text)
    return list(dict.fromkeys(inside))


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
    return any(real == root or real.startswith(root.rstrip("/") + "/") for root in real_folders(folders))


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


def _open_regular(real: str, shown: str) -> tuple[int, os.stat_result]:
    """A descriptor and what it is. Looks before it opens, since opening a device can act, and again at what opened."""
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
    return descriptor, status


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


def check_still_inside(descriptor: int, roots: tuple[str, ...], shown: str) -> None:
    """Closes the gap between looking and opening: where does the open file really lie? Raises Refused."""
    real = _opened_at(descriptor)
    if not any(_as_disk(real + "/").startswith(_as_disk(root.rstrip("/") + "/")) for root in roots):
        raise _replaced(shown)


def _opened_at(descriptor: int) -> str:
    if sys.platform != "darwin":
        return os.readlink(f"/proc/self/fd/{descriptor}")
    return os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(_LONGEST_PATH)).rstrip(b"\0"))


def _as_disk(path: str) -> str:
    """As paths are compared here: a Mac's disk takes names in whatever case, and with accents in two ways."""
    return unicodedata.normalize("NFC", path).casefold() if sys.platform == "darwin" else path


def _replaced(shown: str) -> Refused:
    return Refused(ProblemCode.OUTSIDE_ALLOWED, f"{shown} was replaced while it was opened.", subject=shown)
