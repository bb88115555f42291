"""Where the result is written until it is whole, and where it lies then."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from ray_jobs.place import Place, check_space, disk_used
from ray_jobs.reading.formats import without_packing

#: How many bytes are written before the quota is looked at again.
_STRIDE = 16 * 2**20


class Unfinished:
    """A folder of a job for what is not whole yet. The agent removes it too, should this process be gone."""

    def __init__(self, place: Place, job_id: str) -> None:
        self._place, self._job = place, place.job(job_id)
        self.folder = self._job / "unfinished"
        self._checked = 0

    def begin(self) -> Path:
        """Empties the folder; the path to write to. Raises OSError."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        self._checked = 0
        return self.folder / "result"

    def check(self) -> None:
        """Looks now and then whether the quota still holds. Raises Refused(NO_SPACE)."""
        written = disk_used(self.folder)
        if written - self._checked >= _STRIDE:
            self._checked = written
            check_space(self._place, 0)

    def put_in_place(self, name: str) -> Path:
        """Moves the whole result into the results folder, as `name` or with a number before `.predictions`: never over
        a file that is there. The job's folder links to it. Raises OSError, Refused(NO_SPACE).
        """
        check_space(self._place, 0)
        stem, _, ending = name.rpartition(".predictions")
        for number in count(1):
            path = self._place.results / f"{stem}{f'-{number}' if number > 1 else ''}.predictions{ending}"
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                continue
            os.replace(self.folder / "result", path)  # over the empty file that we just made: nobody else's
            link = self._job / path.name
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(path, self._job))
            return path
        raise AssertionError("count() has no end")


@contextmanager
def unfinished(place: Place, job_id: str) -> Iterator[Unfinished]:
    """Nothing of it is left after the block."""
    held = Unfinished(place, job_id)
    try:
        yield held
    finally:
        shutil.rmtree(held.folder, ignore_errors=True)


def result_name(name: str, ending: str) -> str:
    """`sales.csv.gz` gives `sales.predictions.csv`; `ending` begins with a point."""
    stem, _ = os.path.splitext(without_packing(name))
    return f"{stem.removesuffix('.predictions')}.predictions{ending}"
