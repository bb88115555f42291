"""Which rows are learned from and which ones test: at random, by group, by time; and the folds of a cross-validation.

The same order, seed and rows give the same split, whatever else the machine does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.problems import Refused, clip, nearest
from ray_jobs.spec import FileSplit, GroupSplit, ProblemCode, RandomSplit, TimeSplit

Positions = NDArray[np.int64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class RowKeys:
    """What a split needs to know of each row whose target is known."""

    codes: Codes | None = None  #: the class's position; None for regression
    groups: Codes | None = None  #: equal numbers stay together
    times: NDArray[np.float64] | None = None  #: seconds since 1970, or any ascending number; NaN: unknown, old

    def at(self, rows: Positions) -> RowKeys:
        """The keys of some rows alone."""
        return RowKeys(
            codes=None if self.codes is None else self.codes[rows],
            groups=None if self.groups is None else self.groups[rows],
            times=None if self.times is None else self.times[rows],
        )


def keys_of(
    frame: pd.DataFrame, rows: Positions, codes: Codes | None, split: RandomSplit | GroupSplit | TimeSplit | FileSplit
) -> RowKeys:
    """The keys of `rows` of the table. Raises Refused(COLUMN_MISSING, BAD_SPLIT)."""
    if isinstance(split, RandomSplit | FileSplit):
        return RowKeys(codes=codes)
    if split.column not in frame.columns:
        names = [str(name) for name in frame.columns]
        raise Refused(
            ProblemCode.COLUMN_MISSING,
            f"The file has no column '{clip(split.column, 80)}' to split by.",
            subject=split.column,
            suggestions=nearest(split.column, names),
        )
    column = frame[split.column].iloc[rows]
    if isinstance(split, GroupSplit):
        # A gap is a group of its own.
        return RowKeys(codes=codes, groups=pd.factorize(column, use_na_sentinel=False)[0].astype(np.int64))
    return RowKeys(codes=codes, times=_times(column, split.column))


def split_rows(keys: RowKeys, count: int, test_fraction: float, seed: int) -> tuple[Positions, Positions]:
    """Row positions for training and for testing, ascending, at least one of each. Raises Refused(BAD_SPLIT)."""
    if keys.times is not None:
        train, test = _newest_apart(keys.times, test_fraction)
    elif keys.groups is not None:
        train, test = _groups_apart(keys.groups, test_fraction, seed)
    else:
        train, test = _at_random(count, test_fraction, seed, keys.codes)
    if not len(train) or not len(test):
        raise Refused(
            ProblemCode.BAD_SPLIT,
            "The split leaves no rows to train on, or none to test on: all rows have the same group or time.",
        )
    return train, test


def folds(keys: RowKeys, count: int, number: int, seed: int) -> list[tuple[Positions, Positions]]:
    """At most `number` pairs of positions to fit on and to check on; fewer where there are too few rows or groups.

    By time each fold is checked on rows newer than those it is fitted on. Without one, every row is checked once.
    Raises Refused(BAD_SPLIT) where there is nothing to divide.
    """
    if keys.times is not None:
        return _time_folds(keys.times, number)
    if keys.groups is not None:
        part = _deal(np.bincount(keys.groups), number, seed)[keys.groups]
    else:
        part = _deal_rows(count, number, seed, keys.codes)
    every = np.arange(count, dtype=np.int64)
    found = [(every[part != each], every[part == each]) for each in range(part.max() + 1)]
    if len(found) < 2:
        raise Refused(ProblemCode.BAD_SPLIT, "There is one group of rows only, so there is nothing to check on.")
    return found


def divides(keys: RowKeys) -> bool:
    """Whether these rows can be divided into folds that keep groups whole, or times in order: not those of one only."""
    if keys.times is not None:
        return len(np.unique(keys.times)) > 1  # all unknown times are one
    return keys.groups is None or len(np.unique(keys.groups)) > 1


def _at_random(count: int, test_fraction: float, seed: int, classes: Codes | None) -> tuple[Positions, Positions]:
    """With `classes`, each class gives its share of test rows and keeps at least one training row, so a class with a
    single row is learned and not tested.
    """
    rng = np.random.default_rng(seed)
    wanted = min(count - 1, max(1, round(test_fraction * count)))
    if classes is None:
        order = rng.permutation(count)
        return np.sort(order[wanted:]), np.sort(order[:wanted])
    sizes = np.bincount(classes)
    shares = test_fraction * sizes
    quotas = np.minimum(np.floor(shares).astype(int), np.maximum(sizes - 1, 0))
    # The largest remainders get the rows that rounding down left over.
    for code in np.argsort(quotas - shares, kind="stable"):
        if quotas.sum() >= wanted:
            break
        if quotas[code] < sizes[code] - 1:
            quotas[code] += 1
    order = rng.permutation(count)
    by_class = order[np.argsort(classes[order], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    test = np.concatenate([by_class[start : start + quota] for start, quota in zip(starts, quotas, strict=True)])
    tested = np.zeros(count, dtype=bool)
    tested[test] = True
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def _groups_apart(groups: Codes, test_fraction: float, seed: int) -> tuple[Positions, Positions]:
    """Whole groups, in random order, until the test rows are as near to their share as groups allow."""
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    counted = np.cumsum(sizes[order])
    wanted = test_fraction * len(groups)
    taken = min(len(sizes) - 1, int(np.argmin(np.abs(counted - wanted))) + 1)
    tested = np.isin(groups, order[:taken])
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def _newest_apart(times: NDArray[np.float64], test_fraction: float) -> tuple[Positions, Positions]:
    """The newest rows test. Rows of the same time stay together, so that no test row is as old as a training row."""
    ordered = np.sort(np.where(np.isnan(times), -np.inf, times))
    border = ordered[max(1, len(ordered) - max(1, round(test_fraction * len(ordered))))]
    tested = times >= border
    if tested.all():  # the oldest time is that of most rows: they all train
        tested = times > border
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def _time_folds(times: NDArray[np.float64], number: int) -> list[tuple[Positions, Positions]]:
    """Growing windows: the first of `number + 1` stretches only trains."""
    filled = np.where(np.isnan(times), -np.inf, times)
    ordered = np.sort(filled)
    cuts = [len(ordered) * part // (number + 1) for part in range(1, number + 1)]
    later = np.unique(ordered[ordered > ordered[0]])
    # Where most rows have the oldest time, the next one is the only border.
    borders = np.intersect1d(ordered[cuts], later)
    borders = borders if len(borders) else later[:1]
    if not len(borders):
        raise Refused(ProblemCode.BAD_SPLIT, "All rows have the same time, so there is no past to train on.")
    found = []
    for border, end in zip(borders, [*borders[1:], None], strict=True):
        newer = filled >= border if end is None else (filled >= border) & (filled < end)
        older = filled < border
        if older.any() and newer.any():
            found.append((np.flatnonzero(older), np.flatnonzero(newer)))
    return found


def _deal_rows(count: int, number: int, seed: int, classes: Codes | None) -> Positions:
    """The fold of each row; the rows of each class dealt out in turn, so every fold has its share."""
    order = np.random.default_rng(seed).permutation(count)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    part = np.empty(count, dtype=np.int64)
    part[order] = np.arange(count) % min(number, count)
    return part


def _deal(sizes: Positions, number: int, seed: int) -> Positions:
    """The fold of each group: the largest first, each to the fold with the fewest rows."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros(min(number, len(sizes)), dtype=np.int64)
    part = np.empty(len(sizes), dtype=np.int64)
    for group in order:
        part[group] = int(np.argmin(filled))
        filled[part[group]] += sizes[group]
    return part


def _times(column: pd.Series, name: str) -> NDArray[np.float64]:
    """Dates as seconds since 1970, numbers as they are. Raises Refused(BAD_SPLIT) for what has no order in time."""
    from ray_jobs.schema import conform, describe

    described = describe(column)
    if described.kind == "constant" and len(column.dropna()):
        raise Refused(
            ProblemCode.BAD_SPLIT,
            f"Column '{clip(name, 80)}' has the same time in every row, so there is no past to train on.",
            subject=name,
        )
    if described.kind not in ("date", "number", "code"):
        raise Refused(
            ProblemCode.BAD_SPLIT,
            f"Column '{clip(name, 80)}' holds neither dates nor numbers, so it does not order the rows in time.",
            subject=name,
        )
    converted = conform(column.to_frame(), (described,))[0][described.name]
    if described.kind == "date":
        converted = (converted - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
    return converted.to_numpy(dtype=np.float64, na_value=np.nan)
