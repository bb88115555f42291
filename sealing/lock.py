"""One box at a time in one place, also where the record of an earlier box was lost: the box itself holds a lock.

It is on a FIFO of ours, of which the box's process 1 (unsealed: the program) has a descriptor until its end. A FIFO,
since a box may open its process 1's descriptors again: there is nothing to read in it and nothing to fill. macOS locks
no FIFO and has no boxes, so it is a file there.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from sealing import process
from sealing.errors import SealError
from sealing.process_table import TABLE
from sealing.running import MARK, Box

log = logging.getLogger(__name__)

_LOCKS_FIFO = sys.platform == "linux"


@contextlib.contextmanager
def only_box(path: Path, *, patience: float) -> Iterator[int]:
    """The lock at `path`, for `launch` to give to the box; ours lasts as long as this block. Blocks.

    Stop the box that is known before. One that holds the lock still is lost, so it is ended: it gets `patience` seconds
    to do so by itself. Raises SealError where the lock cannot be had.
    """
    lock = _open(path)
    try:
        if not _take(lock):
            _end_lost(lock, patience)
            if not _take(lock):
                raise SealError(
                    f"A box that holds {path} runs, and cannot be found to be ended.",
                    "End it by hand (`fuser` tells its process), then try again.",
                )
        yield lock
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    try:
        if _LOCKS_FIFO:
            with contextlib.suppress(FileExistsError):
                os.mkfifo(path, 0o600)
        # For both ways, since one way of a FIFO waits for the other.
        made = 0 if _LOCKS_FIFO else os.O_CREAT
        lock = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | made, 0o600)
    except OSError as error:
        raise SealError(f"{path} cannot be opened: {error.strerror}.", "Remove it.") from error
    if not (stat.S_ISFIFO if _LOCKS_FIFO else stat.S_ISREG)(os.fstat(lock).st_mode):
        os.close(lock)
        raise SealError(f"{path} is there already and is no lock of a box.", "Remove it.")
    return lock


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end_lost(lock: int, patience: float) -> None:
    for box in _holders(lock):
        log.warning("A box that no record told of runs as process %d; it is ended", box.pid)
        box.stop(patience=patience)


def _holders(lock: int) -> list[Box]:
    """The boxes that have the lock open, as far as their processes show it to us."""
    wanted = os.fstat(lock)
    found = []
    for pid, started in process.those(lambda pid: pid != os.getpid() and TABLE.has_open(pid, wanted)):
        scratch = TABLE.environment(pid).get(MARK)
        found.append(Box(pid=pid, started=started, sealed=scratch is None, scratch=scratch))
    return found
