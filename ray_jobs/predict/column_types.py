"""The rows of the input as Arrow tables, for the formats that have types. No value is lost on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

#: What stands for a gap in a CSV's column of numbers; in a column of text it stays as it is.
_GAPS = ("", "na", "n/a", "nan", "null", "none", "?", "-", "#n/a", "<na>")
_MOST_ROUNDS = 3


class Misfit(Exception):
    """A value does not fit the type that earlier rows gave its column; the type is wider now, and the work begins
    again.
    """


class ColumnTypes:
    """Types found on the first piece and kept for all, so that they never change within a file."""

    def __init__(self, decimal: str = ".") -> None:
        self._decimal = decimal
        self._types: dict[str, pa.DataType] = {}
        self._misfits = 0

    def table_of_text(self, names: Sequence[str], rows: list[list[str]]) -> pa.Table:
        """Rows of a CSV. A column is of whole numbers only where each of them is written as it would be written again:
        007 is text. Raises Misfit.
        """
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)] if rows else []
        guessed = {name: self._guess_text(column) for name, column in zip(names, columns, strict=True)}
        self._learn(guessed)
        return self._table(dict(zip(names, columns, strict=True)))

    def table_of_frame(self, frame: pd.DataFrame) -> pa.Table:
        """A piece of any other format. Raises Misfit."""
        series = {str(name): frame[name] for name in frame.columns}
        self._learn({name: _type_of(values) for name, values in series.items()})
        return self._table(series)

    def _learn(self, guessed: Mapping[str, pa.DataType]) -> None:
        self._types = self._types or dict(guessed)

    def _table(self, columns: Mapping[str, pa.Array | pd.Series]) -> pa.Table:
        arrays, misfits = {}, []
        for name, values in columns.items():
            try:
                arrays[name] = self._convert(values, self._types[name])
            except (pa.ArrowException, OverflowError):
                misfits.append(name)
        if misfits:
            self._widen(misfits, columns)
            raise Misfit
        return pa.table(arrays)

    def _widen(self, names: Sequence[str], columns: Mapping[str, pa.Array | pd.Series]) -> None:
        self._misfits += 1
        for name in names:
            self._types[name] = self._wider(self._types[name], columns[name])
        if self._misfits > _MOST_ROUNDS:  # a table of surprises: text holds everything
            self._types = dict.fromkeys(self._types, pa.string())

    def _wider(self, narrow: pa.DataType, values: pa.Array | pd.Series) -> pa.DataType:
        """Numbers with a fraction where whole ones were expected, if the values are that; else text."""
        if not pa.types.is_integer(narrow) or (isinstance(values, pa.Array) and _has_leading_zeros(values)):
            return pa.string()
        try:
            self._convert(values, pa.float64())
        except (pa.ArrowException, OverflowError):
            return pa.string()
        return pa.float64()

    def _convert(self, values: pa.Array | pd.Series, wanted: pa.DataType) -> pa.Array:
        if isinstance(values, pa.Array):
            return self._convert_text(values, wanted)
        if pa.types.is_string(wanted):
            known = values.notna().to_numpy()
            texts = [str(value) if there else None for value, there in zip(values, known, strict=True)]
            return pa.array(texts, pa.string())
        return pa.Array.from_pandas(values, type=wanted)

    def _convert_text(self, texts: pa.Array, wanted: pa.DataType) -> pa.Array:
        if pa.types.is_string(wanted):
            return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
        trimmed = pc.utf8_trim_whitespace(texts)
        gaps = pc.is_in(pc.utf8_lower(trimmed), pa.array(_GAPS))
        known = pc.if_else(gaps, pa.scalar(None, pa.string()), trimmed)
        if pa.types.is_floating(wanted):
            if self._decimal != ".":
                known = pc.replace_substring(known, self._decimal, ".")
            return pc.cast(known, wanted)
        found = pc.cast(known, wanted)
        again = pc.cast(found, pa.string()) if pa.types.is_integer(wanted) else known
        if not pc.all(pc.equal(again, known)).as_py() and known.null_count < len(known):
            raise pa.ArrowInvalid("it would be written differently")
        return found

    def _guess_text(self, texts: pa.Array) -> pa.DataType:
        for wanted in (pa.int64(), pa.float64(), pa.bool_()):
            try:
                found = self._convert_text(texts, wanted)
            except pa.ArrowException:
                continue
            if pa.types.is_boolean(wanted) and not _says_true_or_false(texts):
                continue
            if pa.types.is_floating(wanted) and _has_leading_zeros(texts):
                continue
            return wanted if found.null_count < len(found) else pa.string()
        return pa.string()


def _has_leading_zeros(texts: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, r"^\s*[+-]?0[0-9]")).as_py())


def _says_true_or_false(texts: pa.Array) -> bool:
    words = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    return bool(pc.all(pc.is_in(words, pa.array(["true", "false", *_GAPS]))).as_py())


def _type_of(values: pd.Series) -> pa.DataType:
    dtype = values.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return pa.bool_()
    if pd.api.types.is_integer_dtype(dtype):
        return pa.from_numpy_dtype(dtype) if isinstance(dtype, np.dtype) else pa.int64()
    if pd.api.types.is_float_dtype(dtype):
        return pa.int64() if _whole_but_for_gaps(values) else pa.float64()
    if pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype):
        return pa.bool_() if pd.api.types.infer_dtype(values, skipna=True) == "boolean" else pa.string()
    found = pa.Array.from_pandas(values.iloc[:0]).type
    return pa.string() if pa.types.is_null(found) else found


def _whole_but_for_gaps(values: pd.Series) -> bool:
    """Whole numbers that became floats only since a frame has no other way to hold gaps among them."""
    known = values.dropna()
    return 0 < len(known) < len(values) and bool((known == known.round()).all()) and bool((known.abs() < 2**53).all())
