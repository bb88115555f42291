"""The input piece by piece: what the model is given, and beside it the rows as they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import pandas as pd

from ray_jobs.manifest import Manifest
from ray_jobs.predict.checks import Fitting
from ray_jobs.predict.column_types import ColumnTypes, Misfit
from ray_jobs.predict.kept import CsvRows, JsonRows, Kept
from ray_jobs.reading.source import Source
from ray_jobs.reading.standing import Line, csv_lines, json_lines, misfits, paired_batches

#: Bounds of one piece: its rows, its values and answers, its text, and what preprocessing may make of it.
_MOST_ROWS = 32_768
_MOST_CELLS = 1_000_000
_MOST_BYTES = 16 * 2**20
_MOST_INSIDE = 8_000_000
#: Columns of a model's matrix that a column can become, as with one for each category.
_INSIDE = {"category": 50, "text": 17, "date": 8}


class Misaligned(Exception):
    """The rows as they stand and the rows that were read are not the same rows: then what was read is kept instead,
    and the work begins again.
    """


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some rows, at least one."""

    frame: pd.DataFrame  #: conformed, in the model's order and by its names
    truth: pd.Series | None  #: the target, where the input has it
    kept: Kept


def rows_at_once(source: Source, manifest: Manifest) -> int:
    """How many rows a piece has at most: fewer where there are many columns or classes, or texts are long."""
    count, _ = source.rows()
    wide = max(1, source.bytes // max(1, count))
    answers = len(manifest.classes.labels) if manifest.classes else 1
    inside = sum(_INSIDE.get(column.kind, 2) for column in manifest.columns)
    cells = len(source.columns) + 4 * answers
    return max(16, min(_MOST_ROWS, _MOST_CELLS // cells, _MOST_BYTES // wide, _MOST_INSIDE // inside))


class Pieces:
    """A Source in pieces, again and again."""

    def __init__(self, source: Source, rows: int, *, output: str) -> None:
        """`output`: the format of the result, in whose shape the rows are kept."""
        self._source, self._rows = source, rows
        self._output = output
        self._types = ColumnTypes(source.csv.decimal if source.csv else ".")
        self._as_text: set[str] = set()
        self._as_they_stand = True

    def read(self, fitting: Fitting) -> Iterator[Piece]:
        """Every row, in order. Raises Refused; Misfit or Misaligned where the next round will do better."""
        if self._as_they_stand and self._source.csv:
            pairs = self._with_lines(fitting, self._source.csv.delimiter)
        elif self._as_they_stand and self._source.format == self._output == "jsonl":
            pairs = self._with_records(fitting)
        else:
            pairs = self._with_tables(fitting)
        for frame, kept in pairs:
            truth = frame.pop(fitting.target.name) if fitting.target else None
            yield Piece(frame=frame.rename(columns=fitting.names), truth=truth, kept=kept)

    def _with_lines(self, fitting: Fitting, delimiter: str) -> Iterator[tuple[pd.DataFrame, Kept]]:
        frames = self._source.batches(fitting.read, rows=self._rows)
        for frame, lines in zip_longest(frames, csv_lines(self._source, self._rows)):
            self._check_alike(frame, lines)
            rows = CsvRows(lines=lines, delimiter=delimiter)
            if self._output == "csv":
                yield frame, rows
            else:
                yield frame, self._types.table(self._source.columns, rows.fields())

    def _with_records(self, fitting: Fitting) -> Iterator[tuple[pd.DataFrame, Kept]]:
        pairs = paired_batches(self._source, fitting.read, self._rows)
        for pair, lines in zip_longest(pairs, json_lines(self._source, self._rows)):
            self._check_alike(pair and pair[0], lines)
            yield pair[0], JsonRows(lines=lines, table=pair[1])

    def _with_tables(self, fitting: Fitting) -> Iterator[tuple[pd.DataFrame, Kept]]:
        if not self._as_they_stand:
            self._as_text = {*self._source.columns}
        for pair in paired_batches(self._source, fitting.read, self._rows, self._as_text):
            if lost := set(misfits(self._source)) - self._as_text:
                # A number in the sample, and something else later: it must not be lost.
                self._as_text |= lost
                raise Misfit
            yield pair

    def _check_alike(self, frame: pd.DataFrame | None, lines: Sequence[Line] | None) -> None:
        if frame is None or lines is None or len(frame) != len(lines):
            self._as_they_stand = False
            raise Misaligned
