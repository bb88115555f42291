"""Which types of Arrow's a table keeps, and what becomes of the others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  #: of a second
#: The first and the last second of the years 1 to 9999, since 1970.
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
_DAY = 86_400
_LONGEST = 9 * 10**12  #: seconds; so many microseconds are a whole number of 64 bits


def plain_type(kind: pa.DataType) -> pa.DataType | None:
    """The type that a column of a stored type is read as; None for one that holds lists or records."""
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_time(kind) or pa.types.is_string(kind):
        return pa.string()
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.large_string()
    if is_bytes(kind):
        return pa.large_binary()
    kept = (
        *(pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating),
        *(pa.types.is_date, pa.types.is_timestamp, pa.types.is_duration),
    )
    return kind if any(test(kind) for test in kept) else None


def common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type for a column that one file has as `one` and another as `other`, both plain: text where nothing else
    holds both.
    """
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if _is_number(one) and _is_number(other):
        both_whole = pa.types.is_signed_integer(one) and pa.types.is_signed_integer(other)
        return pa.int64() if both_whole else pa.float64()
    if _is_moment(one) and _is_moment(other) and getattr(one, "tz", None) == getattr(other, "tz", None):
        # In nanoseconds the year 9999 would not fit, which many tables have for "never".
        return pa.timestamp("us", getattr(one, "tz", None))
    if pa.types.is_duration(one) and pa.types.is_duration(other):
        return pa.duration("us")
    return pa.large_string()


def cast(column: pa.ChunkedArray, kind: pa.DataType) -> tuple[pa.ChunkedArray, bool]:
    """A column in the type that `plain_type` or `common_type` gave, or as it is stored; and whether it had times that
    no calendar has. What does not fit is null.
    """
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    if pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    if pa.types.is_string_view(column.type) or pa.types.is_binary_view(column.type):
        column = pa.chunked_array([_without_stray_views(chunk) for chunk in column.chunks], column.type)
    if pa.types.is_dictionary(column.type):
        column = column.cast(plain_type(column.type), safe=False)
    near = _within_calendar(column)
    return _in_type(near, kind), near is not column


def _in_type(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    if is_bytes(column.type) and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return text_of(column).cast(kind)
    return column.cast(kind, safe=False)


def is_bytes(kind: pa.DataType) -> bool:
    return any(test(kind) for test in _BYTES)


def text_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bytes as text; those that are no UTF-8 as backslashes and digits, as in results."""
    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid:
        texts = [value and value.decode("utf-8", "backslashreplace") for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.large_string())])


def _within_calendar(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times beyond the years 1 to 9999 as the first or last moment of these, and durations of more than 285,000 years
    as so many: Python and pandas hold no others. The very column where it has none.
    """
    if not (limits := _limits(column.type)):
        return column
    numbers = column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
    first, last = (pa.scalar(limit, numbers.type) for limit in limits)
    found = pc.min_max(numbers)
    if not found["min"].is_valid or (found["min"].as_py() >= limits[0] and found["max"].as_py() <= limits[1]):
        return column
    bounded = pc.if_else(pc.less(numbers, first), first, pc.if_else(pc.greater(numbers, last), last, numbers))
    return bounded.cast(column.type)


def _limits(kind: pa.DataType) -> tuple[int, int] | None:
    """The least and the greatest number of units that is a time; None where every one is."""
    if pa.types.is_date32(kind):
        return _FIRST // _DAY, _LAST // _DAY
    if pa.types.is_date64(kind):  # milliseconds of whole days
        return _FIRST * 1000, (_LAST + 1 - _DAY) * 1000
    unit = _UNITS[getattr(kind, "unit", "ns")]
    if pa.types.is_duration(kind):
        return (-_LONGEST * unit, _LONGEST * unit) if unit < 10**9 else None
    if not _is_moment(kind) or unit == 10**9:
        return None
    margin = _DAY if getattr(kind, "tz", None) else 0  # the zone's own time must be in the calendar too
    return (_FIRST + margin) * unit, (_LAST + 1 - margin) * unit - 1


def _without_stray_views(chunk: pa.Array) -> pa.Array:
    """Views of 16 bytes say where a text lies. Arrow's casts follow those of missing values too, which a damaged file
    may have anywhere; its validation does not look at them.
    """
    if not chunk.null_count:
        return chunk
    validity, views, *texts = chunk.buffers()
    kept = np.frombuffer(views, dtype=np.int64).reshape(-1, 2).copy()
    kept[chunk.offset : chunk.offset + len(chunk)][np.asarray(chunk.is_null())] = 0
    buffers = [validity, pa.py_buffer(kept), *texts]
    return pa.Array.from_buffers(chunk.type, len(chunk), buffers, chunk.null_count, chunk.offset)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))
