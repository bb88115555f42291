"""Rows of the input as they stand, in the shape in which a result takes them over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

import pyarrow as pa

from ray_jobs.reading.standing import Line


@dataclass(frozen=True, kw_only=True)
class CsvRows:
    """Records of a CSV."""

    lines: Sequence[Line]
    delimiter: str

    def __len__(self) -> int:
        return len(self.lines)

    def fields(self, most: int | None = None) -> list[list[str]]:
        """The fields of all rows, or of the first `most`."""
        delimiter = self.delimiter
        return [line.split(delimiter) if isinstance(line, str) else line for line in self.lines[:most]]


@dataclass(frozen=True, kw_only=True)
class JsonRows:
    """Records of a JSON file: their text, and what a table has of them."""

    lines: Sequence[str]
    table: pa.Table

    def __len__(self) -> int:
        return len(self.lines)


def written(value: object) -> str:
    """A value of a table as text, with all its digits."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return format(value, "f") if isinstance(value, Decimal) else str(value)


#: A table where the input has types, or the result needs them.
Kept: TypeAlias = CsvRows | JsonRows | pa.Table


def first_rows(kept: Kept, most: int) -> list[list[str]]:
    """The first rows as text."""
    if isinstance(kept, CsvRows):
        return kept.fields(most)
    table = kept.table if isinstance(kept, JsonRows) else kept
    columns = [column.to_pylist() for column in table.slice(0, most).columns]
    return [["" if value is None else written(value) for value in row] for row in zip(*columns, strict=True)]
