"""The place where jobs run: a machine's box or the pool's. What its owner allowed, and where everything lies.

The settings come from a JSON file that the box's maker wrote; its path is in the environment variable HAYRIDE_PLACE.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ray_jobs.problems import Refused
from ray_jobs.spec import ID_PATTERN, ProblemCode

VARIABLE = "HAYRIDE_PLACE"


class Place(BaseModel):
    """One folder of our own, and the folders of the owner that may be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path  #: as it is called inside, e.g. /node
    folder_as_owner_knows: str  #: the same folder as the owner finds it
    home: str  #: what `~` means
    allowed: tuple[Path, ...] = ()  #: absolute; read-only for us
    max_sizes: dict[Path, int] = {}  #: bytes of the largest file to read, by allowed folder
    share_rows: bool = True  #: whether previews of rows may leave the machine
    quota: int = Field(gt=0)  #: bytes that `folder` may hold
    memory: int | None = Field(default=None, gt=0)  #: bytes that one job may use; None: no limit of ours

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def job(self, job_id: str) -> Path:
        """The folder of one job's pictures and unfinished files."""
        return self.folder / "jobs" / checked_id(job_id)

    def make_folders(self) -> None:
        """Creates what is missing, for nobody but us. Raises OSError."""
        for folder in (self.inbox, self.models, self.results, self.journal, self.logs, self.folder / "jobs"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def as_owner_knows(self, path: Path) -> str:
        """`path`, below `folder`, as the owner finds it."""
        return str(Path(self.folder_as_owner_knows) / path.relative_to(self.folder))


def load_place() -> Place:
    """The place of this process. Raises KeyError, OSError or pydantic's ValidationError: a fault of the box's maker."""
    return Place.model_validate_json(Path(os.environ[VARIABLE]).read_bytes())


def checked_id(text: str) -> str:
    """`text` if it is an id of ours, which cannot leave a folder. Raises ValueError."""
    # fullmatch: `$` alone would let a trailing newline through.
    if not re.fullmatch(ID_PATTERN.strip("^$"), text):
        raise ValueError("not an id")
    return text


def disk_used(folder: Path) -> int:
    """Bytes of all files below `folder`, hard links counted once, symlinks not followed."""
    total, seen = 0, set()
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(os.path.join(parent, name))
            except OSError:
                continue  # gone meanwhile
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_size
    return total


def check_space(place: Place, needed: int) -> None:
    """Raises Refused(NO_SPACE) where `needed` more bytes would exceed the quota."""
    used = disk_used(place.folder)
    if used + needed > place.quota:
        raise Refused(
            ProblemCode.NO_SPACE,
            f"Hayride's folder holds {used / 1e6:.0f} MB of the {place.quota / 1e6:.0f} MB it may use; "
            f"this needs {max(needed, 1) / 1e6:.1f} MB more.",
            subject=place.folder_as_owner_knows,
        )
