"""Result files of every format, written piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter  # type: ignore[import-untyped]

from ray_jobs.predict.answers import Added
from ray_jobs.predict.csv_cells import Quoting
from ray_jobs.predict.kept import CsvRows, JsonRows, Kept, written
from ray_jobs.reading.csv_forms import CsvForm

#: What a sheet holds.
SHEET_ROWS, SHEET_COLUMNS = 1_048_576, 16_384
_CELL_CHARACTERS = 32_767
#: Beyond these a cell would hold another number, or no date.
_CELL_WHOLE = 10**15
_FIRST_YEAR = 1900


class Writer(Protocol):
    """One result file, opened by its maker."""

    def write(self, kept: Kept, added: Added) -> None:
        """Some more rows. Raises OSError."""

    def close(self) -> None:
        """The file is whole. Raises OSError."""


class CsvWriter:
    """A CSV like the input was: delimiter, decimal mark and, where it had one, the mark of UTF-8 at the beginning."""

    def __init__(self, path: Path, names: list[str], form: CsvForm | None) -> None:
        marked = form is not None and form.encoding == "utf-8-sig"
        self._file = open(  # noqa: SIM115  # closed by close()
            path, "w", encoding="utf-8-sig" if marked else "utf-8", errors="backslashreplace", newline=""
        )
        self._decimal = form.decimal if form else "."
        self._quoting = Quoting(form.delimiter if form else ",")
        self._file.write(self._quoting.record(names) + "\n")

    def write(self, kept: Kept, added: Added) -> None:
        join = self._quoting.delimiter.join
        ends = zip(*(self._cells(column) for column in added.values()), strict=True)
        if isinstance(kept, CsvRows):
            lines = (line if isinstance(line, str) else self._quoting.record(line) for line in kept.lines)
            self._file.writelines(f"{join((line, *end))}\n" for line, end in zip(lines, ends, strict=True))
            return
        assert isinstance(kept, pa.Table)
        rows = zip(*(self._quoting.column(column) for column in kept.columns), strict=True)
        self._file.writelines(f"{join((*row, *end))}\n" for row, end in zip(rows, ends, strict=True))

    def _cells(self, column: list[Any]) -> list[str]:
        if not isinstance(column[0], float):
            quoted = {value: self._quoting.record([value]) if value != "" else "" for value in set(column)}
            return [quoted[value] for value in column]
        if self._decimal == ".":
            return list(map(repr, column))
        texts = [repr(value).replace(".", self._decimal) for value in column]
        return [f'"{text}"' for text in texts] if self._decimal == self._quoting.delimiter else texts

    def close(self) -> None:
        self._file.close()


class ParquetWriter:
    """Parquet, compressed with zstd."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def write(self, kept: Kept, added: Added) -> None:
        table = _joined(kept, added)
        self._writer = self._writer or pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table.cast(self._writer.schema))

    def close(self) -> None:
        if self._writer:
            self._writer.close()


class FeatherWriter:
    """Feather, which is Arrow's file format, compressed with lz4 as is usual."""

    def __init__(self, path: Path) -> None:
        self._path, self._open = path, ExitStack()
        self._writer: Any = None

    def write(self, kept: Kept, added: Added) -> None:
        table = _joined(kept, added)
        if self._writer is None:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            file = self._open.enter_context(pa.OSFile(str(self._path), "wb"))
            self._writer = self._open.enter_context(pa.ipc.new_file(file, table.schema, options=options))
            self._schema = table.schema
        self._writer.write_table(table.cast(self._schema))

    def close(self) -> None:
        self._open.close()


class LinesWriter:
    """JSON lines; gaps are null, dates are ISO 8601. Records of a JSON file keep their text, whatever else is in it."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "w", encoding="utf-8", errors="backslashreplace", newline="")  # noqa: SIM115
        self._encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_json_value).encode

    def write(self, kept: Kept, added: Added) -> None:
        if isinstance(kept, JsonRows):
            for line, text in zip(kept.lines, self._records(pa.table(added)), strict=True):
                body = line[:-1].rstrip()
                self._file.write(f"{body}{'' if body == '{' else ', '}{text[1:]}\n")
            return
        for text in self._records(_joined(kept, added)):
            self._file.write(f"{text}\n")

    def _records(self, table: pa.Table) -> Iterator[str]:
        names = table.column_names
        for row in zip(*(_finite(column.to_pylist()) for column in table.columns), strict=True):
            yield self._encode(dict(zip(names, row, strict=True)))

    def close(self) -> None:
        self._file.close()


class SheetWriter:
    """An Excel workbook of one sheet. Text stays text: nothing becomes a formula, a link or a number."""

    def __init__(self, path: Path, names: list[str]) -> None:
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": str(path.parent),
                "default_date_format": "yyyy-mm-dd hh:mm:ss",
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._sheet = self._book.add_worksheet("predictions")
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._row = 1
        self.cut = 0  #: cells whose text was longer than a cell may be
        for number, name in enumerate(names):
            self._text(0, number, name)

    def write(self, kept: Kept, added: Added) -> None:
        columns = [column.to_pylist() for column in _joined(kept, added).columns]
        for row in zip(*columns, strict=True):
            for number, value in enumerate(row):
                if value is not None:
                    self._cell(self._row, number, value)
            self._row += 1

    def _cell(self, row: int, column: int, value: object) -> None:
        if isinstance(value, bool):
            self._sheet.write_boolean(row, column, value)
        elif (isinstance(value, int) and abs(value) < _CELL_WHOLE) or (isinstance(value, float) and _is_finite(value)):
            self._sheet.write_number(row, column, value)
        elif isinstance(value, datetime) and value.tzinfo is None and value.year >= _FIRST_YEAR:
            self._sheet.write_datetime(row, column, value)
        elif isinstance(value, date) and not isinstance(value, datetime) and value.year >= _FIRST_YEAR:
            self._sheet.write_datetime(row, column, value, self._day)
        elif isinstance(value, Decimal) and _is_float(value):
            self._sheet.write_number(row, column, float(value))
        else:
            self._text(row, column, written(value))

    def _text(self, row: int, column: int, text: str) -> None:
        self.cut += len(text) > _CELL_CHARACTERS
        # XML has no room for these two.
        text = text[:_CELL_CHARACTERS].replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
        self._sheet.write_string(row, column, text.encode("utf-8", "replace").decode())

    def close(self) -> None:
        self._book.close()


def _joined(kept: Kept, added: Added) -> pa.Table:
    assert isinstance(kept, pa.Table)
    for name, values in added.items():
        kept = kept.append_column(name, pa.array(values))
    return kept


def _finite(values: list[Any]) -> list[Any]:
    return [None if isinstance(value, float) and not _is_finite(value) else value for value in values]


def _is_finite(value: float) -> bool:
    return abs(value) <= 1.7976931348623157e308


def _is_float(value: Decimal) -> bool:
    """Whether a float has the same digits. A sheet shows and keeps no more than 15."""
    return value.is_finite() and abs(value) < _CELL_WHOLE and Decimal(repr(float(value))) == value


def _json_value(value: object) -> str | float:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal) and value.is_finite():
        if value == value.to_integral_value():
            return int(value)
        return float(value) if _is_float(value) else written(value)
    return written(value)
