"""A table that may be larger than memory: looked at by a sample, read whole, or read piece by piece."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ray_jobs.place import Place
from ray_jobs.problems import Refused
from ray_jobs.reading.files import DataFile, open_data
from ray_jobs.reading.table import Table, is_blank, read_file
from ray_jobs.schema import Column, conform
from ray_jobs.spec import Data, ProblemCode

if TYPE_CHECKING:
    from ray_jobs.reading.sniffing import CsvForm


@contextmanager
def open_source(place: Place, data: Data) -> Iterator[Source]:
    """Opens and checks the file or files that `data` names; they stay open as long as the block. Raises Refused."""
    with open_data(place, data) as file:
        yield Source(file)


class Source:
    """One table."""

    def __init__(self, file: DataFile) -> None:
        self.files: tuple[DataFile, ...] = (file,)
        self.name = file.name
        self.shown = file.shown
        self.bytes = file.size
        self._table: Table = read_file(file)
        if not len(self._table.frame):
            raise Refused(ProblemCode.NO_ROWS, f"{file.shown} has a header and no rows below it.", subject=file.shown)
        self.format = "csv" if self._table.csv else "parquet"
        self.warnings: tuple[str, ...] = self._table.warnings
        self.columns: tuple[str, ...] = tuple(self._table.frame.columns)

    @property
    def csv(self) -> CsvForm | None:
        """How the file is written, where it is a CSV."""
        return self._table.csv

    def rows(self) -> tuple[int, bool]:
        """How many rows there are, and whether that was counted; else it is estimated from a sample."""
        return len(self._table.frame), True

    def sample(self, rows: int = 100_000, seed: int = 0) -> pd.DataFrame:
        """At most `rows` rows from all over the table in their order, index 0..n-1; all of it if it is no larger."""
        frame = self._table.frame
        if len(frame) <= rows:
            return frame
        chosen = np.sort(np.random.default_rng(seed).choice(len(frame), rows, replace=False))
        return frame.iloc[chosen].reset_index(drop=True)

    def frame(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The whole table, index 0..n-1. Raises Refused."""
        return self._table.frame if columns is None else self._table.frame[list(columns)]

    def batches(self, columns: tuple[Column, ...] | None = None, rows: int = 65_536) -> Iterator[pd.DataFrame]:
        """The table in pieces of at most `rows` rows, in order; each has its own index 0..n-1.

        With `columns` each piece is conformed to them, numbers as float64, so that types never change. Raises Refused.
        """
        for begin in range(0, len(self._table.frame), rows):
            piece = self._table.frame.iloc[begin : begin + rows].reset_index(drop=True)
            yield piece if columns is None else conform(piece, columns)[0]

    def raw_batches(self, rows: int = 65_536) -> Iterator[list[list[str]]]:
        """The rows of a CSV as they stand there, text unchanged, in pieces like those of `batches(rows=rows)`, each
        row as wide as `columns`. Raises ValueError for any other format.
        """
        if self.csv is None:
            raise ValueError("not a CSV")
        csv.field_size_limit(2**31 - 1)
        width = len(self.columns)
        piece: list[list[str]] = []
        with open(self.files[0].path, encoding=self.csv.encoding, newline="") as text:
            found = csv.reader(text, delimiter=self.csv.delimiter)
            next(row for row in found if not is_blank(row))  # the header
            for row in found:
                if is_blank(row):
                    continue
                piece.append((row + [""] * width)[:width])
                if len(piece) == rows:
                    yield piece
                    piece = []
        if piece:
            yield piece

    def memory(self) -> int:
        """About how many bytes `frame` takes at its peak."""
        if self.csv is None:
            with open(self.files[0].path, "rb") as raw:
                groups = pq.ParquetFile(raw).metadata
                return int(3 * sum(groups.row_group(n).total_byte_size for n in range(groups.num_row_groups)))
        return 4 * self.bytes

    def hash(self) -> str:
        """SHA-256 over the files' bytes, in order, as hex."""
        digest = hashlib.sha256()
        for file in self.files:
            with open(file.path, "rb") as raw:
                while piece := raw.read(1 << 20):
                    digest.update(piece)
        return digest.hexdigest()


@contextmanager
def read_table(place: Place, data: Data) -> Iterator[Table]:
    """Opens, checks and reads the file that `data` names. Raises Refused."""
    with open_source(place, data) as source:
        yield Table(file=source.files[0], frame=source.frame(), warnings=source.warnings, csv=source.csv)
