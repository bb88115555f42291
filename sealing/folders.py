"""Folders of a person, shown to a box read-only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sealing.errors import SealError
from sealing.plan import Bind

#: Entries looked at in one allowed folder; more is refused.
MOST_ENTRIES = 2_000_000
#: Sockets, FIFOs and devices in one allowed folder; each is a mount in the box.
MOST_MASKS = 500

#: More than data: everyone's files, the system's own.
_TOO_MUCH = frozenset(Path(path) for path in ("/", "/home", "/root", "/var", "/opt", "/srv", "/mnt", "/media", "/tmp"))
_SYSTEM = frozenset(
    (name,) for name in ("app", "bin", "boot", "dev", "etc", "lib", "lib64", "proc", "run", "sbin", "sys", "usr")
)


def allowed_binds(folder: Path, *, most: int = MOST_ENTRIES) -> tuple[Bind, ...]:
    """The folder at its own path, and /dev/null over every socket, FIFO and device in it.

    A read-only bind alone lets a box connect to a socket (ssh-agent, docker) and write to a FIFO. Symlinks are not
    followed: in the box they lead to what the box has. What appears later is not covered: look again at each start.
    Raises SealError for no folder, or one too large to look through.
    """
    folder = Path(os.path.abspath(folder))
    if folder.is_symlink() or not folder.is_dir():
        raise SealError(f"{folder} is not a folder.", "Name a folder by its own path, not through a link.")
    if folder in _TOO_MUCH or folder == Path.home() or folder.parts[1:2] in _SYSTEM:
        raise SealError(f"{folder} is too much to allow.", "Name a folder below your home.")
    special = _special(folder, most)
    return (Bind(source=folder, target=str(folder)), *(Bind(source=Path("/dev/null"), target=path) for path in special))


def _special(folder: Path, most: int) -> list[str]:
    """Paths of what is neither file, folder nor symlink. What we may not read, the box's user may not read either."""
    found: list[str] = []
    seen = 0
    waiting = [str(folder)]
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except (PermissionError, FileNotFoundError):
            continue
        with entries:
            for entry in entries:
                seen += 1
                if seen > most:
                    raise SealError(f"{folder} holds more than {most} entries.", "Allow a smaller folder.")
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif not entry.is_file(follow_symlinks=False) and not entry.is_symlink() and _exists(entry.path):
                    found.append(entry.path)
    if len(found) > MOST_MASKS:
        raise SealError(
            f"{folder} holds {len(found)} sockets, pipes and devices.", "Allow a folder that holds data alone."
        )
    return sorted(found)


def _exists(path: str) -> bool:
    """Whether it is still there, and still something special."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))
