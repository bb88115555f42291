"""Where the records of a delimited text end. A line end inside of quotes ends none."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

_LINE_ENDS = (10, 13)


class Cutter:
    """Cuts UTF-8 text of one delimiter; `quoted` where quotes mean anything, as in a CSV."""

    def __init__(self, delimiter: str, *, quoted: bool = True, padded: bool = False) -> None:
        self._delimiter = ord(delimiter)
        self._quoted = quoted
        self._padded = padded
        mark = re.escape(delimiter.encode())
        field = rb'(?:[ ]*+"(?:[^"]++|"")*+"|(?![ ]*+"))' if padded else rb'(?:"(?:[^"]++|"")*+"|(?!"))'
        plain = rb"[^" + mark + rb"\r\n]*+"
        self._record = re.compile(rb"(?:" + field + plain + mark + rb")*+" + field + plain + rb"(?:\r\n|\n|\r)")

    def end(self, text: bytes) -> tuple[int, bool]:
        """Where the last whole record of `text` ends, 0 for none, and whether its quotes are regular: each opens a
        field or closes one. `text` begins with a record.
        """
        if not self._quoted or b'"' not in text:
            return (text.rfind(b"\n") + 1 or text.rfind(b"\r") + 1), True
        codes = np.frombuffer(text, dtype=np.uint8)
        quotes = np.flatnonzero(codes == 34)
        if self._padded or self._irregular(codes, quotes, opening=0):
            return self._end_step_by_step(text), False
        return _last_outside(text, quotes), True

    def begin(self, text: bytes) -> int | None:
        """Where the first record begins in a piece from the middle of a text; None where none is found.

        Whether the piece begins inside of quotes is told by which answer makes its quotes regular; where both do,
        it doesn't.
        """
        quotes = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == 34)
        if not self._quoted or not len(quotes):
            return _after_line_end(text, 0)
        codes = np.frombuffer(text, dtype=np.uint8)
        for inside in (0, 1):
            # The first line end is where a record may begin; quotes before it count for nothing but the parity.
            if not self._irregular(codes, quotes, opening=inside):
                at = _after_line_end(text, 0)
                while at is not None and (int(np.searchsorted(quotes, at)) + inside) % 2:
                    at = _after_line_end(text, at)
                return at
        return None

    def _irregular(self, codes: NDArray[np.uint8], quotes: NDArray[np.intp], *, opening: int) -> bool:
        """Whether taking the quotes in turn as opening and closing, the first that opens being number `opening`,
        leaves one at a place where no field begins or ends.
        """
        edges = (self._delimiter, *_LINE_ENDS)
        opens, closes = quotes[opening::2], quotes[1 - opening :: 2]
        before = opens - 1
        fine = np.isin(codes[np.maximum(before, 0)], edges) | (before < 0)
        # In `""` inside of a field the first closes and the second opens again.
        fine |= codes[np.maximum(before, 0)] == 34
        if not fine.all():
            return True
        after = closes + 1
        last = np.minimum(after, len(codes) - 1)
        return not (np.isin(codes[last], (*edges, 34)) | (after >= len(codes))).all()

    def _end_step_by_step(self, text: bytes) -> int:
        at = 0
        while match := self._record.match(text, at):
            at = match.end()
        return at


def _after_line_end(text: bytes, start: int) -> int | None:
    line = text.find(b"\n", start)
    if line < 0:
        line = text.find(b"\r", start, len(text) - 1)
    return line + 1 if line >= 0 else None


def _last_outside(text: bytes, quotes: NDArray[np.intp]) -> int:
    bound = len(text)
    while True:
        at = text.rfind(b"\n", 0, bound)
        if at < 0:
            at = text.rfind(b"\r", 0, bound)
        if at < 0:
            return 0
        before = int(np.searchsorted(quotes, at))
        if before % 2 == 0:
            return at + 1
        bound = int(quotes[before - 1])
