"""Which files a pattern (`sales-*.csv`) or a folder of Parquet files means. Looking for them is bounded, follows no
link to a folder, and never leaves the allowed ones.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from ray_jobs.place import Place
from ray_jobs.problems import Refused, nearest
from ray_jobs.reading.files import (
    DataFile,
    check_still_inside,
    find_path,
    largest,
    looked_at,
    open_data,
    paths_inside,
    plain_name,
    real_folders,
)
from ray_jobs.reading.formats import PARQUET
from ray_jobs.spec import Data, PathData, ProblemCode

MOST_FILES = 10_000
_MOST_ENTRIES = 200_000  #: names looked at
_DEEPEST = 32  #: folders below the first
_HELD_OPEN = 100  #: up to so many files stay open; of more, each is opened when its turn comes
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, kw_only=True)
class FileSet:
    """The files of one table, in the order of their names, numbers in names by their size."""

    files: tuple[DataFile, ...]
    partitions: tuple[tuple[tuple[str, str], ...], ...]  #: of each file, the `name=value` of the folders it lies in
    name: str  #: fit to be part of a file's name
    shown: str  #: as the owner named it


@contextmanager
def open_files(place: Place, data: Data) -> Iterator[FileSet]:
    """Finds, checks and opens the file, the files that a pattern matches, or the Parquet files of a folder. Raises
    Refused.
    """
    found = _several(place, data.path) if isinstance(data, PathData) else None
    if found is None:
        with open_data(place, data) as file:
            yield FileSet(files=(file,), partitions=((),), name=file.name, shown=file.shown)
        return
    folder, shown, names = found
    with ExitStack() as stack:
        files = tuple(_look_at_all(place, folder, names, stack))
        cleaned = plain_name(re.sub(r"[*?\[\]]+", "", os.path.basename(shown)))
        cleaned = re.sub(r"^[-_ ]+|[-_ ]+(?=\.)|[-_ ]+$", "", cleaned) or "table"
        partitions = tuple(tuple(_partitions(name)) for name in names)
        yield FileSet(files=files, partitions=partitions, name=cleaned, shown=shown)


def _several(place: Place, text: str) -> tuple[tuple[str, str], str, list[str]] | None:
    """The folder (really, as the owner knows it), the whole as the owner knows it, and the files' paths in the folder;
    None where `text` names one file.
    """
    if _WILD.search(text):
        prefix, parts = _split(text)
        # What is really called `sales[1].csv` is no pattern.
        if not any(os.path.lexists(os.path.join(real, *parts)) for real, _ in paths_inside(place, prefix)):
            return _matched(place, text, prefix, parts)
    real, shown = find_path(place, text)
    if not os.path.isdir(real):
        return None
    names = [name for name in _names(place, real, shown, ["**", "*"]) if _is_parquet_part(name)]
    if not names:
        raise _no_parquet(place, real, shown)
    return (real, shown), shown, _checked(names, shown)


def _split(text: str) -> tuple[str, list[str]]:
    """The folder before the first wildcard, and the components from there on."""
    parts = text.split("/")
    first = next(number for number, part in enumerate(parts) if _WILD.search(part))
    prefix = "/".join(parts[:first]) or ("/" if text.startswith("/") else ".")
    prefix = "~/" if prefix == "~" else prefix
    return prefix, [part for part in parts[first:] if part not in ("", ".")]


def _matched(place: Place, text: str, prefix: str, parts: list[str]) -> tuple[tuple[str, str], str, list[str]]:
    if ".." in parts:
        raise Refused(ProblemCode.OUTSIDE_ALLOWED, f"A pattern has no '..' after its first '*': {text}.", subject=text)
    shown = text
    for real, folder in paths_inside(place, prefix):
        shown = os.path.join(folder, *parts)
        if os.path.isdir(real) and (names := list(_names(place, real, folder, parts))):
            return (real, folder), shown, _checked(names, shown)
    real, folder = paths_inside(place, prefix)[0]
    beside = [name for name in _list(real) if not name.startswith(".")]
    raise Refused(
        ProblemCode.FILE_MISSING,
        f"No file matches {shown}.",
        subject=shown,
        suggestions=nearest(re.sub(r"[*?\[\]]", "", parts[-1]), beside) or sorted(beside, key=natural)[:3],
    )


def _checked(names: list[str], shown: str) -> list[str]:
    if len(names) > MOST_FILES:
        raise _too_many(shown, f"more than {MOST_FILES} files")
    return sorted(set(names), key=lambda name: (natural(name), name))


def _too_many(shown: str, what: str) -> Refused:
    return Refused(ProblemCode.FILE_UNREADABLE, f"{shown} means {what}; name the files more closely.", subject=shown)


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key by which `part-2` comes before `part-10`."""
    pieces = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]


class _Walk:
    """One look through folders, by descriptors, so that none can be exchanged for a link meanwhile."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._left = _MOST_ENTRIES

    def names(self, folder: int, parts: list[str], below: str = "", depth: int = 0) -> Iterator[str]:
        """Paths of the files in the open folder that the components match; none is hidden."""
        part, rest = parts[0], parts[1:]
        entries = self._entries(folder)
        if part == "**":
            yield from self.names(folder, rest or ["*"], below, depth)
            inner = parts
        elif rest:
            entries = [(name, is_folder) for name, is_folder in entries if fnmatchcase(name, part)]
            inner = rest
        else:
            yield from (below + name for name, is_folder in entries if not is_folder and fnmatchcase(name, part))
            return
        for name, is_folder in entries:
            if is_folder and depth < _DEEPEST and (inside := open_folder(name, folder)) is not None:
                try:
                    yield from self.names(inside, inner, f"{below}{name}/", depth + 1)
                finally:
                    os.close(inside)

    def _entries(self, folder: int) -> list[tuple[str, bool]]:
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                self._left -= 1
                if self._left < 0:
                    raise _too_many(self._shown, "too many folders and files to look through")
                if not entry.name.startswith("."):
                    found.append((entry.name, entry.is_dir(follow_symlinks=False)))
        return sorted(found)


def open_folder(name: str, parent: int | None) -> int | None:
    """A descriptor of the folder itself, never of what a link leads to; None where there is none for us."""
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except OSError:
        return None  # gone, closed to us, or a link by now


def _names(place: Place, real: str, shown: str, parts: list[str]) -> Iterator[str]:
    folder = open_folder(real, None)
    if folder is None:
        raise Refused(ProblemCode.FILE_UNREADABLE, f"Hayride has no permission to look into {shown}.", subject=shown)
    try:
        check_still_inside(folder, real_folders(place.allowed), shown)
        yield from _Walk(shown).names(folder, parts)
    finally:
        os.close(folder)


def _list(real: str) -> list[str]:
    try:
        return os.listdir(real)[:10_000]
    except OSError:
        return []


def _is_parquet_part(name: str) -> bool:
    # `_delta_log`, `_temporary`, `_metadata`: not rows. But `_year=2024` is a partition.
    parts = name.split("/")
    return parts[-1].lower().endswith(PARQUET) and not any(p.startswith("_") and "=" not in p for p in parts)


def _no_parquet(place: Place, real: str, shown: str) -> Refused:
    endings = {os.path.splitext(name)[1] for name in _list(real) if not name.startswith(".")} - {""}
    return Refused(
        ProblemCode.FILE_IS_FOLDER,
        f"{shown} is a folder without Parquet files; name a file in it, or several by a pattern.",
        subject=shown,
        suggestions=[os.path.join(shown, f"*{ending}") for ending in sorted(endings)][:3],
    )


def _partitions(name: str) -> Iterable[tuple[str, str]]:
    for part in name.split("/")[:-1]:
        key, found, value = part.partition("=")
        if found and key:
            yield key, value


def _look_at_all(place: Place, folder: tuple[str, str], names: list[str], stack: ExitStack) -> Iterator[DataFile]:
    roots = real_folders(place.allowed)
    for name in names:
        real, shown = os.path.realpath(os.path.join(folder[0], name)), os.path.join(folder[1], name)
        if not any(real.startswith(root.rstrip("/") + "/") for root in roots):
            raise Refused(
                ProblemCode.OUTSIDE_ALLOWED, f"{shown} is a link that leads out of the allowed folders.", subject=shown
            )
        if len(names) <= _HELD_OPEN:
            yield stack.enter_context(looked_at(real, shown, roots, largest(place, real)))
        else:
            with looked_at(real, shown, roots, largest(place, real)) as file:
                yield replace(file, descriptor=None)
