"""Columns of Python values, as JSON and Excel have them, as Arrow columns."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence

import pyarrow as pa

Cell = object  #: None, bool, int, float, str, datetime, date, time or timedelta

_WHOLE_LIMIT = 2**63
_KINDS: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    dt.datetime: pa.timestamp("us"),
    dt.date: pa.timestamp("us"),
    dt.timedelta: pa.duration("us"),
    dt.time: pa.string(),
}


def cell_type(values: Sequence[Cell]) -> pa.DataType:
    """The type that holds all values; text where they are of several kinds, and null where there is none."""
    kinds = {_KINDS.get(type(value), pa.string()) for value in values if value is not None}
    if not kinds:
        return pa.null()
    if kinds == {pa.int64()}:
        return pa.float64() if any(map(is_too_large, values)) else pa.int64()
    if kinds <= {pa.int64(), pa.float64()}:
        return pa.float64()
    return kinds.pop() if len(kinds) == 1 else pa.string()


def is_too_large(value: Cell) -> bool:
    """Whether it is a whole number that no column of whole numbers holds."""
    return isinstance(value, int) and not -_WHOLE_LIMIT <= value < _WHOLE_LIMIT


def cell_array(values: Sequence[Cell], kind: pa.DataType) -> tuple[pa.Array, int]:
    """The values in a type, and how many did not fit and are null now."""
    make = _MAKERS[kind]
    made = [None if value is None else make(value) for value in values]
    misfits = sum(new is None for new in made) - sum(value is None for value in values)
    try:
        return pa.array(made, kind), misfits
    except UnicodeEncodeError:  # JSON can write half a character
        whole = [
            None if value is None else str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            for value in made
        ]
        return pa.array(whole, kind), misfits


def cell_text(value: Cell) -> str:
    """A value as one would write it: 5 for 5.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ") if value.time() != dt.time() else value.date().isoformat()
    return str(value)


def _number(value: Cell) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _whole(value: Cell) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    whole = isinstance(value, int) or value.is_integer()
    return int(value) if whole and -_WHOLE_LIMIT <= value < _WHOLE_LIMIT else None


def _moment(value: Cell) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    return dt.datetime.combine(value, dt.time()) if isinstance(value, dt.date) else None


_MAKERS: dict[pa.DataType, Callable[[Cell], object]] = {
    pa.null(): lambda value: None,
    pa.bool_(): lambda value: value if isinstance(value, bool) else None,
    pa.int64(): _whole,
    pa.float64(): _number,
    pa.string(): cell_text,
    pa.timestamp("us"): _moment,
    pa.duration("us"): lambda value: value if isinstance(value, dt.timedelta) else None,
}
