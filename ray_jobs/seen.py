"""What the training rows held in each column: kept in the manifest, so that a later table can be compared with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.manifest import Seen
from ray_jobs.problems import clip
from ray_jobs.schema import Column

_MOST_CATEGORIES = 100
#: Deciles of more rows, and shares where there are too many values to keep all, are taken from so many, evenly spread.
SPREAD_ROWS = 50_000


def seen_of(frame: pd.DataFrame, columns: tuple[Column, ...]) -> tuple[Seen, ...]:
    """One `Seen` for each of `columns`. `frame` holds the training rows, conformed to them (`schema.conform`)."""
    return tuple(_seen(frame[column.name], column) for column in columns)


def numbers_of(values: pd.Series) -> NDArray[np.float64]:
    """A conformed column of numbers or dates as floats, dates as seconds since 1970; NaN for gaps and infinities."""
    if pd.api.types.is_datetime64_dtype(values.dtype):
        values = (values - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
    found = np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    finite = np.isfinite(found)
    return np.where(finite, found, np.nan)


def category_names(distinct: pd.Index, kind: str) -> list[str]:
    """How `Seen.categories` writes distinct values: booleans as true and false, whole numbers without a point."""
    if kind == "boolean":
        return ["true" if value else "false" for value in distinct]
    return [_plain(value) for value in distinct]


def is_numeric(values: pd.Series) -> bool:
    """Whether a conformed column is compared as a number: numbers and dates; booleans too are floats by then."""
    return bool(pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_dtype(values.dtype))


def _seen(values: pd.Series, column: Column) -> Seen:
    missing = float(values.isna().mean()) if len(values) else 0.0
    if column.kind == "text":
        return Seen(name=column.name, missing=missing)
    if is_numeric(values):
        return _seen_numbers(numbers_of(values), column)
    counts = values.iloc[:: _step(len(values))].value_counts()
    if len(counts) <= _MOST_CATEGORIES:  # then a rare one must not be overlooked
        counts = values.value_counts()
    kept, complete = _shares(counts.index, counts.tolist(), column.kind)
    return Seen(name=column.name, missing=missing, categories=kept, complete=complete)


def _seen_numbers(numbers: NDArray[np.float64], column: Column) -> Seen:
    known = numbers[~np.isnan(numbers)]
    missing = (len(numbers) - len(known)) / len(numbers) if len(numbers) else 0.0
    if not len(known):
        return Seen(name=column.name, missing=missing)
    spread = np.sort(known[:: _step(len(known))])
    if column.kind == "boolean":
        counts = pd.Series(spread).value_counts()
        categories, _ = _shares(counts.index, counts.tolist(), column.kind)
        return Seen(name=column.name, missing=missing, categories=categories)
    # Values that occurred, not means of two: the ends of the range of floating point have no mean.
    deciles = spread[[max(0, -(-len(spread) * tenth // 10) - 1) for tenth in range(11)]]
    deciles[0], deciles[-1] = known.min(), known.max()
    below = np.searchsorted(spread, deciles, side="right") / len(spread)
    return Seen(name=column.name, missing=missing, quantiles=tuple(deciles.tolist()), at_or_below=tuple(below.tolist()))


def _shares(distinct: pd.Index, counts: list[int], kind: str) -> tuple[tuple[tuple[str, float], ...], bool]:
    """The commonest ones, and whether that is all. Names are clipped, so the same name can stand for several."""
    shares: dict[str, float] = {}
    total = sum(counts)
    for name, count in zip(category_names(distinct[:_MOST_CATEGORIES], kind), counts[:_MOST_CATEGORIES], strict=True):
        shares[clip(name)] = shares.get(clip(name), 0.0) + count / total
    return tuple(shares.items()), len(distinct) <= _MOST_CATEGORIES


def _step(rows: int) -> int:
    return max(1, -(-rows // SPREAD_ROWS))


def _plain(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
