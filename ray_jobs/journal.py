"""The journal of one job: its events as lines of JSON, on disk before anybody may see them.

If an event could be seen and then be lost in a power cut, its number would be given out twice, so every append is
synced. The first line is the order (what was to be done), for the recovery after a restart. A line torn by a crash,
and whatever follows it, is cut off. Once the ending was acknowledged only the order and the ending stay: the id
remains known.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ray_jobs.place import checked_id

Line = dict[str, Any]
_ENDING = {"completed", "failed", "cancelled", "timed_out"}
_SUFFIX = ".ndjson"


def is_ending(event: Line) -> bool:
    """Whether no event of the job can follow this one."""
    return event.get("kind") in _ENDING


class Journal:
    """Order and events of one job. Methods block on the disk and raise OSError; call them off the event loop."""

    def __init__(self, path: Path, order: Line, events: list[Line]) -> None:
        self.path = path
        self.order = order
        self.events = events  #: what is still kept, ascending by `n`

    @classmethod
    def create(cls, folder: Path, job_id: str, order: Line, first: Line) -> Journal:
        """A new journal, with the first event in it. Raises FileExistsError where the job is known."""
        path = folder / (checked_id(job_id) + _SUFFIX)
        with open(path, "xb") as file:
            file.write(_encode(order) + _encode(first))
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(folder)
        return cls(path, order, [first])

    @classmethod
    def load(cls, path: Path) -> Journal | None:
        """The journal in `path`, cut back to its last whole line; None (and the file removed) where not even the order
        is.
        """
        lines, good = _whole_lines(path.read_bytes())
        if not lines:
            path.unlink()
            return None
        with open(path, "r+b") as file:
            file.truncate(good)
        return cls(path, lines[0], lines[1:])

    @property
    def job_id(self) -> str:
        return self.path.name.removesuffix(_SUFFIX)

    @property
    def last(self) -> int:
        """The newest event's number; 0 before the first."""
        return int(self.events[-1]["n"]) if self.events else 0

    @property
    def ended(self) -> bool:
        return bool(self.events) and is_ending(self.events[-1])

    def write(self, event: Line) -> None:
        """Puts `event` on the disk; `events` is the caller's to extend, on the event loop."""
        with open(self.path, "ab") as file:
            file.write(_encode(event))
            file.flush()
            os.fsync(file.fileno())

    def trim(self) -> None:
        """Keeps the order and the ending. Only for an ended job."""
        part = self.path.with_suffix(".part")
        part.write_bytes(_encode(self.order) + _encode(self.events[-1]))
        os.replace(part, self.path)
        self.events = self.events[-1:]


def load_all(folder: Path) -> list[Journal]:
    """Every journal in `folder`, oldest first."""
    paths = sorted(folder.glob("*" + _SUFFIX), key=lambda path: path.stat().st_mtime)
    return [journal for path in paths if (journal := Journal.load(path))]


def _encode(line: Line) -> bytes:
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _whole_lines(content: bytes) -> tuple[list[Line], int]:
    """The leading lines that are whole JSON objects, and how many bytes they are."""
    lines: list[Line] = []
    good = 0
    for raw in content.splitlines(keepends=True):
        try:
            line = json.loads(raw) if raw.endswith(b"\n") else None
        except ValueError:
            line = None
        if not isinstance(line, dict):
            break
        lines.append(line)
        good += len(raw)
    return lines, good


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
