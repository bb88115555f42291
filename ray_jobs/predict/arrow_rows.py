"""The rows of Parquet and Feather files as they stand: a data frame would lose types and large whole numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from ray_jobs.reading.source import Source


class Unlike(Exception):
    """These files can't be passed on as they are."""


def arrow_pieces(source: Source, rows: int) -> Iterator[pa.Table]:
    """The columns that a Source has, in pieces of `rows` rows, the last one shorter. Raises Unlike."""
    waiting: list[pa.Table] = []
    first: pa.Schema | None = None
    count = 0
    for batch in _batches(source, rows):
        table = _plain(batch, source.columns)
        first = first or table.schema
        waiting.append(_like(table, first))
        count += len(table)
        while count >= rows:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, rows)
            waiting, count = [joined.slice(rows)], count - rows
    if count:
        yield pa.concat_tables(waiting)


def _batches(source: Source, rows: int) -> Iterator[pa.RecordBatch]:
    for file in source.files:
        with open(file.path, "rb") as raw:
            if source.format == "parquet":
                yield from pq.ParquetFile(raw).iter_batches(batch_size=rows)
            else:
                reader = pa.ipc.open_file(raw)
                for number in range(reader.num_record_batches):
                    yield reader.get_batch(number)


def _plain(batch: pa.RecordBatch, names: tuple[str, ...]) -> pa.Table:
    """Only what a Source shows, by its names; no dictionaries, which can change from batch to batch."""
    columns = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_nested(field.type) or field.name.startswith("__index_level_"):
            continue
        columns.append(column.dictionary_decode() if pa.types.is_dictionary(field.type) else column)
    if len(columns) != len(names):
        raise Unlike
    return pa.table(dict(zip(names, columns, strict=True)))


def _like(table: pa.Table, schema: pa.Schema) -> pa.Table:
    if table.schema == schema:
        return table
    try:
        return table.cast(schema)
    except (pa.ArrowException, ValueError) as error:
        raise Unlike from error
