"""JSON as text of one record a line: JSON lines as they are, and arrays of objects brought into that form."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator, Sequence

from ray_jobs.problems import Refused
from ray_jobs.reading.blocks import RECORD_LIMIT, Block, TextFile
from ray_jobs.reading.files import DataFile
from ray_jobs.reading.packing import Packing
from ray_jobs.reading.records import Cutter
from ray_jobs.spec import ProblemCode

#: The delimiter is never looked for: without quotes a record is a line.
_LINES = Cutter(",", quoted=False)
_BETWEEN = " \t\r\n,"


class JsonLines(TextFile):
    """One JSON object a line."""

    def __init__(self, file: DataFile, packing: Packing, encoding: str) -> None:
        super().__init__(file, _LINES, packing=packing, encoding=encoding, begin=0)


class JsonArray(JsonLines):
    """Objects one after the other, in an array or not, over any number of lines."""

    @property
    def seekable(self) -> bool:
        return False

    def blocks(self) -> Iterator[Block]:
        decoder, characters = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8")("replace")
        rest, begun = "", False
        for text in self._texts():
            rest += characters.decode(text)
            at = _past(rest, 0, _BETWEEN)
            if not begun and rest[at : at + 1]:
                begun, at = True, at + (rest[at] == "[")
            lines, at = self._records(decoder, rest, at)
            rest = rest[at:]
            if lines:
                yield Block(text="".join(lines).encode("utf-8", "replace"))
            if len(rest) > RECORD_LIMIT:
                raise self._too_long(rest.encode("utf-8", "replace"))
        if rest.strip(_BETWEEN + "]"):
            raise not_records(self.file, "an array of objects", "damaged JSON, or only its beginning")

    def pieces(self, starts: Sequence[int], length: int) -> Iterator[Block]:
        raise io.UnsupportedOperation("an array can't be sought in")

    def _records(self, decoder: json.JSONDecoder, text: str, at: int) -> tuple[list[str], int]:
        """The records from `at` on as lines, and where the last of them ends."""
        lines: list[str] = []
        while True:
            at = _past(text, at, _BETWEEN)
            if text[at : at + 1] in ("", "]"):
                return lines, at
            if text[at] != "{":
                raise not_records(self.file, "an array of objects", "other JSON than that")
            try:
                _, end = decoder.raw_decode(text, at)
            except ValueError:
                return lines, at  # cut off here, it may go on in the next piece
            except RecursionError as error:
                raise not_records(self.file, "an array of objects", "JSON that is nested too deeply") from error
            # Inside of a record a line end can only be white space.
            lines.append(text[at:end].replace("\r", " ").replace("\n", " ") + "\n")
            at = end


def not_records(file: DataFile, called: str, content: str) -> Refused:
    return Refused(
        ProblemCode.NOT_THIS_FORMAT,
        f"{file.shown} should hold {called}, one for each row, but it holds {content}.",
        subject=file.shown,
    )


def _past(text: str, at: int, characters: str) -> int:
    while text[at : at + 1] and text[at] in characters:
        at += 1
    return at
