"""One control plane for each folder of state: two would stop each other's boxes."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TextIO

from head.errors import HayrideError


class StateInUse(HayrideError):
    """Another control plane has the same state."""

    code = "state_in_use"


def lock_state(data_dir: Path) -> TextIO:
    """Holds the folder until the file is closed or the process ends. Raises StateInUse."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = (data_dir / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StateInUse(
            "Another `hayride` runs on the same state.", remedy="Stop it, or set HAYRIDE_DATA_DIR."
        ) from error
    return file
