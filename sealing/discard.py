"""Dead folders of boxes: moved by their own name alone, emptied inside a box, for whoever wrote them left traps."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sealing.box import launch
from sealing.errors import SealError
from sealing.plan import BoxPlan, Limits

_EMPTY = "chmod -R u+rwX /box; rm -rf /box/..?* /box/.[!.]* /box/*"


def set_aside(folder: Path, into: Path) -> Path:
    """Moves a box's folder into `into` (same file system) under a new name, without a look at its content; tells where.

    The box may not be running, and both parents must be ours. Raises SealError where there is no such folder.
    """
    target = into / f"{folder.name}-{secrets.token_hex(4)}"
    if folder.is_symlink() or not folder.is_dir():
        raise SealError(f"{folder} is not a folder.")
    os.rename(folder, target)
    return target


def discard(folder: Path, *, errors: Path, seconds: float) -> None:
    """Deletes a box's folder: a box of its own empties it, so nothing in it leads us elsewhere. Blocks.

    Raises SealError where it is not gone after `seconds`.
    """
    plan = BoxPlan(
        name="discard",
        folder=folder,
        folder_inside="/box",
        command=("/bin/sh", "-c", _EMPTY),
        environment={"PATH": "/usr/bin:/bin"},
        python=None,
        limits=Limits(processes=16),
    )
    box = launch(plan, errors=errors)
    ended = box.wait(seconds)
    box.stop(patience=0.0)
    try:
        folder.rmdir()
    except OSError as error:
        raise SealError(f"{folder} could not be emptied{'' if ended else ' in time'}: {error.strerror}.") from error
