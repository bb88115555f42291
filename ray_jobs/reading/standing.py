"""Rows as they stand in their files, beside what a model is given of them: to pass on unchanged."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd
import pyarrow as pa

from ray_jobs.reading.blocks import Block
from ray_jobs.reading.conforming import Conforming
from ray_jobs.reading.contents import mended
from ray_jobs.reading.csv_file import CsvFile
from ray_jobs.reading.csv_reader import CsvReader
from ray_jobs.reading.json_reader import JsonReader
from ray_jobs.reading.reader import in_pandas
from ray_jobs.schema import Column

if TYPE_CHECKING:
    from ray_jobs.reading.source import Source

_LOOK_RECORDS = 1000
#: A record of a CSV: its text, if it has no quotes; else its fields.
Line: TypeAlias = str | list[str]


def paired_batches(
    source: Source, columns: tuple[Column, ...], rows: int, as_text: Collection[str] = ()
) -> Iterator[tuple[pd.DataFrame, pa.Table]]:
    """The table in pieces of `rows` rows, the last of fewer: conformed to `columns` as by `Source.batches`, and all its
    columns in types that lose nothing, those named in `as_text` as text. Raises Refused.
    """
    reader = source._reader
    plan = Conforming(columns, reader)
    stored = reader.kept_types or reader.types
    types = {name: pa.string() if name in as_text else kind for name, kind in stored.items()}
    source._lost.clear()
    for table in reader.batches(types, rows):
        given = pa.table([_cast(table[name], kind) for name, kind in plan.types.items()], names=list(plan.types))
        yield plan.conformed(in_pandas(given), source._lost), table


def misfits(source: Source) -> Collection[str]:
    """Columns of which a value was not of the sample's type, and is null in the stored tables, in this pass so far."""
    return [name for name, count in source._reader.misfits.items() if count]


def csv_lines(source: Source, rows: int) -> Iterator[list[Line]]:
    """The records of a CSV in pieces like those of `Source.batches`, each with a field for each column, in their order.
    Raises Refused.
    """
    reader = source._reader
    assert isinstance(reader, CsvReader)
    lines = (_lines_of(part, block, reader.columns) for part in reader._parts for block in part.blocks())
    found = chain.from_iterable(lines)
    while piece := list(islice(found, rows)):
        yield piece


def json_lines(source: Source, rows: int) -> Iterator[list[str]]:
    """The records of a JSON file in pieces like those of `Source.batches`. Raises Refused."""
    reader = source._reader
    assert isinstance(reader, JsonReader)
    texts = (mended(block.text).decode("utf-8", "replace") for part in reader._parts for block in part.blocks())
    found = (line for text in texts for line in map(str.strip, text.split("\n")) if line)
    while piece := list(islice(found, rows)):
        yield piece


def json_keys(source: Source) -> set[str]:
    """The keys of the first records of a JSON file, also of what is no column. Raises Refused."""
    first = next(json_lines(source, _LOOK_RECORDS), [])
    return {key for line in first for key in json.loads(line)}


def _lines_of(part: CsvFile, block: Block, names: tuple[str, ...]) -> Iterator[Line]:
    if part.columns == names and (lines := _plain_lines(part, block)) is not None:
        return iter(lines)
    return _fields_of(part, block, names)


def _plain_lines(part: CsvFile, block: Block) -> list[Line] | None:
    """The lines of a block of which each is a whole record; None where that is not so, or not so easily told."""
    form = part.form
    if b'"' in block.text or form.padded or form.delimiter == " " or form.trailing_delimiter:
        return None
    text = mended(block.text).decode("utf-8")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines: list[Line] = [line for line in text.split("\n") if line]
    between, delimiter = len(part.columns) - 1, form.delimiter
    return lines if all(line.count(delimiter) == between for line in lines) else None


def _fields_of(part: CsvFile, block: Block, names: tuple[str, ...]) -> Iterator[list[str]]:
    order = [part.columns.index(name) for name in names]
    for row in part.rows_of(block):
        row += [""] * (len(order) - len(row))
        yield [row[number] for number in order]


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Text stays text where numbers are wanted: conforming reads it, and counts what it cannot read."""
    if column.type == kind or pa.types.is_string(column.type):
        return column
    return column.cast(kind, safe=False)
