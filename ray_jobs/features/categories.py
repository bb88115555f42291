"""Category columns as numbers: codes, or a column for each of the common ones and the target's mean for all others.

A category that training never saw is never an error: it has no column, or the code of the rare ones, or counts as
unknown.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]

#: More categories of one column than this share one mean.
_MEANS_AT_MOST = 10_000
#: A mean for each class would make too many columns beyond this.
_CLASSES_AT_MOST = 10
#: Rows that the overall mean counts for when a category's own is taken: a category of few rows says little.
_SMOOTHING = 10.0
_FOLDS = 5


class Codes(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Category columns to numbers: the commonest first, then one code for all rare ones, `unknown` for the never
    seen.
    """

    def __init__(self, *, at_most: int, unknown: float, missing: float) -> None:
        self.at_most = at_most
        self.unknown = unknown
        self.missing = missing

    def fit(self, frame: pd.DataFrame, y: object = None) -> Codes:
        #: As JSON: in a saved model a text is one value, a list of texts is one for each of them.
        self.packed_: list[str] = []
        self.has_rare_: list[bool] = []
        for name in frame.columns:
            positions, distinct = pd.factorize(frame[name])
            counts = np.bincount(positions[positions >= 0], minlength=len(distinct))
            commonest = np.argsort(-counts, kind="stable")[: self.at_most]
            self.packed_.append(json.dumps([str(distinct[place]) for place in commonest]))
            self.has_rare_.append(len(distinct) > self.at_most)
        return self

    @property
    def categories_(self) -> list[list[str]]:
        """Of each column, in the order of their codes."""
        return [json.loads(packed) for packed in self.packed_]

    def transform(self, frame: pd.DataFrame) -> Floats:
        coded = np.empty(frame.shape, dtype=np.float64)
        for number in range(frame.shape[1]):
            coded[:, number] = self.codes(frame.iloc[:, number], number)
        return coded

    def count(self, number: int) -> int:
        """How many different codes training gave, without those of the unknown and of gaps."""
        return len(json.loads(self.packed_[number])) + self.has_rare_[number]

    def codes(self, column: pd.Series, number: int) -> Floats:
        """The codes of the column that was the `number`-th in training."""
        categories = json.loads(self.packed_[number])
        if not categories:  # no value in training: the column says nothing, and not every library takes one of gaps
            return np.zeros(len(column))
        # Each distinct value is looked up once.
        positions, distinct = pd.factorize(column)  # -1 for gaps
        found = pd.Index(categories, dtype="str").get_indexer(pd.Index(distinct)).astype(np.float64)
        found[found < 0] = len(categories) if self.has_rare_[number] else self.unknown
        return np.append(found, self.missing)[positions]


class Indicators(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A column of zeros and ones for each category; of a column with many, for the commonest alone, and the target's
    mean in each category besides.

    The means are in spreads of the target around its overall mean, drawn towards it where a category has few rows
    (Micci-Barreca 2001). Training rows get means of rows other than themselves, by five folds, else they would tell
    their own answer (as scikit-learn's TargetEncoder does it; that one refuses classes with few rows).

    at_most: of one column. few: columns for a column that has more than that. classes: of the target, 0 for a number;
    None: no means.
    """

    def __init__(self, *, at_most: int, few: int, classes: int | None) -> None:
        self.at_most = at_most
        self.few = few
        self.classes = classes

    def fit(self, frame: pd.DataFrame, y: NDArray[Any] | None = None) -> Indicators:
        many = np.array([frame[name].nunique() > self.at_most for name in frame.columns], dtype=bool)
        self.common_ = [
            Codes(at_most=self.few if wide else self.at_most, unknown=-1.0, missing=-2.0).fit(frame[[name]])
            for name, wide in zip(frame.columns, many, strict=True)
        ]
        self.has_gaps_ = [bool(frame[name].isna().any()) for name in frame.columns]
        self.means_: list[TargetMeans | None] = [None] * len(self.common_)
        if y is not None and self.classes is not None and self.classes <= _CLASSES_AT_MOST:
            for number in np.flatnonzero(many).tolist():
                self.means_[number] = TargetMeans(classes=self.classes).fit(frame.iloc[:, number].to_frame(), y)
        return self

    @property
    def widths(self) -> list[int]:
        """Columns that each column becomes."""
        return [
            codes.count(0) + gaps + (means.width if means else 0)
            for codes, gaps, means in zip(self.common_, self.has_gaps_, self.means_, strict=True)
        ]

    def fill(self, frame: pd.DataFrame, out: NDArray[Any], y: NDArray[Any] | None = None) -> None:
        """Writes the columns of `frame` into `out`. y: they are the training rows, and these their targets."""
        start = 0
        for number, width in enumerate(self.widths):
            column = frame.iloc[:, number]
            part = out[:, start : start + width]
            start += width
            part[:] = 0
            codes = self.common_[number].codes(column, 0)
            ones = self.common_[number].count(0)
            if self.has_gaps_[number]:
                codes[codes == -2.0] = ones
                ones += 1
            rows = np.flatnonzero(codes >= 0)
            part[rows, codes[rows].astype(np.intp)] = 1
            if (means := self.means_[number]) is not None:
                part[:, ones:] = means.transform(column.to_frame()) if y is None else means.of_others(column, y)

    def transform(self, frame: pd.DataFrame) -> Floats:
        out = np.empty((len(frame), sum(self.widths)), dtype=np.float64)
        self.fill(frame, out)
        return out


class TargetMeans(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """One category column to the mean of the target in each category: one number, or one for each of three classes
    and more.
    """

    def __init__(self, *, classes: int) -> None:
        self.classes = classes

    @property
    def width(self) -> int:
        return self.classes if self.classes > 2 else 1

    def fit(self, frame: pd.DataFrame, y: NDArray[Any]) -> TargetMeans:
        self.codes_ = Codes(at_most=_MEANS_AT_MOST, unknown=-1.0, missing=-1.0).fit(frame)
        shown = self._shown(y)
        self.centre_ = shown.mean(axis=0)
        spread = shown.std(axis=0)
        self.spread_ = np.where(spread > 0, spread, 1.0)
        places = self._places(frame.iloc[:, 0])
        self.means_ = self._means(places, self._scaled(shown))
        return self

    def transform(self, frame: pd.DataFrame) -> Floats:
        return np.asarray(self.means_[self._places(frame.iloc[:, 0])])

    def of_others(self, column: pd.Series, y: NDArray[Any]) -> Floats:
        """For each training row the means over the other folds' rows."""
        scaled, places = self._scaled(self._shown(y)), self._places(column)
        fold = np.random.default_rng(0).permutation(len(places)) % _FOLDS
        found = np.empty(scaled.shape)
        for number in range(_FOLDS):
            mine = fold == number
            found[mine] = self._means(places[~mine], scaled[~mine])[places[mine]]
        return found

    def _places(self, column: pd.Series) -> Positions:
        """Each row's category; gaps and unknown ones after all the others."""
        codes = self.codes_.codes(column, 0).astype(np.intp)
        return np.where(codes < 0, self._count - 1, codes)

    @property
    def _count(self) -> int:
        return self.codes_.count(0) + 1

    def _shown(self, y: NDArray[Any]) -> Floats:
        if self.classes > 2:
            return np.asarray(y[:, None] == np.arange(self.classes), dtype=np.float64)
        values = np.asarray(y, dtype=np.float64)[:, None]
        return values / max(1.0, float(np.abs(values).max()))  # a square of it must not overflow

    def _scaled(self, shown: Floats) -> Floats:
        return np.asarray((shown - self.centre_) / self.spread_)

    def _means(self, places: Positions, scaled: Floats) -> Floats:
        counts = np.bincount(places, minlength=self._count)[:, None]
        sums = [np.bincount(places, weights=column, minlength=self._count) for column in scaled.T]
        return np.column_stack(sums) / (counts + _SMOOTHING)
