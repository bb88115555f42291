"""Files to be read, in a place that may read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from ray_jobs.place import Place
from ray_jobs.problems import Refused
from ray_jobs.reading.source import Source, open_source
from ray_jobs.spec import PathData, Problem


@dataclass(frozen=True)
class Shelf:
    """A folder with files, and the place that may read it."""

    folder: Path

    @property
    def place(self) -> Place:
        return Place(
            folder=self.folder.parent / "node",
            folder_as_owner_knows="/n",
            home=str(self.folder.parent),
            allowed=(self.folder,),
            quota=10**9,
        )

    def put(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    @contextmanager
    def opened(self, path: str, sheet: str = "") -> Iterator[Source]:
        with open_source(self.place, PathData(path=path, sheet=sheet)) as source:
            yield source

    def frame(self, name: str, content: bytes | str | None = None, sheet: str = "") -> pd.DataFrame:
        """The whole table; held against what the pieces say."""
        if content is not None:
            self.put(name, content)
        with self.opened(name, sheet) as source:
            frame = source.frame()
            assert source.rows() == (len(frame), True)
            assert list(frame.columns) == list(source.columns)
            return frame

    def warnings(self, name: str, content: bytes | str | None = None) -> str:
        """What is said after a whole reading in pieces."""
        if content is not None:
            self.put(name, content)
        with self.opened(name) as source:
            for _ in source.batches():
                pass
            return " ".join(source.warnings)

    def refusal(self, path: str, content: bytes | str | None = None, sheet: str = "") -> Problem:
        """Why it can't be read; also where that shows only when all of it is."""
        if content is not None:
            self.put(path, content)
        with pytest.raises(Refused) as caught:
            self._read(path, sheet)
        problem = caught.value.problem
        assert problem.message.endswith(".")
        return problem

    def _read(self, path: str, sheet: str) -> None:
        with self.opened(path, sheet) as source:
            for _ in source.batches():
                pass
            source.frame()
