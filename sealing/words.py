"""What a box says before its program has a log of its own: kept outside, bounded, whatever the box does."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from sealing.errors import SealError
from sealing.process import handle_of

#: Bytes kept of what a box says; the rest is read and dropped, so nobody fills the host's disk through it.
MOST_WORDS = 64 * 1024
#: Seconds between looks whether it has ended, where nothing tells.
_LOOK = 0.5


class Kept:
    """An open file for a box's words, ours to close until someone keeps it."""

    def __init__(self, number: int) -> None:
        self._number: int | None = number

    def keep(self) -> int:
        """Leaves it to the caller."""
        number, self._number = self._number, None
        if number is None:
            raise RuntimeError("kept already")
        return number

    def close(self) -> None:
        if self._number is not None:
            os.close(self._number)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Kept]:
    """An empty 0600 file of ours; a symlink in its place is refused. Closed unless kept. Raises SealError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        number = os.open(path, flags, 0o600)
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise SealError(f"{path} is no file.")
    except OSError as error:
        raise SealError(f"{path} cannot be written: {error.strerror}.") from error
    os.fchmod(number, 0o600)
    kept = Kept(number)
    try:
        yield kept
    finally:
        kept.close()


def listen(process: subprocess.Popen[bytes], said: int, kept: int, *, ended: Callable[[], None]) -> None:
    """In a thread of its own until `process` ends: copies `said` into `kept`, reaps the process, then calls `ended`.

    A pipe and not the file itself, since a box may open its process 1's standard error again and write as it likes.
    """
    threading.Thread(target=_listen, args=(process, said, kept, ended), name="hayride-box-words", daemon=True).start()


def _listen(process: subprocess.Popen[bytes], said: int, kept: int, ended: Callable[[], None]) -> None:
    room = MOST_WORDS
    handle = handle_of(process.pid)
    watched = [said] if handle is None else [said, handle]
    try:
        while watched:
            ready = select.select(watched, [], [], _LOOK if handle is None else None)[0]
            if said in ready:
                part = os.read(said, 65536)
                room -= os.write(kept, part[:room]) if room > 0 else 0
                if not part:
                    watched.remove(said)
            # What it said before its end is read first.
            elif handle in ready or process.poll() is not None:
                break
        process.wait()
        ended()
    finally:
        for number in (said, kept, handle):
            if number is not None:
                os.close(number)
