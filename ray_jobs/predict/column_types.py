"""The rows of a CSV as Arrow tables, for results of formats that have types. No value is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ray_jobs.reading.values import MISSING

_MOST_ROUNDS = 3
#: Whole numbers of which a float may not hold every digit.
_LONG_WHOLE = r"^[+-]?[0-9]{16,300}$"


class Misfit(Exception):
    """A value does not fit the type that earlier rows gave its column; the type is wider now, and the work begins
    again.
    """


class ColumnTypes:
    """Types found on the first piece of a CSV and kept for all, so that they never change within a file. A column is of
    whole numbers only where each is written as it would be written again: 007 is text.
    """

    def __init__(self, decimal: str = ".") -> None:
        self._decimal = decimal
        self._types: dict[str, pa.DataType] = {}
        self._misfits = 0

    def table(self, names: Sequence[str], rows: list[list[str]]) -> pa.Table:
        """At least one row, as fields. Raises Misfit."""
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        texts = dict(zip(names, columns, strict=True))
        if not self._types:
            self._types = {name: self._guessed(column) for name, column in texts.items()}
        arrays, misfits = {}, []
        for name, column in texts.items():
            try:
                arrays[name] = self._converted(column, self._types[name])
            except pa.ArrowException:
                misfits.append(name)
        if misfits:
            self._types |= {name: self._wider(self._types[name], texts[name]) for name in misfits}
            self._misfits += 1
            if self._misfits > _MOST_ROUNDS:  # a table of surprises: text holds everything
                self._types = dict.fromkeys(self._types, pa.string())
            raise Misfit
        return pa.table(arrays)

    def _guessed(self, texts: pa.Array) -> pa.DataType:
        for wanted in (pa.int64(), pa.float64(), pa.bool_()):
            try:
                found = self._converted(texts, wanted)
            except pa.ArrowException:
                continue
            if pa.types.is_boolean(wanted) and not _says_true_or_false(texts):
                continue
            if pa.types.is_floating(wanted) and _has_leading_zeros(texts):
                continue
            return wanted if found.null_count < len(found) else pa.string()
        return pa.string()

    def _wider(self, narrow: pa.DataType, texts: pa.Array) -> pa.DataType:
        """Numbers with a fraction where whole ones were expected, if the values are that; else text."""
        if not pa.types.is_integer(narrow) or _has_leading_zeros(texts):
            return pa.string()
        try:
            self._converted(texts, pa.float64())
        except pa.ArrowException:
            return pa.string()
        return pa.float64()

    def _converted(self, texts: pa.Array, wanted: pa.DataType) -> pa.Array:
        if pa.types.is_string(wanted):
            return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
        trimmed = pc.utf8_trim_whitespace(texts)
        known = pc.if_else(pc.is_in(trimmed, pa.array(MISSING)), pa.scalar(None, pa.string()), trimmed)
        if pa.types.is_floating(wanted):
            if self._decimal != ".":
                known = pc.replace_substring(known, self._decimal, ".")
            return _floats(known)
        found = pc.cast(known, wanted)
        if pa.types.is_integer(wanted) and pc.any(pc.not_equal(pc.cast(found, pa.string()), known)).as_py():
            raise pa.ArrowInvalid("it would be written differently")
        return found


def _floats(texts: pa.Array) -> pa.Array:
    found = pc.cast(texts, pa.float64())
    long = pc.drop_null(pc.if_else(pc.match_substring_regex(texts, _LONG_WHOLE), texts, pa.scalar(None, pa.string())))
    if any(int(text) != int(float(text)) for text in long.to_pylist()):
        raise pa.ArrowInvalid("it would lose digits")
    return found


def _has_leading_zeros(texts: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, r"^\s*[+-]?0[0-9]")).as_py())


def _says_true_or_false(texts: pa.Array) -> bool:
    words = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    return bool(pc.all(pc.is_in(words, pa.array(["true", "false", *(text.lower() for text in MISSING)]))).as_py())
