"""Looking into an allowed folder: what a person could choose there. Bounded, and nothing outside is told.

The folder is opened by its real path and checked again when it is open, as a file is before it is read (reading.files).
"""

from __future__ import annotations

import heapq
import os
import stat
from itertools import islice

from ray_jobs.place import Place
from ray_jobs.problems import Refused
from ray_jobs.reading.files import check_still_inside, find_path, paths_inside, real_folders
from ray_jobs.reading.formats import PARQUET, named_like_a_table
from ray_jobs.reading.patterns import natural, open_folder
from ray_jobs.spec import LATEST, MOST_ENTRIES, Folder, FolderEntry, ProblemCode, without_controls

#: Names that are looked at in one folder.
_MOST_NAMES = 50_000
#: What JSON and a chat carry of a path.
_LONGEST = 4096


def browse(place: Place, path: str) -> Folder:
    """The folder at `path`, as its owner knows it; "": the allowed folders, or what is in the only one. Raises Refused,
    OSError.
    """
    if not path and len(place.allowed) != 1:
        return _allowed(place)
    real, shown = find_path(place, path or str(place.allowed[0]))
    if not os.path.isdir(real):
        raise Refused(ProblemCode.FILE_MISSING, f"There is no folder {shown}.", subject=shown)
    opened = open_folder(real, None)
    if opened is None:
        raise Refused(ProblemCode.FILE_UNREADABLE, f"Hayride has no permission to look into {shown}.", subject=shown)
    try:
        check_still_inside(opened, real_folders(place.allowed), shown)
        names = _names(opened)
        looked_at = ((name, os.path.join(shown, name)) for name in names[:_MOST_NAMES])
        found = [it for name, path in looked_at if _can_be_told(path) and (it := _entry(place, real, opened, name))]
    finally:
        os.close(opened)
    kept = heapq.nsmallest(MOST_ENTRIES, found, key=_order)
    return Folder(
        path=shown,
        up=_above(place, shown),
        entries=tuple(kept),
        more=len(names) > _MOST_NAMES or len(found) > len(kept),
        parquet=_is_parquet(found),
    )


def _allowed(place: Place) -> Folder:
    """The allowed folders themselves; those that are gone now are left out."""
    there = [str(folder) for folder in place.allowed if os.path.isdir(folder) and _can_be_told(str(folder))]
    entries = tuple(FolderEntry(name=folder, kind="folder") for folder in there[:MOST_ENTRIES])
    return Folder(path="", entries=entries, more=len(there) > MOST_ENTRIES)


def _above(place: Place, shown: str) -> str | None:
    """What lies above, as `browse` takes it."""
    try:
        return paths_inside(place, os.path.dirname(shown))[0][1]
    except Refused:
        return "" if len(place.allowed) > 1 else None


def _names(folder: int) -> list[str]:
    """Of all that is not hidden, in no order; at most one more than are looked at."""
    with os.scandir(folder) as entries:
        return list(islice((it.name for it in entries if not it.name.startswith(".")), _MOST_NAMES + 1))


def _entry(place: Place, real: str, folder: int, name: str) -> FolderEntry | None:
    """None for what is neither a folder nor a file for a reader, leads outside, or is gone."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            inside, _ = paths_inside(place, os.path.join(real, name))[0]
            status = os.stat(inside, follow_symlinks=False)
    except (OSError, Refused):
        return None
    changed = min(max(status.st_mtime, 0.0), float(LATEST))
    if stat.S_ISDIR(status.st_mode):
        return FolderEntry(name=name, kind="folder", changed=changed)
    if stat.S_ISREG(status.st_mode) and named_like_a_table(name):
        return FolderEntry(name=name, kind="file", size=status.st_size, changed=changed)
    return None


def _can_be_told(path: str) -> bool:
    """Whether the path arrives in the chat as it is, so that it can come back from there."""
    return len(path) <= _LONGEST and without_controls(path) == path and not {"\n", "\t"} & set(path)


def _order(entry: FolderEntry) -> tuple[bool, list[tuple[int, int, str]], str]:
    return entry.kind == "file", natural(entry.name), entry.name


def _is_parquet(entries: list[FolderEntry]) -> bool:
    """Whether it looks like one table in parts: several Parquet files, or folders of a partition (`year=2024`)."""
    files = sum(entry.kind == "file" and entry.name.lower().endswith(PARQUET) for entry in entries)
    return files > 1 or any(entry.kind == "folder" and "=" in entry.name.strip("=") for entry in entries)
