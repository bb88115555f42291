"""Which types of Arrow's a table keeps, and what becomes of the others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)


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
    if any(test(kind) for test in _BYTES):
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
        return pa.timestamp("ns", getattr(one, "tz", None))
    if pa.types.is_duration(one) and pa.types.is_duration(other):
        return pa.duration("ns")
    return pa.large_string()


def cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column in the type that `plain_type` or `common_type` gave. What does not fit is null."""
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    if pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    if pa.types.is_string_view(column.type) or pa.types.is_binary_view(column.type):
        column = pa.chunked_array([_without_stray_views(chunk) for chunk in column.chunks], column.type)
    return column if column.type == kind else column.cast(kind, safe=False)


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
