"""Reading CSVs.

Measured on nycflights13 four times over (137 MB, 19 columns, 2 cores; MB per second of CPU): pandas with threads 165 to
216, pandas by chunks 153, pyarrow.csv.open_csv 185 to 202, our blocks each read by pyarrow.csv.read_csv 189 to 216,
each read by pandas 142. Blocks of our own are as quick as the best, and let one block with a value that does not fit be
read again in another way, which a stream of Arrow's can't; they serve any encoding and packing too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

import pyarrow as pa
import pyarrow.csv as pa_csv

from ray_jobs.reading.blocks import Block
from ray_jobs.reading.contents import mended
from ray_jobs.reading.csv_file import CsvFile
from ray_jobs.reading.csv_forms import CsvForm
from ray_jobs.reading.reader import Reader, Types
from ray_jobs.reading.spreading import Spread, spread
from ray_jobs.reading.values import FALSE, MISSING, TRUE, NumberStyle, converted, style_of, type_of

#: So much text tells the types: some 20,000 rows. All of a smaller file.
_LOOK_BYTES = 2 << 20
_ROWS_AT_ONCE = 4096
_EXTRA = "\0extra"  #: the name of the field that a trailing delimiter makes
_MISSING = frozenset(MISSING)


class CsvReader(Reader):
    """One CSV, or several with the same columns."""

    format = "csv"

    def __init__(self, parts: Sequence[CsvFile]) -> None:
        super().__init__()
        self._parts = parts
        self.columns = parts[0].columns
        self._style = NumberStyle()
        self._look = spread(parts, _LOOK_BYTES, seed=0)
        text = self._texts(self._look)
        self.whole = self._look.whole
        self._style = style_of(text.columns, parts[0].form.delimiter)
        self.types = {name: type_of(text[name], self._style) for name in self.columns}
        self.gaps = frozenset(name for name in self.columns if self._has_gaps(text[name], self.types[name]))
        self._row_bytes = self._look.bytes / max(1, text.num_rows)
        if self.whole:
            self.counted = text.num_rows
        self._tell_form(parts[0].form)

    def _has_gaps(self, text: pa.ChunkedArray, kind: pa.DataType) -> bool:
        # Nothing but spaces is missing too where numbers are meant.
        return bool(text.null_count) or bool(converted(text, kind, self._style, strict=True)[0].null_count)

    @property
    def form(self) -> CsvForm:
        """How the first file is written."""
        return replace(self._parts[0].form, decimal=self._style.decimal)

    def _tell_form(self, form: CsvForm) -> None:
        if form.encoding == "cp1252":
            self.notes["The file is not in UTF-8; it was read as Windows-1252, which may garble accents."] = None
        if form.lines_above:
            lines = (
                "line above the header was"
                if form.lines_above == 1
                else f"{form.lines_above} lines above the header were"
            )
            self.notes[f"The {lines} left out."] = None
        if form.nameless:
            self.notes["The first row was taken as the header, but it is all numbers."] = None
        if self._style.decimal != "." or self._style.thousands:
            marks = " and with marks between thousands" if self._style.thousands else ""
            self.notes[f"Numbers were read with the decimal mark '{self._style.decimal}'{marks}."] = None

    def rows(self) -> tuple[int, bool]:
        if self.counted is not None:
            return self.counted, True
        return round(self._look.total / self._row_bytes), False

    def bytes_in_memory(self) -> int:
        rows, _ = self.rows()
        fixed = sum(8 if not pa.types.is_string(kind) else 0 for kind in self.types.values())
        texts = sum(pa.types.is_string(kind) for kind in self.types.values())
        # The text itself is at most what the file has.
        text_bytes = self._look.total * texts / max(1, len(self.types))
        return int(rows * (fixed + 8 * texts) + text_bytes)

    def sample(self, rows: int, seed: int) -> pa.Table:
        wanted = int(1.2 * rows * self._row_bytes)
        found = self._look if wanted <= self._look.bytes else spread(self._parts, wanted, seed)
        text = self._texts(found)
        if found.whole:
            self.counted = text.num_rows
        style = self._style
        return pa.table({n: converted(text[n], type_of(text[n], style), style, strict=False)[0] for n in self.columns})

    def tables(self, types: Types, *, strict: bool) -> Iterator[pa.Table]:
        for part in self._parts:
            for block in part.blocks():
                yield self._typed(part, block, types, strict)

    def raw(self) -> Iterator[list[str]]:
        """The rows of all files as they stand there, each with a field for each of `columns`."""
        for part in self._parts:
            place_of = {name: place for place, name in enumerate(part.columns)}
            order = [place_of[name] for name in self.columns]
            straight = order == list(range(len(order)))
            for block in part.blocks():
                for row in part.rows_of(block):
                    row += [""] * (len(order) - len(row))
                    yield row if straight else [row[number] for number in order]

    def _texts(self, found: Spread) -> pa.Table:
        types = dict.fromkeys(self.columns, pa.string())
        tables = [self._typed(self._parts[number], block, types, strict=True) for number, block in found.blocks]
        table = pa.concat_tables(tables) if tables else pa.schema(types).empty_table()
        return table.combine_chunks()

    def _typed(self, part: CsvFile, block: Block, types: Types, strict: bool) -> pa.Table:
        """One block, by the quickest way that understands it."""
        if block.regular and (text := part.without_padding(block.text)) is not None:
            try:
                return self._quickly(part, text, types)
            except pa.ArrowInvalid:
                pass
            try:
                # By text a block fails only where its form is strange, and is mended.
                return self._convert(self._quickly(part, self._mended(text), types, as_text=True), types, strict)
            except pa.ArrowInvalid:
                pass
        return self._convert(self._slowly(part, block, types), types, strict)

    def _quickly(self, part: CsvFile, text: bytes, types: Types, as_text: bool = False) -> pa.Table:
        if not types:
            raise ValueError("no columns")
        plain = not self._style.thousands
        asked = {
            name: pa.string() if as_text or (not plain and pa.types.is_floating(kind)) else kind
            for name, kind in types.items()
        }
        names = [*part.columns, *([_EXTRA] if part.form.trailing_delimiter else [])]
        table = pa_csv.read_csv(
            pa.py_buffer(text),
            # A row must fit into one of Arrow's own blocks.
            read_options=pa_csv.ReadOptions(column_names=names, block_size=max(1 << 20, len(text) // 4 + 1024)),
            parse_options=pa_csv.ParseOptions(delimiter=part.form.delimiter, newlines_in_values=b'"' in text),
            convert_options=pa_csv.ConvertOptions(
                column_types=asked,
                include_columns=list(types),
                null_values=MISSING,
                true_values=TRUE,
                false_values=FALSE,
                strings_can_be_null=True,
                decimal_point=self._style.decimal,
            ),
            memory_pool=self._pool,
        )
        if asked == types or as_text:
            return table
        return self._convert(table, types, strict=True)

    def _slowly(self, part: CsvFile, block: Block, types: Types) -> pa.Table:
        """As text, by Python's reader, which takes rows that are too short and quotes in odd places."""
        place_of = {name: place for place, name in enumerate(part.columns)}
        places = [place_of[name] for name in types]
        tables: list[pa.Table] = []
        rows = part.rows_of(Block(text=self._mended(block.text)))
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            if any(len(row) < len(part.columns) for row in some):
                self.notes["Some rows have fewer fields than the header; what they lack counts as missing."] = None
            columns = ([_value(row, at) for row in some] for at in places)
            tables.append(pa.table([pa.array(column, pa.string()) for column in columns], names=list(types)))
        return pa.concat_tables(tables) if tables else pa.schema(dict.fromkeys(types, pa.string())).empty_table()

    def _convert(self, table: pa.Table, types: Types, strict: bool) -> pa.Table:
        columns = []
        for name, kind in types.items():
            column, misfits = table[name], 0
            if column.type != kind:
                column, misfits = converted(column, kind, self._style, strict=strict)
            if misfits:
                self.misfits[name] += misfits
            columns.append(column)
        return pa.table(columns, names=list(types))

    def _mended(self, text: bytes) -> bytes:
        made = mended(text)
        if made is not text:
            self.notes["Some lines are not in UTF-8; they were read as Windows-1252."] = None
        return made


def _value(row: list[str], at: int) -> str | None:
    return row[at] if at < len(row) and row[at] not in _MISSING else None
