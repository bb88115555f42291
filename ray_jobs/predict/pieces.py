"""The input piece by piece: what the model is given, and beside it the rows as they stand."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from ray_jobs.predict.arrow_rows import Unlike, arrow_pieces
from ray_jobs.predict.checks import Fitting
from ray_jobs.predict.column_types import ColumnTypes
from ray_jobs.reading.source import Source
from ray_jobs.schema import conform

#: Rows as they stand: the fields of a CSV, or columns with types.
Kept: TypeAlias = list[list[str]] | pa.Table

_MOST_ROWS = 32_768
_MOST_CELLS = 1_000_000
_MOST_BYTES = 16 * 2**20


class Misaligned(Exception):
    """The rows as they stand and the rows that were read are not the same rows: then what was read is kept instead,
    and the work begins again.
    """


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some rows, at least one."""

    frame: pd.DataFrame  #: conformed, in the model's order and by its names
    truth: pd.Series | None  #: the target, where the input has it
    lost: dict[str, int]  #: values that are not of the training type and count as missing, by column
    kept: Kept


def rows_at_once(source: Source, classes: int) -> int:
    """How many rows a piece has at most: fewer where there are many columns or classes, or texts are long."""
    count, _ = source.rows()
    wide = max(1, source.bytes // max(1, count))
    return max(16, min(_MOST_ROWS, _MOST_CELLS // (len(source.columns) + 4 * classes), _MOST_BYTES // wide))


class Pieces:
    """A Source in pieces, again and again."""

    def __init__(self, source: Source, rows: int, *, text: bool) -> None:
        """`text`: the fields of a CSV are wanted as they stand; else columns with types."""
        self._source, self._rows, self._text = source, rows, text
        self._types = ColumnTypes(source.csv.decimal if source.csv else ".")
        self._as_they_stand = True

    def read(self, fitting: Fitting) -> Iterator[Piece]:
        """Every row, in order. Raises Refused; Misfit or Misaligned where the next round will do better."""
        frames = (frame for frame in self._source.batches(rows=self._rows) if len(frame))
        if not self._as_they_stand or self._source.format not in ("csv", "parquet", "feather"):
            for frame in frames:
                yield _piece(frame, fitting, self._types.table_of_frame(frame))
            return
        for frame, kept in zip_longest(frames, self._kept()):
            if frame is None or kept is None or len(frame) != len(kept):
                self._give_up()
            yield _piece(frame, fitting, kept)

    def _kept(self) -> Iterator[Kept]:
        try:
            if self._source.csv is None:
                yield from arrow_pieces(self._source, self._rows)
                return
            for rows in self._source.raw_batches(rows=self._rows):
                yield rows if self._text else self._types.table_of_text(self._source.columns, rows)
        except (Unlike, csv.Error, ValueError, RuntimeError):
            self._give_up()

    def _give_up(self) -> None:
        self._as_they_stand = False
        raise Misaligned


def _piece(frame: pd.DataFrame, fitting: Fitting, kept: Kept) -> Piece:
    conformed, _ = conform(frame, fitting.read)
    lost = {}
    for column in fitting.columns:
        gone = int(conformed[column.name].isna().sum() - frame[column.name].isna().sum())
        if gone > 0:
            lost[fitting.names[column.name]] = gone
    truth = conformed.pop(fitting.target.name) if fitting.target else None
    return Piece(frame=conformed.rename(columns=fitting.names), truth=truth, lost=lost, kept=kept)
