"""Which side of the split each row of a stream is on, decided as it passes.

A row's side follows from a seeded hash of its place in the table, from its group, or from its time: from nothing that
depends on how the table is cut into batches.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.catalogue import Step
from ray_jobs.problems import Refused
from ray_jobs.schema import Column, describe
from ray_jobs.spec import FileSplit, GroupSplit, ProblemCode, TimeSplit
from ray_jobs.splitting import keys_of, split_rows
from ray_jobs.streaming.labels import TargetReader
from ray_jobs.streaming.order import StreamOrder

Hashes = NDArray[np.uint64]
Mask = NDArray[np.bool_]

#: What a hash is used for; two uses of the same row have nothing to do with each other.
SIDE, TEST_SAMPLE, TRAIN_SAMPLE, SHARE, PART, WATCHED = range(6)
#: Groups that are counted one by one, to come near to the share of test rows; of more, the hash alone does.
_GROUPS_COUNTED = 100_000
_WHOLE = 2**64


def hashed(numbers: Hashes, seed: int, use: int) -> Hashes:
    """Evenly spread over the 64-bit numbers: SplitMix64's finalizer (Steele, Lea and Flood, 2014)."""
    found = numbers + np.uint64((seed * 0x9E3779B97F4A7C15 + (use + 1) * 0xD1B54A32D192ED03) % _WHOLE)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        found = (found ^ (found >> np.uint64(shift))) * np.uint64(factor)
    return found ^ (found >> np.uint64(31))


def share_border(share: float) -> np.uint64:
    """Hashes below it are that share of all."""
    return np.uint64(min(_WHOLE - 1, int(share * _WHOLE)))


class Sides(Protocol):
    """Tells test rows from training rows."""

    @property
    def column(self) -> Column | None:
        """What has to be read for it."""

    def tested(self, frame: pd.DataFrame, places: Hashes) -> Mask:
        """Whether each row tests. `places`: the rows' numbers within the table."""


@dataclass(frozen=True, kw_only=True)
class ByPlace:
    """At random."""

    test_fraction: float
    seed: int
    column: Column | None = None

    def tested(self, frame: pd.DataFrame, places: Hashes) -> Mask:
        return np.asarray(hashed(places, self.seed, SIDE) < share_border(self.test_fraction))


@dataclass(frozen=True, kw_only=True)
class ByGroup:
    """Whole groups."""

    column: Column
    seed: int
    border: np.uint64  #: groups whose hash is at most this test

    def tested(self, frame: pd.DataFrame, places: Hashes) -> Mask:
        return np.asarray(group_hashes(frame[self.column.name], self.seed) <= self.border)


@dataclass(frozen=True, kw_only=True)
class ByTime:
    """The newest; a row without a time is old."""

    column: Column
    border: float

    def tested(self, frame: pd.DataFrame, places: Hashes) -> Mask:
        times = frame[self.column.name]
        if pd.api.types.is_datetime64_any_dtype(times.dtype):
            times = (times - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
        return np.asarray(times.to_numpy(dtype=np.float64, na_value=np.nan) >= self.border)


@dataclass(frozen=True, kw_only=True)
class All:
    """Every row on one side: the test rows are in a table of their own."""

    test: bool
    column: Column | None = None

    def tested(self, frame: pd.DataFrame, places: Hashes) -> Mask:
        return np.full(len(frame), self.test)


def sides_of(order: StreamOrder, target: TargetReader, batch_rows: int) -> Generator[Step, None, Sides]:
    """How the order's rows are to be split; reads through the table where groups have to be counted. Raises
    Refused(COLUMN_MISSING, BAD_SPLIT).
    """
    split = order.split
    if isinstance(split, FileSplit):
        return All(test=False)
    if isinstance(split, TimeSplit):
        return _by_time(order, split)
    if isinstance(split, GroupSplit):
        return (yield from _by_group(order, split, target, batch_rows))
    return ByPlace(test_fraction=split.test_fraction, seed=order.seed)


def _by_time(order: StreamOrder, split: TimeSplit) -> ByTime:
    rows = np.flatnonzero(order.sample[order.target].notna()).astype(np.int64)
    keys = keys_of(order.sample, rows, None, split)
    _, newest = split_rows(keys, len(rows), split.test_fraction, order.seed)
    times: Any = keys.times
    return ByTime(column=_column(order, split.column), border=float(times[newest].min()))


def _by_group(
    order: StreamOrder, split: GroupSplit, target: TargetReader, batch_rows: int
) -> Generator[Step, None, ByGroup]:
    keys_of(order.sample, np.arange(1), None, split)  # refuses a column that is not there
    column = _column(order, split.column)
    columns = (target.column,) if column.name == target.column.name else (target.column, column)
    counted: dict[int, int] = {}
    total, about = 0, max(1, order.source.rows()[0])
    for frame in order.source.batches(columns, batch_rows):
        total += len(frame)
        hashes = group_hashes(frame.loc[target.known(frame), column.name], order.seed)
        for value, count in zip(*np.unique(hashes, return_counts=True), strict=True):
            counted[int(value)] = counted.get(int(value), 0) + int(count)
        if len(counted) > _GROUPS_COUNTED:
            return ByGroup(column=column, seed=order.seed, border=share_border(split.test_fraction))
        yield Step(name=f"counting the groups of {total:,} rows", fraction=min(1.0, total / about))
    return ByGroup(column=column, seed=order.seed, border=_group_border(counted, split.test_fraction))


def _group_border(counted: dict[int, int], test_fraction: float) -> np.uint64:
    """The hash up to which groups test, so that their rows come as near to the share as groups allow."""
    if len(counted) < 2:
        raise Refused(ProblemCode.BAD_SPLIT, "All rows have the same group, so there are none to test on.")
    hashes = sorted(counted)
    reached = np.cumsum([counted[value] for value in hashes])
    taken = min(len(hashes) - 2, int(np.argmin(np.abs(reached - test_fraction * reached[-1]))))
    return np.uint64(hashes[taken])


def group_hashes(values: pd.Series, seed: int) -> Hashes:
    """A gap is a group of its own."""
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype):
        found = pd.util.hash_array(values.to_numpy())
    else:
        found = pd.util.hash_array(values.fillna("").to_numpy(dtype=object))
        found[values.isna().to_numpy()] = 0
    return hashed(found.astype(np.uint64), seed, SIDE)


def _column(order: StreamOrder, name: str) -> Column:
    """The split's column as the model reads it, where it learns from it too, but texts whole."""
    named = {column.name: column for column in order.columns}
    column = named.get(name) or describe(order.sample[name])
    return Column(name=name, kind="category") if column.kind in ("text", "constant") else column
