"""How the rows differ from those of training, column by column, while they stream by: drift, categories never seen,
values outside the range, gaps.

Drift is the population stability index over the deciles of training, or its nine commonest categories and the rest,
gaps being a part of their own: the sum over the parts of (now - then) * ln(now / then). By custom below 0.1 is no
change and above 0.25 a large one. Few rows differ by chance alone: so it is told of 50 rows or more, and only where
Pearson's chi-squared says that chance makes as much in one of ten thousand columns.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc  # type: ignore[import-untyped]

from ray_jobs.manifest import Manifest, Seen
from ray_jobs.predict.notes import Notes, Weight
from ray_jobs.problems import clip, listed
from ray_jobs.schema import Column
from ray_jobs.seen import SPREAD_ROWS, is_numeric, numbers_of

#: From here on drift is reported, and from there on it is a warning.
DRIFT, LARGE_DRIFT = 0.1, 0.25
_CATEGORIES = 9
_FEWEST_DRIFTING = 50
_CHANCE = 0.0001
#: Outside the range of training: worth a line from this share of the rows on, or where it is a whole range away.
_OUTSIDE = 0.01
#: Missing so much more often, as a share of all rows, is worth a line, if there are so many rows.
_MORE_GAPS, _FEWEST_ROWS = 0.1, 10
_MOST_DRIFTED, _DRIFTED_NAMED = 30, 8
_NAMES_KEPT = 1000
_NAMES_TOLD = 5


class _Parts(Protocol):
    """The known values of one column in parts."""

    then: NDArray[np.float64]  #: shares in training
    now: NDArray[np.float64]  #: rows so far

    def add(self, values: pd.Series) -> None: ...
    def warn(self, name: str, rows: int, notes: Notes, *, share_rows: bool) -> None: ...


class Comparison:
    """All columns of a model against what its training rows held."""

    def __init__(self, manifest: Manifest) -> None:
        seen = {column.name: column for column in manifest.seen}
        self._columns = [
            _Column(column, seen[column.name], manifest.rows_train)
            for column in manifest.columns
            if column.name in seen
        ]

    def add(self, frame: pd.DataFrame) -> None:
        """Some more rows, conformed."""
        for column in self._columns:
            column.add(frame[column.name])

    def drift(self) -> tuple[tuple[str, float], ...]:
        """The columns that differ most, at most 30, the most first."""
        found = [(clip(column.name), round(column.drift(), 3)) for column in self._columns]
        drifted = sorted((pair for pair in found if pair[1] >= DRIFT), key=lambda pair: -pair[1])
        return tuple(drifted[:_MOST_DRIFTED])

    def warn(self, notes: Notes, *, share_rows: bool) -> None:
        """What is worth a line. Values are named only with `share_rows`."""
        for column in self._columns:
            column.warn(notes, share_rows=share_rows)
        large = [f"'{clip(name, 80)}' ({amount:.2f})" for name, amount in self.drift() if amount >= LARGE_DRIFT]
        if large:
            more = f" and {len(large) - _DRIFTED_NAMED} more" if len(large) > _DRIFTED_NAMED else ""
            notes.add(
                Weight.DRIFT,
                f"Unlike the training rows (drift above {LARGE_DRIFT}): {', '.join(large[:_DRIFTED_NAMED])}{more}. "
                "The model may do worse here than on its test rows; training it again on newer rows may help.",
            )


class _Column:
    def __init__(self, column: Column, seen: Seen, rows_train: int) -> None:
        self.name = column.name
        self._seen, self._rows_train = seen, min(rows_train, SPREAD_ROWS)
        self._rows = self._missing = 0
        self._parts: _Parts | None = None
        if seen.quantiles and len(seen.at_or_below) == len(seen.quantiles):
            self._parts = _Numbers(seen, is_date=column.kind == "date")
        elif seen.categories:
            self._parts = _Categories(seen)

    def add(self, values: pd.Series) -> None:
        self._rows += len(values)
        self._missing += int(values.isna().sum())
        if self._parts:
            self._parts.add(values)

    def drift(self) -> float:
        """The index; 0 where chance would explain it."""
        known = self._rows - self._missing
        then = [self._seen.missing, *((1 - self._seen.missing) * (self._parts.then if self._parts else np.ones(1)))]
        now = [self._missing, *(self._parts.now if self._parts else [known])]
        return stability_index(np.array(then), np.array(now, dtype=np.float64), self._rows_train)

    def warn(self, notes: Notes, *, share_rows: bool) -> None:
        if not self._rows:
            return
        missing, name = self._missing / self._rows, f"'{clip(self.name, 80)}'"
        error = np.sqrt(self._seen.missing * (1 - self._seen.missing) / self._rows)
        if self._rows >= _FEWEST_ROWS and missing - self._seen.missing >= max(_MORE_GAPS, 4 * error):
            notes.add(Weight.GAPS, f"{missing:.0%} of {name} is missing; in training it was {self._seen.missing:.0%}.")
        if self._parts:
            self._parts.warn(name, self._rows, notes, share_rows=share_rows)


def stability_index(then: NDArray[np.float64], now: NDArray[np.float64], rows_then: int) -> float:
    """`then`: shares of the parts; `now`: rows in each. 0 where chance would explain the difference."""
    rows = now.sum()
    used = (then > 0) | (now > 0)
    if rows < _FEWEST_DRIFTING or used.sum() < 2:
        return 0.0
    # Half a row in an empty part: the index would be endless otherwise.
    before = np.maximum(then[used], 0.5 / rows_then)
    after = np.maximum(now[used], 0.5) / rows
    before, after = before / before.sum(), after / after.sum()
    squared = ((after - before) ** 2 / before).sum() / (1 / rows + 1 / rows_then)
    if chdtrc(used.sum() - 1, squared) > _CHANCE:
        return 0.0
    return float(((after - before) * np.log(after / before)).sum())


class _Numbers:
    """Numbers and dates: the parts lie between the deciles of training, each with its upper end."""

    def __init__(self, seen: Seen, *, is_date: bool) -> None:
        self._low, self._high = seen.quantiles[0], seen.quantiles[-1]
        self._is_date = is_date
        below = dict(zip(seen.quantiles[1:-1], seen.at_or_below[1:-1], strict=True))
        self._edges = np.array(list(below))
        self.then = np.diff([0.0, *below.values(), 1.0])
        self.now = np.zeros(len(below) + 1)
        self._outside = self._far = 0

    def add(self, values: pd.Series) -> None:
        numbers = numbers_of(values)
        numbers = numbers[~np.isnan(numbers)]
        self.now += np.bincount(np.searchsorted(self._edges, numbers), minlength=len(self.now))
        outside = numbers[(numbers < self._low) | (numbers > self._high)]
        if len(outside):
            self._outside += len(outside)
            with np.errstate(over="ignore"):
                width = self._high - self._low
                self._far += int(((outside < self._low - width) | (outside > self._high + width)).sum())

    def warn(self, name: str, rows: int, notes: Notes, *, share_rows: bool) -> None:
        if self._outside and (self._outside >= _OUTSIDE * rows or self._far):
            seen = f" ({self._told(self._low)} to {self._told(self._high)})" if share_rows else ""
            far = f", {self._far} of them far outside" if self._far else ""
            notes.add(
                Weight.RANGE,
                f"{_counted(self._outside, rows)} a value in {name} outside the range that training saw{seen}{far}.",
            )

    def _told(self, number: float) -> str:
        if self._is_date:
            return str(pd.Timestamp(number, unit="s").date()) if abs(number) < 9e9 else "?"
        return f"{number:.6g}"


class _Categories:
    """Categories and booleans: the commonest ones, and the rest."""

    def __init__(self, seen: Seen) -> None:
        self._names = pd.Index([name for name, _ in seen.categories], dtype="str")
        self._complete = seen.complete
        shares = [share for _, share in seen.categories][:_CATEGORIES]
        self.then = np.array([*shares, max(0.0, 1 - sum(shares))])
        if len(seen.categories) <= _CATEGORIES and seen.complete:
            self.then[-1] = 0.0
        self.now = np.zeros(len(self.then))
        self._unseen: Counter[str] = Counter()
        self._unseen_rows = 0

    def add(self, values: pd.Series) -> None:
        counts = values.value_counts()
        if is_numeric(values):  # booleans, as floats by now
            counts.index = pd.Index(["true" if value else "false" for value in counts.index], dtype="str")
        places = self._names.get_indexer(counts.index)
        parts = np.where((places < 0) | (places >= _CATEGORIES), len(self.now) - 1, places)
        self.now += np.bincount(parts, weights=counts.to_numpy(dtype=np.float64), minlength=len(self.now))
        unseen = counts[places < 0]
        self._unseen_rows += int(unseen.sum())
        for name, number in unseen.iloc[:_NAMES_KEPT].items():
            if name in self._unseen or len(self._unseen) < _NAMES_KEPT:
                self._unseen[str(name)] += int(number)

    def warn(self, name: str, rows: int, notes: Notes, *, share_rows: bool) -> None:
        if not self._unseen_rows or not self._complete:
            return
        commonest = [value for value, _ in self._unseen.most_common(_NAMES_TOLD)]
        more = len(self._unseen) - len(commonest)
        which = f": {listed(commonest)}{' and others' if more else ''}" if share_rows else ""
        notes.add(
            Weight.UNSEEN, f"{_counted(self._unseen_rows, rows)} in {name} a category that training never saw{which}."
        )


def _counted(part: int, rows: int) -> str:
    """The beginning of a sentence: `1 row (0.5 %) has`, to be followed by where and what."""
    share = 100 * part / rows
    told = "under 0.1 %" if share < 0.1 else f"{share:.1f} %" if share < 9.95 else f"{share:.0f} %"
    return f"{part} row{'s' if part > 1 else ''} ({told}) {'have' if part > 1 else 'has'}"
