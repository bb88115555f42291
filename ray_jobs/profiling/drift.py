"""Whether the newest rows of a table look like the oldest, where a column holds dates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata  # type: ignore[import-untyped]  # scipy has no types

from ray_jobs.problems import clip
from ray_jobs.profiling.numbers import Floats, Looked
from ray_jobs.profiling.wording import finding, listed_with, number_text, share_text
from ray_jobs.spec import Finding

#: The oldest and the newest rows that are compared.
_PART = 0.2
_FEWEST_ROWS = 40
_FEWEST_DATES = 10
#: Apart by less than this, nothing is said: 0 is the same distribution, 1 has nothing in common.
COLUMN_APART = 0.3
TARGET_APART = 0.1
#: Of two samples of m rows of one distribution the distance is above this times sqrt(2 / m) once in 100,000 times.
_NOISE = 2.5
_MOST_CATEGORIES = 10
#: A column that rises or falls with the date tells nothing but the time.
_RISING = 0.9


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How far the oldest and the newest fifth of the rows are apart."""

    date: str  #: the column that orders the rows
    target: float  #: 0 where there is none, or it did not move
    before: float  #: share of the class that moved most, in the oldest rows; of a number its median
    after: float
    label: str  #: the class that moved most; "" for a number
    columns: tuple[tuple[str, float], ...]  #: those that moved, the furthest first


def drift_findings(looked: Looked) -> list[Finding]:
    """Whether a split by time would be the honest one."""
    found = drift(looked)
    if found is None:
        return []
    parts = []
    if found.target:
        assert looked.target is not None
        name = f"'{clip(looked.target.name, 80)}'"
        if found.label:
            moved = f"'{clip(found.label, 80)}' from {share_text(found.before)} to {share_text(found.after)}"
            parts.append(f"{name} moved ({moved} of the rows)")
        else:
            parts.append(f"the median of {name} moved from {number_text(found.before)} to {number_text(found.after)}")
    if found.columns:
        apart = listed_with([(name, f"{distance:.2f}") for name, distance in found.columns])
        parts.append(f"these columns moved, on a scale from 0 (the same) to 1 (nothing in common): {apart}")
    return [
        finding(
            "drift",
            f"The newest fifth of the rows by '{clip(found.date, 80)}' differs from the oldest: {'; '.join(parts)}. "
            f"A split by time, on '{clip(found.date, 80)}', shows how the model will do on what comes next.",
            [name for name, _ in found.columns],
        )
    ]


def drift(looked: Looked) -> Drift | None:
    """None where no column holds dates, or nothing moved."""
    dates = [column.name for column in looked.columns if column.kind == "date"]
    dates = [name for name in dates if len(np.unique(looked.numbers[name])) >= _FEWEST_DATES]
    if not dates:
        return None
    date = min(dates, key=lambda name: (int(looked.empty[name].sum()), dates.index(name)))
    times = looked.numbers[date]
    known = np.flatnonzero(~np.isnan(times))
    part = int(_PART * len(known))
    if part < _FEWEST_ROWS:
        return None
    order = known[np.argsort(times[known], kind="stable")]
    old, new = order[:part], order[-part:]
    noise = _NOISE * np.sqrt(2 / part)
    moved = []
    for column in looked.columns:
        if column.kind in ("text", "constant", "date"):
            continue
        numbers = looked.numbers[column.name]
        apart = distance(numbers[old], numbers[new], category=column.kind == "category")
        if apart >= max(COLUMN_APART, noise) and not _tells_the_time(numbers, times, looked.frame[date]):
            moved.append((column.name, apart))
    moved.sort(key=lambda pair: -pair[1])
    target, label, before, after = _target_moved(looked, old, new)
    if target < max(TARGET_APART, noise):
        target = 0.0
    if not moved and not target:
        return None
    return Drift(date=date, target=target, before=before, after=after, label=label, columns=tuple(moved))


def distance(one: Floats, other: Floats, *, category: bool) -> float:
    """Between two samples, from 0 to 1: Kolmogorov and Smirnov's of numbers, the total variation of categories (the
    commonest ten, and the rest together). Gaps count as a value of their own.
    """
    if category:
        return float(np.abs(_shares(one) - _shares(other)).sum() / 2)
    one, other = np.sort(one), np.sort(other)  # NaN at the end
    gaps = abs(np.isnan(one).mean() - np.isnan(other).mean())
    both = np.concatenate([one, other])
    both = both[~np.isnan(both)]
    shares = [np.searchsorted(part[~np.isnan(part)], both, side="right") / len(part) for part in (one, other)]
    return float(max(gaps, np.abs(shares[0] - shares[1]).max(initial=0.0)))


def _shares(positions: Floats) -> Floats:
    codes = np.nan_to_num(np.minimum(positions, _MOST_CATEGORIES), nan=_MOST_CATEGORIES + 1).astype(np.int64)
    return np.bincount(codes, minlength=_MOST_CATEGORIES + 2) / len(positions)


def _target_moved(looked: Looked, old: NDArray[np.int64], new: NDArray[np.int64]) -> tuple[float, str, float, float]:
    """How far, and of what moved most: the class and its shares; or "" and the medians."""
    if looked.target is None:
        return 0.0, "", 0.0, 0.0
    answers = looked.answers
    if looked.target.classes is None:
        apart = distance(answers[old].astype(np.float64), answers[new].astype(np.float64), category=False)
        return apart, "", float(np.median(answers[old])), float(np.median(answers[new]))
    classes = len(looked.target.classes.labels)
    before, after = (np.bincount(answers[part].astype(np.int64), minlength=classes) / len(part) for part in (old, new))
    code = classes - 1 - int(np.abs(after - before)[::-1].argmax())  # of two the second
    apart = float(np.abs(after - before).sum() / 2)
    return apart, looked.target.classes.names[code], float(before[code]), float(after[code])


def _tells_the_time(numbers: Floats, times: Floats, dates: pd.Series) -> bool:
    """Whether a column is a part of the date, or rises or falls with it."""
    known = ~np.isnan(numbers) & ~np.isnan(times)
    if known.sum() < 2 or len(np.unique(numbers[known])) < 2:
        return False
    if abs(float(np.corrcoef(rankdata(numbers[known]), rankdata(times[known]))[0, 1])) >= _RISING:
        return True
    parts = dates[known].dt
    told = (parts.year, parts.quarter, parts.month, parts.isocalendar().week, parts.day, parts.day_of_week, parts.hour)
    return any(float((numbers[known] == np.asarray(part, dtype=np.float64)).mean()) > 0.99 for part in told)
