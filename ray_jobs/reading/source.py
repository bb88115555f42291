"""A table that may be larger than memory: looked at by a sample, read whole, or read piece by piece."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import numpy as np
import pandas as pd
import pyarrow as pa

from ray_jobs.place import Place
from ray_jobs.problems import Refused, clip
from ray_jobs.reading.conforming import Conforming
from ray_jobs.reading.csv_forms import CsvForm
from ray_jobs.reading.csv_reader import CsvReader
from ray_jobs.reading.files import DataFile
from ray_jobs.reading.opening import reader_of
from ray_jobs.reading.patterns import FileSet, open_files
from ray_jobs.reading.reader import Reader, in_pandas
from ray_jobs.reading.table import Table
from ray_jobs.schema import Column
from ray_jobs.spec import Data, ProblemCode


@contextmanager
def open_source(place: Place, data: Data) -> Iterator[Source]:
    """Opens and checks the file or files that `data` names; they stay open as long as the block. Raises Refused."""
    with open_files(place, data) as found:
        source = Source(found, reader_of(found, data.sheet))
        if source.rows() == (0, True):
            raise Refused(
                ProblemCode.NO_ROWS, f"{source.shown} has a header and no rows below it.", subject=source.shown
            )
        yield source


class Source:
    """One table: a file, a folder of Parquet files, or the files that a pattern matches, in the order of their names.

    What it reads of a CSV or of JSON has the types that a sample of 2 MB from all over the file shows; a smaller file
    is seen whole. `frame` looks at every value: a column in which one is not a number is text. `batches` can't know
    what comes, so there a value that does not fit is missing, and `warnings` counts such values.
    """

    def __init__(self, found: FileSet, reader: Reader) -> None:
        self.files: tuple[DataFile, ...] = found.files
        self.name = found.name
        self.shown = found.shown
        self.bytes = sum(file.size for file in found.files)
        self.format = reader.format
        self.columns: tuple[str, ...] = reader.columns
        self._reader = reader
        self._lost: Counter[str] = Counter()  #: what conforming lost in the last pass

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said about how the table was read; more of it once it has been."""
        found = self._reader.misfits + self._lost
        lost = (
            f"Column '{clip(name, 80)}': {count} value{'s do' if count > 1 else ' does'} not fit it, "
            f"and count{'' if count > 1 else 's'} as missing."
            for name, count in found.items()
        )
        return (*self._reader.notes, *lost)

    @property
    def csv(self) -> CsvForm | None:
        """How the first file is written, where it is a CSV."""
        return self._reader.form if isinstance(self._reader, CsvReader) else None

    def rows(self) -> tuple[int, bool]:
        """How many rows there are, and whether that was counted; else it is estimated from a sample."""
        return self._reader.rows()

    def sample(self, rows: int = 100_000, seed: int = 0) -> pd.DataFrame:
        """At most `rows` rows from all over the table in their order, index 0..n-1; all of it if it is no larger."""
        table = self._reader.sample(rows, seed)
        if table.num_rows > rows:
            chosen = np.sort(np.random.default_rng(seed).choice(table.num_rows, rows, replace=False))
            table = table.take(pa.array(chosen))
        return in_pandas(table)

    def frame(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The whole table, index 0..n-1. Raises Refused."""
        frame = in_pandas(self._reader.table(self.columns if columns is None else tuple(columns)), emptying=True)
        self._reader.counted = len(frame)
        return frame

    def batches(self, columns: tuple[Column, ...] | None = None, rows: int = 65_536) -> Iterator[pd.DataFrame]:
        """The table in pieces of `rows` rows, the last of fewer, in order; each has its own index 0..n-1.

        The types never change from one to the next. With `columns` each piece has just these, conformed, numbers and
        booleans as float64. Raises Refused, also where a column is not there.
        """
        self._lost.clear()
        if columns is None:
            yield from (self._stable(table) for table in self._reader.batches(self._reader.stable_types(), rows))
            return
        plan = Conforming(columns, self._reader)
        for table in self._reader.batches(plan.types, rows):
            yield plan.conformed(in_pandas(table), self._lost)

    def _stable(self, table: pa.Table) -> pd.DataFrame:
        frame = in_pandas(table)
        reader = self._reader
        for name, kind in reader.types.items():
            # With gaps true and false are objects in pandas, without they are bool.
            if pa.types.is_boolean(kind) and (name in reader.gaps or not reader.whole):
                frame[name] = frame[name].astype(object)
        return frame

    def raw_batches(self, rows: int = 65_536) -> Iterator[list[list[str]]]:
        """The rows of a CSV as they stand there, text unchanged, in pieces like those of `batches(rows=rows)`, each
        row as wide as `columns`. Raises ValueError for any other format, and Refused.
        """
        if not isinstance(self._reader, CsvReader):
            raise ValueError("not a CSV")
        found = self._reader.raw()
        while piece := list(islice(found, rows)):
            yield piece

    def memory(self) -> int:
        """About how many bytes `frame` takes at its peak."""
        return 2 * self._reader.bytes_in_memory()

    def hash(self) -> str:
        """SHA-256 over the files' bytes, in order, as hex."""
        digest = hashlib.sha256()
        for file in self.files:
            with file.opened() as path, open(path, "rb") as raw:
                while piece := raw.read(1 << 20):
                    digest.update(piece)
        return digest.hexdigest()


@contextmanager
def read_table(place: Place, data: Data) -> Iterator[Table]:
    """Opens, checks and reads the whole table that `data` names. Raises Refused."""
    with open_source(place, data) as source:
        frame = source.frame()
        yield Table(file=source.files[0], frame=frame, warnings=source.warnings, source=source)
