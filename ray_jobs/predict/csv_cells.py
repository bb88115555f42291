"""Columns with types as the text of a CSV, by whole columns: value by value takes four times as long."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from ray_jobs.predict.kept import written

_LINE_END = "\r\n"


class Quoting:
    """Fields as a CSV of one delimiter writes them."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        self._text = io.StringIO(newline="")
        # The writer of Python 3.11 quotes line breaks only where they are part of its line end.
        self._writer = csv.writer(self._text, delimiter=delimiter, lineterminator=_LINE_END)
        self._telling = f'["\r\n{re.escape(delimiter)}]'

    def record(self, fields: Sequence[object]) -> str:
        """A record without its line end."""
        self._writer.writerow(fields)
        text = self._text.getvalue().removesuffix(_LINE_END)
        self._text.seek(0)
        self._text.truncate()
        return text

    def column(self, values: pa.ChunkedArray) -> list[str]:
        """One text for each value; gaps are empty. Numbers can be read again without loss."""
        kind = values.type
        if pa.types.is_boolean(kind):
            return _listed(pc.if_else(values, "True", "False"))
        if pa.types.is_integer(kind) or pa.types.is_date(kind) or pa.types.is_float32(kind):
            return _listed(pc.cast(values, pa.string()))
        if pa.types.is_floating(kind):
            return ["" if value is None else repr(value) for value in values.to_pylist()]
        if pa.types.is_timestamp(kind) and kind.tz is None:
            return _listed(_moments(values))
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            if not pc.any(pc.match_substring_regex(values, self._telling)).as_py():
                return _listed(values)
            return [self._quoted(value) for value in values.to_pylist()]
        return [self._quoted(value) for value in values.to_pylist()]

    def _quoted(self, value: object) -> str:
        if value is None:
            return ""
        text = written(value)
        # A record of one empty field would be two quotes.
        return self.record([text]) if text else ""


def _listed(texts: pa.ChunkedArray) -> list[str]:
    found: list[str] = pc.fill_null(texts, "").to_pylist()
    return found


def _moments(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Without the fraction of the second where all are whole."""
    with suppress(pa.ArrowInvalid):
        values = pc.cast(values, pa.timestamp("s"))
    return pc.cast(values, pa.string())
