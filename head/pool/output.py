"""Where the box's words go: into files of its own, bounded, since nothing outside opens a file that a box can write."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

#: Bytes of a log, after which it is put aside.
LARGEST = 2 * 1024 * 1024
#: Older ones that are kept.
KEPT = 2


def take_over(logs: Path) -> None:
    """Sends our standard output and error, whoever writes there, and our log to files in `logs`. Raises OSError."""
    redirect(logs / "output.log")
    handler = RotatingFileHandler(logs / "pool.log", maxBytes=LARGEST, backupCount=KEPT)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # It logs every single forwarded connection.
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)


def redirect(path: Path) -> None:
    """Makes `path`, rotated, our standard output and error."""
    rotate(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def rotate(path: Path) -> None:
    """Puts `path` aside as path.1, path.1 as path.2, and so on."""
    for number in range(KEPT, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        newer = path.with_name(f"{path.name}.{number - 1}") if number > 1 else path
        if newer.exists():
            newer.replace(older)


async def keep_small(path: Path, *, every: float = 30.0) -> None:
    """Rotates our output whenever it has grown too large; never returns."""
    while True:
        await asyncio.sleep(every)
        if os.fstat(1).st_size > LARGEST:
            redirect(path)
