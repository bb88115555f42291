"""Reading Excel workbooks (.xlsx, .xlsm, .xls) and OpenDocument spreadsheets (.ods), one sheet each, through calamine.

A sheet has at most a million rows and is held in memory, as columns; `workbook_rows` bounds what it may take.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from ray_jobs.problems import Refused, listed, nearest
from ray_jobs.reading import workbook_rows
from ray_jobs.reading.cells import Cell, cell_array, cell_text, cell_type
from ray_jobs.reading.files import DataFile
from ray_jobs.reading.names import tidy_names
from ray_jobs.reading.reader import Reader, Types
from ray_jobs.reading.values import NumberStyle, converted, style_of, type_of, without_markers
from ray_jobs.spec import ProblemCode

MOST_CELLS = 32_000_000  #: some 30 columns at Excel's most rows; 1 GB in calamine
_MEMORY = 2 << 30
_CPU_SECONDS = 600
_LINE_LIMIT = 64 << 20
_ROWS_AT_ONCE = 8192
_ROWS_LOOKED_AT = 30
_SEALED = ("PATH", "LD_LIBRARY_PATH")

Row = list[Cell]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One sheet as columns."""

    file: DataFile
    columns: dict[str, pa.ChunkedArray]  #: each chunk in a type of its own
    notes: tuple[str, ...]


def read_sheet(file: DataFile, wanted: str) -> Sheet:
    """Reads a sheet; "" for the first. Raises Refused."""
    with file.opened() as path, _program(path, wanted) as out:
        told = _next(out)
        if not isinstance(told, dict) or "sheet" not in told:
            raise _refusal(file, wanted, told)
        rows = _rows(out, file)
        numbered = ((number, row) for number, row in enumerate(rows, start=1) if any(cell is not None for cell in row))
        first = list(islice(numbered, _ROWS_LOOKED_AT))
        if not first:
            raise _empty(file, told)
        place = _header_place([row for _, row in first])
        notes = []
        if len(told["sheets"]) > 1 and not wanted:
            notes.append(f"The workbook has {len(told['sheets'])} sheets; '{told['sheet']}' was read.")
        if place:
            notes.append(f"The header was found in row {first[place][0]} of the sheet; what is above was left out.")
        below = chain((row for _, row in first[place + 1 :]), (row for _, row in numbered))
        return Sheet(file=file, columns=_columns(first[place][1], below), notes=tuple(notes))


@contextmanager
def _program(path: str, wanted: str) -> Iterator[IO[bytes]]:
    program = Path(workbook_rows.__file__)
    command = [sys.executable, "-I", str(program), path, wanted, str(_MEMORY), str(_CPU_SECONDS), str(MOST_CELLS)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=[int(os.path.basename(path))] if path.startswith("/dev/fd/") else (),
        env={name: os.environ[name] for name in _SEALED if name in os.environ},
    )
    assert process.stdout is not None
    with closing(process.stdout):
        try:
            yield process.stdout
        finally:
            process.kill()
            process.wait()


def _next(out: IO[bytes]) -> object:
    line = out.readline(_LINE_LIMIT)
    if not line.endswith(b"\n"):
        return None  # the program ended before its time
    return json.loads(line)


def _rows(out: IO[bytes], file: DataFile) -> Iterator[Row]:
    while isinstance(line := _next(out), list):
        yield [_cell(value) for value in line]
    if line != {"end": True}:
        raise _refusal(file, "", line)


def _cell(value: object) -> Cell:
    if isinstance(value, dict):
        if "seconds" in value:
            return dt.timedelta(seconds=value["seconds"])
        return dt.datetime.fromisoformat(value["moment"])
    return None if value == "" else value


def _refusal(file: DataFile, wanted: str, told: object) -> Refused:
    told = told if isinstance(told, dict) else {"problem": "size"}
    sheets = [str(name) for name in told.get("sheets", [])]
    kind = told.get("problem")
    if kind == "sheet":
        return Refused(
            ProblemCode.SHEET_MISSING,
            f"{file.shown} has no sheet '{wanted}'; it has {listed(sheets)}.",
            subject=wanted,
            suggestions=nearest(wanted, sheets) or sheets[:3],
        )
    if kind == "password":
        message = f"{file.shown} is locked with a password."
        return Refused(ProblemCode.FILE_UNREADABLE, message, subject=file.shown)
    if kind == "size":
        message = f"{file.shown} is too large to be read as a workbook, or damaged; save the sheet as CSV or Parquet."
        return Refused(ProblemCode.OUT_OF_MEMORY, message, subject=file.shown)
    message = f"{file.shown} is named like a workbook, but it holds something else, or is damaged."
    return Refused(ProblemCode.NOT_THIS_FORMAT, message, subject=file.shown)


def _empty(file: DataFile, told: dict[str, object]) -> Refused:
    sheets = told["sheets"]
    others = [str(name) for name in sheets if name != told["sheet"]] if isinstance(sheets, list) else []
    message = f"The sheet '{told['sheet']}' of {file.shown} is empty."
    return Refused(ProblemCode.FILE_EMPTY, message, subject=file.shown, suggestions=others)


def _filled(row: Row) -> int:
    return sum(cell is not None for cell in row)


def _header_place(rows: list[Row]) -> int:
    """The first row, unless it is mostly empty where others are not: then it is a title, and the header is the first
    of about the usual width, of one that is all text if there is such a one.
    """
    counts = Counter(_filled(row) for row in rows)
    usual = max(counts, key=lambda filled: (counts[filled], filled))
    wide = [number for number, row in enumerate(rows) if _filled(row) >= max(2, 0.6 * usual)]
    if usual < 2 or not wide or wide[0] == 0:
        return 0
    texts = (number for number in wide if all(isinstance(cell, str) for cell in rows[number] if cell is not None))
    return next(texts, wide[0])


def _columns(header: Row, rows: Iterator[Row]) -> dict[str, pa.ChunkedArray]:
    """The columns that have a name or a value."""
    chunks: list[list[pa.Array]] = [[] for _ in header]
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        for place, column in enumerate(zip(*some, strict=True)):
            chunks[place].append(cell_array(column, cell_type(column))[0])
    kept = [
        place
        for place, cell in enumerate(header)
        if cell is not None or any(chunk.null_count < len(chunk) for chunk in chunks[place])
    ]
    names = tidy_names("" if header[place] is None else cell_text(header[place]) for place in kept)
    return {name: _joined(chunks[place]) for name, place in zip(names, kept, strict=True)}


def _joined(chunks: Sequence[pa.Array]) -> pa.ChunkedArray:
    kinds = {chunk.type for chunk in chunks if not pa.types.is_null(chunk.type)}
    if kinds <= {pa.int64(), pa.float64()} and len(kinds) > 1:
        kind = pa.float64()
    else:
        kind = kinds.pop() if len(kinds) == 1 else pa.string() if kinds else pa.null()
    same = (chunk if chunk.type == kind else cell_array(chunk.to_pylist(), kind)[0] for chunk in chunks)
    return pa.chunked_array(list(same), kind)


def _meant(column: pa.ChunkedArray, style: NumberStyle) -> pa.ChunkedArray:
    """Text that is all numbers as numbers; whole numbers, of which a workbook knows nothing, as such."""
    if pa.types.is_string(column.type):
        column = without_markers(column)
        kind = type_of(column, style)
        column = converted(column, kind, style, strict=False)[0]
    if pa.types.is_floating(column.type) and column.null_count < len(column):
        whole = pc.all(pc.and_(pc.equal(pc.round(column), column), pc.less(pc.abs(column), 2.0**53))).as_py()
        column = column.cast(pa.int64()) if whole else column
    return column


class WorkbookReader(Reader):
    """One sheet of one workbook, or of several."""

    format = "excel"
    whole = True

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        super().__init__()
        self.columns = tuple(sheets[0].columns)
        joined = {
            name: _joined([chunk for sheet in sheets for chunk in sheet.columns[name].chunks]) for name in self.columns
        }
        style = style_of([without_markers(c) for c in joined.values() if pa.types.is_string(c.type)], ";")
        self._table = pa.table({name: _meant(column, style) for name, column in joined.items()})
        self.types = dict(zip(self.columns, self._table.schema.types, strict=True))
        self.gaps = frozenset(name for name in self.columns if self._table[name].null_count)
        self.counted = self._table.num_rows
        self.notes.update(dict.fromkeys(note for sheet in sheets for note in sheet.notes))

    def rows(self) -> tuple[int, bool]:
        return self._table.num_rows, True

    def bytes_in_memory(self) -> int:
        return int(self._table.nbytes)

    def sample(self, rows: int, seed: int) -> pa.Table:
        return self._table

    def tables(self, types: Types, *, strict: bool) -> Iterator[pa.Table]:
        for begin in range(0, self._table.num_rows, _ROWS_AT_ONCE):
            piece = self._table.slice(begin, _ROWS_AT_ONCE)
            yield pa.table([piece[name].cast(kind) for name, kind in types.items()], names=list(types))
