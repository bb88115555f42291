"""What a machine tells of an allowed folder: what a person would choose from."""

from __future__ import annotations

import posixpath
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ray_jobs.spec.base import Frozen, PathText, Whole, most

#: Entries of a folder that are told; of the rest only that they are there.
MOST_ENTRIES = 500
#: Seconds since the epoch; a file's clock can say anything, and dates end somewhere.
LATEST = 2**36


class FolderEntry(Frozen):
    """A folder, or a file whose ending a reader knows."""

    name: PathText  #: in its folder; where the allowed folders are listed, a path
    kind: Literal["folder", "file"]
    size: Whole = 0  #: bytes, of a file
    changed: Annotated[float, Field(ge=0, le=LATEST)] = 0  #: seconds since the epoch


class Folder(Frozen):
    """What can be chosen in a folder, or which folders are allowed."""

    path: Annotated[str, Field(max_length=4096)]  #: as the machine's owner knows it; "": the allowed folders
    up: Annotated[str, Field(max_length=4096)] | None = None  #: what lies above, as `path`; None: nothing to look at
    entries: Annotated[tuple[FolderEntry, ...], most(MOST_ENTRIES)]  #: folders first, each by their names
    more: bool = False  #: there are entries beyond these
    parquet: bool = False  #: its Parquet files, several of them, can be taken as one table

    @model_validator(mode="after")
    def _names(self) -> Self:
        for entry in self.entries:
            plain = "/" not in entry.name and entry.name not in (".", "..")
            if not (plain if self.path else posixpath.isabs(entry.name)):
                raise ValueError("a name that leads elsewhere")
        return self

    def path_of(self, entry: FolderEntry) -> str:
        """Of one of the entries, as the machine's owner knows it."""
        return posixpath.join(self.path, entry.name)
