"""Files that were sent in the chat, arriving in pieces: inbox/<upload_id>/<name>."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ray_jobs.place import Place, check_space, checked_id
from ray_jobs.problems import Refused
from ray_jobs.reading.files import plain_name
from ray_jobs.spec import ProblemCode

_PART = ".part"


class Inbox:
    """Blocks on the disk; call it off the event loop, one call at a time for each upload."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._expected: dict[str, tuple[Path, int]] = {}

    def begin(self, upload_id: str, name: str, size: int) -> None:
        """Makes room for one file. A second begin of the same id starts over. Raises Refused(NO_SPACE), ValueError,
        OSError.
        """
        folder = self.place.inbox / checked_id(upload_id)
        check_space(self.place, size)
        self.drop(upload_id)
        folder.mkdir(mode=0o700)
        path = folder / plain_name(name)
        (folder / _PART).touch(mode=0o600)
        self._expected[upload_id] = (path, size)

    def add(self, upload_id: str, chunk: bytes) -> int:
        """Appends; returns the bytes so far. Raises Refused where the upload is unknown or longer than announced."""
        path, size = self._find(upload_id)
        part = path.parent / _PART
        with open(part, "ab") as file:
            if file.tell() + len(chunk) > size:
                raise Refused(ProblemCode.UPLOAD_MISSING, f"{path.name} is longer than it was said to be.")
            file.write(chunk)
            return file.tell()

    def end(self, upload_id: str) -> int:
        """Makes the file visible; returns its size. Raises Refused where it is not whole."""
        path, size = self._find(upload_id)
        part = path.parent / _PART
        if part.stat().st_size != size:
            raise Refused(ProblemCode.UPLOAD_MISSING, f"{path.name} did not arrive whole.")
        os.replace(part, path)
        del self._expected[upload_id]
        return size

    def drop(self, upload_id: str) -> None:
        """Deletes what there is of the upload."""
        self._expected.pop(upload_id, None)
        shutil.rmtree(self.place.inbox / checked_id(upload_id), ignore_errors=True)

    def _find(self, upload_id: str) -> tuple[Path, int]:
        # Unknown after a restart of the agent, too: whoever sends begins again.
        if upload_id not in self._expected:
            raise Refused(ProblemCode.UPLOAD_MISSING, "This upload was not begun, or was interrupted.")
        return self._expected[upload_id]
