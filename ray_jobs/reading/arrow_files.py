"""One file of Parquet, or of Arrow's own format (Feather), as tables of bounded size.

Memory stays bounded by reading in pieces of 65,536 rows, whatever the size of a row group: of 3 million rows in one
group reading took 57 MB over what was there. Only a batch of a compressed Feather file has to be held as a whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ray_jobs.problems import Refused
from ray_jobs.reading.contents import known_content
from ray_jobs.reading.files import DataFile
from ray_jobs.spec import ProblemCode

ROWS_AT_ONCE = 65_536
_DAMAGE = (pa.ArrowException, OSError, ValueError, KeyError)


class ArrowFile(ABC):
    """A file whose columns have types. Its rows are in groups that can be read by themselves."""

    file: DataFile
    schema: pa.Schema
    groups: tuple[int, ...]  #: rows of each

    @property
    def rows(self) -> int:
        return sum(self.groups)

    @abstractmethod
    def tables(self, places: Sequence[int], groups: Sequence[int] | None = None) -> Iterator[tuple[int, pa.Table]]:
        """Numbers of groups with their rows, in pieces, of the columns at these places; all groups where none are
        named. Raises Refused.
        """

    @abstractmethod
    def has_gaps(self, place: int) -> bool:
        """Whether the column may have missing values. Raises Refused."""


class ParquetFile(ArrowFile):
    def __init__(self, file: DataFile) -> None:
        self.file = file
        with file.opened() as path:
            _check_parquet(file, path)
            with _guarded(file, "a Parquet file"):
                metadata = pq.read_metadata(path)
                self.schema = metadata.schema.to_arrow_schema()
        self._metadata = metadata
        self.groups = tuple(metadata.row_group(number).num_rows for number in range(metadata.num_row_groups))
        names = self.schema.names
        # Parquet's readers choose columns by name; equal names, and names with dots, leave a doubt.
        self._by_name = len(set(names)) == len(names) and not any("." in name for name in names)

    def tables(self, places: Sequence[int], groups: Sequence[int] | None = None) -> Iterator[tuple[int, pa.Table]]:
        names = [self.schema.names[place] for place in places]
        # Without `pre_buffer` a column is read as it is needed, not all of a group at once.
        with self.file.opened() as path, _guarded(self.file, "a Parquet file"):
            parquet = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True)
            for group in range(len(self.groups)) if groups is None else groups:
                asked = names if self._by_name else None
                for batch in parquet.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=asked):
                    table = pa.Table.from_batches([batch])
                    yield group, table if self._by_name else table.select(list(places))

    def has_gaps(self, place: int) -> bool:
        if not self._by_name or any(pa.types.is_nested(kind) for kind in self.schema.types):
            return True
        found = [self._metadata.row_group(group).column(place).statistics for group in range(len(self.groups))]
        return any(one is None or not one.has_null_count or one.null_count for one in found)


class IpcFile(ArrowFile):
    """Feather of version 2, which is Arrow's file format, or an Arrow stream, which has no table of contents."""

    def __init__(self, file: DataFile, head: bytes) -> None:
        self.file = file
        self._stream = not head.startswith(b"ARROW1")
        if self._stream and not head.startswith(b"\xff\xff\xff\xff"):
            raise _refuse(file, "a Feather file", known_content(head) or "something else")
        with file.opened() as path, _guarded(file, "a Feather file"), pa.memory_map(path) as raw:
            self.schema = self._reader(raw, None).schema
            # One column is enough to count the rows.
            one = self._reader(raw, [0]) if len(self.schema) else None
            self.groups = tuple(batch.num_rows for batch in _batches(one, None)) if one else ()

    def tables(self, places: Sequence[int], groups: Sequence[int] | None = None) -> Iterator[tuple[int, pa.Table]]:
        with self.file.opened() as path, _guarded(self.file, "a Feather file"), pa.memory_map(path) as raw:
            wanted = range(len(self.groups)) if groups is None else groups
            reader = self._reader(raw, sorted(places))
            order = [sorted(places).index(place) for place in places]
            for group, batch in zip(wanted, _batches(reader, wanted), strict=True):
                # The buffers of a damaged file could point anywhere.
                batch.validate(full=True)
                table = pa.Table.from_batches([batch]).select(order)
                for begin in range(0, table.num_rows, ROWS_AT_ONCE):
                    yield group, table.slice(begin, ROWS_AT_ONCE)

    def has_gaps(self, place: int) -> bool:
        with self.file.opened() as path, _guarded(self.file, "a Feather file"), pa.memory_map(path) as raw:
            return any(batch.column(0).null_count for batch in _batches(self._reader(raw, [place]), None))

    def _reader(self, raw: pa.NativeFile, places: list[int] | None) -> Any:  # a RecordBatchFileReader or -StreamReader
        raw.seek(0)
        options = pa.ipc.IpcReadOptions(included_fields=places)
        return (pa.ipc.open_stream if self._stream else pa.ipc.open_file)(raw, options=options)


def _batches(reader: Any, groups: Sequence[int] | None) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.ipc.RecordBatchFileReader):
        for group in range(reader.num_record_batches) if groups is None else groups:
            yield reader.get_batch(group)
        return
    # A stream has to be read through. The groups asked for are in order.
    for number, batch in enumerate(reader):
        if groups is None or number in groups:
            yield batch


def _check_parquet(file: DataFile, path: str) -> None:
    with open(path, "rb") as raw:
        head = raw.read(4096)
        raw.seek(max(0, file.size - 4))
        tail = raw.read(4)
    if not head.startswith(b"PAR1"):
        raise _refuse(file, "a Parquet file", known_content(head) or "something else")
    if tail != b"PAR1" or file.size < 12:
        raise _refuse(file, "a Parquet file", "only the beginning of one")


def _refuse(file: DataFile, called: str, content: str) -> Refused:
    return Refused(
        ProblemCode.NOT_THIS_FORMAT, f"{file.shown} is named like {called}, but it holds {content}.", subject=file.shown
    )


@contextmanager
def _guarded(file: DataFile, called: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise _refuse(file, called, "a damaged one") from error
