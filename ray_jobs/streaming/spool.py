"""Training rows on the disk, dealt out at random over a few files, so that each pass over them has a new order.

A file that is sorted, by date say, misleads what learns row by row. One part fits in memory and is shuffled there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode
from ray_jobs.streaming.sides import PART, Hashes, hashed
from ray_jobs.streaming.watch import MB

#: Open files are few, and pieces of a batch not too small.
_MOST_PARTS = 64
#: A little slower to write than plain, and a third to a fifth of the bytes.
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class Spool:
    """Conformed rows in Arrow files. A context manager: leaving it removes them."""

    def __init__(self, folder: Path, *, rows: int, part_rows: int, seed: int, limit: int) -> None:
        """`rows`: how many will come, about. `part_rows`: how many may be in memory. `limit`: bytes on the disk."""
        self.parts = max(1, min(_MOST_PARTS, -(-rows // part_rows)))
        self.rows = 0
        self._folder = folder
        self._seed = seed
        self._limit = limit
        self._open = ExitStack()
        self._schema: pa.Schema | None = None
        self._writers: list[Any] = []
        self._sinks: list[Any] = []

    def __enter__(self) -> Spool:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, frame: pd.DataFrame, places: Hashes) -> None:
        """Some rows; `places` are their numbers within the table. Raises Refused(NO_SPACE), OSError."""
        if self._schema is None:
            self._schema = pa.Schema.from_pandas(frame, preserve_index=False)
            for part in range(self.parts):
                self._sinks.append(self._open.enter_context(pa.OSFile(str(self._path(part)), "wb")))
                writer = pa.ipc.new_stream(self._sinks[-1], self._schema, options=_OPTIONS)
                self._writers.append(self._open.enter_context(writer))
        table = pa.Table.from_pandas(frame, schema=self._schema, preserve_index=False)
        chosen = hashed(places, self._seed, PART) % np.uint64(self.parts)
        for part, writer in enumerate(self._writers):
            writer.write_table(table.take(pa.array(np.flatnonzero(chosen == part))))
        self.rows += len(frame)
        if sum(sink.tell() for sink in self._sinks) > self._limit:
            raise Refused(
                ProblemCode.NO_SPACE,
                f"Learning from this table writes its rows to the disk, and no more than {self._limit // MB:,} MB are "
                "left for that.",
            )

    def blocks(self, number: int, rows: int) -> Iterator[pd.DataFrame]:
        """All rows in the random order of the `number`-th pass, at most `rows` at a time."""
        self._open.close()  # what was written is whole now
        rng = np.random.default_rng([self._seed, number])
        for part in rng.permutation(self.parts):
            with pa.OSFile(str(self._path(int(part))), "rb") as file:
                table = pa.ipc.open_stream(file).read_all()
            frame = table.to_pandas()
            del table
            order = rng.permutation(len(frame))
            for begin in range(0, len(order), rows):
                yield frame.iloc[order[begin : begin + rows]].reset_index(drop=True)
            del frame

    def _path(self, part: int) -> Path:
        return self._folder / f"part-{part}.arrow"
