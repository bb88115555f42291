"""The text of a file in blocks of whole records, as UTF-8, in bounded memory; and pieces of it from all over."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np

from ray_jobs.problems import Refused
from ray_jobs.reading.files import DataFile
from ray_jobs.reading.packing import Packing, consumed, unpacked
from ray_jobs.reading.records import Cutter
from ray_jobs.spec import ProblemCode

#: Measured with 2, 4 and 8 MB: equally fast within a tenth (200 MB/s of CPU); in pieces a CSV of 411 MB takes 118 MB of
#: memory with blocks of 2 MB, and 132 with 4.
BLOCK_BYTES = 2 << 20
#: A row of 20,000 columns has some 200 KB; longer than this is a quote that is never closed, or no table.
RECORD_LIMIT = 32 << 20

_MARK = codecs.BOM_UTF8
_CUTTINGS = 16


@dataclass(frozen=True, kw_only=True)
class Block:
    """Whole records as UTF-8 (or nearly: what is not, is for the reader to mend)."""

    text: bytes
    regular: bool = True  #: each quote opens or closes a field, so that every CSV reader understands it alike


class TextPart(Protocol):
    """One file of text, of which it is known how it is written."""

    file: DataFile
    consumed: int  #: bytes of the file that `blocks` has read

    @property
    def size(self) -> int:
        """Bytes of the file."""
        ...

    @property
    def text_bytes(self) -> int:
        """About how many bytes of UTF-8 it has, where it can be sought in."""
        ...

    @property
    def seekable(self) -> bool: ...

    def blocks(self) -> Iterator[Block]:
        """All records, in order. Raises Refused."""
        ...

    def pieces(self, starts: Sequence[int], length: int) -> Iterator[Block]:
        """The records within `length` bytes after each of these places in the file."""
        ...

    def cuttings(self, block: Block, random: np.random.Generator, length: int) -> Iterator[Block]:
        """Some pieces of a block, of about `length` bytes each."""
        ...


class TextFile:
    """A file of lines, or of records with quotes."""

    def __init__(
        self, file: DataFile, cutter: Cutter, *, packing: Packing, encoding: str, begin: int, block: int = BLOCK_BYTES
    ) -> None:
        self.file = file
        self._cutter = cutter
        self._packing = packing
        self._encoding = encoding.removesuffix("-sig")
        self._begin = begin  #: bytes of UTF-8 before the first record
        self._block = block
        self.consumed = 0

    @property
    def size(self) -> int:
        return self.file.size

    @property
    def text_bytes(self) -> int:
        return self.file.size // (2 if self._encoding.startswith("utf-16") else 1)

    @property
    def seekable(self) -> bool:
        return not self._packing

    def blocks(self) -> Iterator[Block]:
        rest, skip = b"", self._begin
        for piece in self._texts():
            text = rest + piece if rest else piece
            if skip:
                text, skip = text[skip:], max(0, skip - len(text))
            end, regular = self._cutter.end(text)
            if end:
                yield Block(text=text[:end], regular=regular)
            rest = text[end:]
            if len(rest) > RECORD_LIMIT:
                raise self._too_long(rest)
        # A computer that crashed while it wrote leaves zero bytes at the end.
        if rest := rest.rstrip(b"\0"):
            end, regular = self._cutter.end(rest + b"\n")
            if end <= len(rest):
                raise self._too_long(rest)
            yield Block(text=rest, regular=regular)

    def _texts(self) -> Iterator[bytes]:
        """The file in UTF-8, without marks of the byte order, wherever they stand."""
        decoder = None if self._encoding == "utf-8" else codecs.getincrementaldecoder(self._encoding)("replace")
        with unpacked(self.file, self._packing) as plain:
            while piece := plain.read(self._block):
                self.consumed = consumed(plain)
                text = decoder.decode(piece).encode("utf-8", "replace") if decoder else piece
                yield text.replace(_MARK, b"") if _MARK in text else text

    def pieces(self, starts: Sequence[int], length: int) -> Iterator[Block]:
        with unpacked(self.file, self._packing) as plain:
            done = 0
            for start in starts:
                if start >= done and (block := self._piece(plain, start, length)):
                    done = plain.tell()
                    yield block

    def _piece(self, plain: BinaryIO, start: int, length: int) -> Block | None:
        wide = 2 if self._encoding.startswith("utf-16") else 1
        start -= start % wide
        from_top = start < wide * (self._begin + len(_MARK))
        plain.seek(0 if from_top else start)
        # The piece has to hold a whole record, and the beginning of one before it.
        for longer in (1, 8, 64):
            text = self._decoded(plain.read(length * longer + (wide * self._begin if from_top else 0)))
            begin = self._begin if from_top else self._cutter.begin(text)
            if begin is not None:
                end, regular = self._cutter.end(text[begin:])
                if end:
                    return Block(text=text[begin : begin + end], regular=regular)
            plain.seek(0 if from_top else start)
        return None

    def cuttings(self, block: Block, random: np.random.Generator, length: int) -> Iterator[Block]:
        text = block.text
        places = min(_CUTTINGS, -(-len(text) // length))
        for number in range(places):
            at = int((number + random.random()) * max(0, len(text) - length) / places) if number else 0
            begin = self._cutter.begin(text[at : at + length]) if at else 0
            if begin is not None and (end := self._cutter.end(text[at + begin : at + length])[0]):
                yield Block(text=text[at + begin : at + begin + end], regular=block.regular)

    def _decoded(self, raw: bytes) -> bytes:
        text = raw if self._encoding == "utf-8" else raw.decode(self._encoding, "replace").encode("utf-8", "replace")
        return text.replace(_MARK, b"")

    def _too_long(self, rest: bytes) -> Refused:
        why = "a quote is never closed" if b'"' in rest else "a line has no end"
        return Refused(
            ProblemCode.NOT_THIS_FORMAT,
            f"{self.file.shown} can't be read as a table: {why}, or a row is longer than {RECORD_LIMIT >> 20} MB.",
            subject=self.file.shown,
        )
