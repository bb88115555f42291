"""One CSV: its text in blocks, and its rows as they stand."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from ray_jobs.problems import Refused
from ray_jobs.reading.blocks import BLOCK_BYTES, RECORD_LIMIT, Block, TextFile
from ray_jobs.reading.contents import mended
from ray_jobs.reading.csv_forms import CsvForm
from ray_jobs.reading.files import DataFile
from ray_jobs.reading.names import tidy_names
from ray_jobs.reading.packing import Packing
from ray_jobs.reading.records import Cutter
from ray_jobs.spec import ProblemCode

_SPACES = re.compile(rb"[ ]+")
_OUTER_SPACES = re.compile(rb"^ +| +(?=[\r\n]|$)", re.MULTILINE)


class CsvFile(TextFile):
    """One CSV."""

    def __init__(self, file: DataFile, form: CsvForm, packing: Packing) -> None:
        super().__init__(
            file,
            Cutter(form.delimiter, padded=form.padded),
            packing=packing,
            encoding=form.encoding,
            begin=form.header_end,
            # Of a very wide table a block should hold more than a few rows.
            block=max(BLOCK_BYTES, min(16 << 20, form.fields * 1024)),
        )
        self.form = form
        self.columns = tidy_names(form.names)

    def pieces(self, starts: Sequence[int], length: int) -> Iterator[Block]:
        # A piece that begins inside of a long quoted text looks like rows of another width.
        return (block for block in super().pieces(starts, length) if self._fits(block))

    def _fits(self, block: Block) -> bool:
        try:
            found = [row for _, row in zip(range(20), self.rows_of(block), strict=False)]
        except Refused:
            return False
        return any(len(row) == self.form.fields for row in found)

    def without_padding(self, text: bytes) -> bytes | None:
        """Text with nothing but delimiters between its fields; None where that is not so easily said."""
        spaced = self.form.delimiter == " "
        if not spaced and not self.form.padded:
            return text
        if b'"' in text:
            return None
        if spaced:
            return _SPACES.sub(b" ", _OUTER_SPACES.sub(b"", text))
        text = text.lstrip(b" ")
        for before in (self.form.delimiter.encode(), b"\n", b"\r"):
            # One space is the rule, and ten times as quickly replaced as by the pattern.
            text = text.replace(before + b" ", before)
            if before + b" " in text:
                text = re.sub(re.escape(before) + b" +", before, text)
        return text

    def rows_of(self, block: Block) -> Iterator[list[str]]:
        """The rows of a block as they stand there, each as wide as `columns` or shorter. Raises Refused."""
        spaced = self.form.delimiter == " "
        text = mended(block.text).decode("utf-8")
        if spaced:
            text = _OUTER_SPACES.sub(b"", text.encode()).decode()
        csv.field_size_limit(RECORD_LIMIT)
        lines = io.StringIO(text, newline="")
        rows = csv.reader(lines, delimiter=self.form.delimiter, skipinitialspace=self.form.padded or spaced)
        width, fields = len(self.columns), self.form.fields
        for row in rows:
            if len(row) > width:
                if len(row) > fields and any(row[fields:]):
                    raise self._ragged(row)
                del row[width:]
            if row and (len(row) > 1 or width == 1 or row[0].strip()):
                yield row

    def _ragged(self, row: list[str]) -> Refused:
        return Refused(
            ProblemCode.NOT_THIS_FORMAT,
            f"{self.file.shown} can't be read as a CSV: a row has {len(row)} fields where the header has "
            f"{self.form.fields}. Maybe a text with a '{self.form.delimiter}' in it is not quoted.",
            subject=self.file.shown,
        )
