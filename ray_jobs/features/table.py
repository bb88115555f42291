"""A conformed frame to one matrix, written column by column: nothing is copied but each column, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from ray_jobs.features.categories import Codes, Indicators
from ray_jobs.features.dates import DateParts
from ray_jobs.features.scaling import Scaler
from ray_jobs.features.texts import TextParts

Floats = NDArray[np.float64]
Matrix = NDArray[Any]

#: The farthest number that each type of matrix holds: sums of a few of them stay finite.
_FARTHEST = {"float64": 1e300, "float32": 1e37}


class TableFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The columns of a frame by kind. In the matrix the categories stand first, then numbers, parts of dates and parts
    of texts, then a mark for each of those that had gaps in training, where a scaler fills them.

    coder: of the categories. scaler: of everything else; None: as it is, gaps as NaN.
    """

    def __init__(
        self,
        *,
        numbers: list[str],
        categories: list[str],
        dates: list[str],
        texts: list[str],
        coder: Codes | Indicators,
        scaler: Scaler | None,
        periodic: bool,
        dtype: Literal["float64", "float32"],
        order: Literal["C", "F"],
    ) -> None:
        self.numbers = numbers
        self.categories = categories
        self.dates = dates
        self.texts = texts
        self.coder = coder
        self.scaler = scaler
        self.periodic = periodic
        self.dtype = dtype
        self.order = order

    def fit(self, frame: pd.DataFrame, y: NDArray[Any] | None = None) -> TableFeatures:
        """y: the targets, for encodings that look at them; may be left out."""
        self._learn(frame, y)
        return self

    def transform(self, frame: pd.DataFrame) -> Matrix:
        return self._matrix(frame, None, self._texts(frame))

    def fit_transform(self, frame: pd.DataFrame, y: NDArray[Any] | None = None) -> Matrix:
        """The matrix to learn from, which is not quite `transform` of the same rows where categories are encoded by
        the target.
        """
        return self._matrix(frame, y, self._learn(frame, y))

    def sources(self) -> list[str]:
        """The column that each column of the matrix comes from."""
        numeric = list(self.numbers)
        for names, parts in ((self.dates, self.date_parts_), (self.texts, self.text_parts_)):
            numeric += [name for name, width in zip(names, parts.widths, strict=True) for _ in range(width)]
        marked = [numeric[number] for number in self._marked()]
        if isinstance(self.coder, Codes):
            return self.categories + numeric + marked
        widths = zip(self.categories, self.coder.widths, strict=True)
        return [name for name, width in widths for _ in range(width)] + numeric + marked

    def _learn(self, frame: pd.DataFrame, y: NDArray[Any] | None) -> list[Floats]:
        """Returns the parts of the texts, which take long."""
        self.coder.fit(frame[self.categories], y)
        self.date_parts_ = DateParts(periodic=self.periodic).fit(frame[self.dates])
        self.text_parts_ = TextParts().fit(frame[self.texts])
        texts = self._texts(frame)
        empty = []
        for values in self._columns(frame, texts):
            empty.append(bool(np.isnan(values).all()))
            if self.scaler is not None:
                self.scaler.learn(values)
        #: Columns without a value in training say nothing: they are 0, as not every library takes a column of gaps.
        self.empty_ = np.array(empty, dtype=bool)
        return texts

    def _matrix(self, frame: pd.DataFrame, y: NDArray[Any] | None, texts: list[Floats]) -> Matrix:
        out = np.empty((len(frame), len(self.sources())), dtype=self.dtype, order=self.order)
        start = self._fill_categories(frame[self.categories], out, y)
        marked = self._marked()
        marks = dict(zip(marked, range(out.shape[1] - len(marked), out.shape[1]), strict=True))
        limit = _FARTHEST[self.dtype]
        for number, values in enumerate(self._columns(frame, texts)):
            if number in marks:
                out[:, marks[number]] = np.isnan(values)
            if self.empty_[number]:
                out[:, start + number] = 0
            elif self.scaler is not None:
                out[:, start + number] = self.scaler.scaled(values, number)
            else:
                far = np.abs(values) > limit
                out[:, start + number] = np.clip(values, -limit, limit) if far.any() else values
        return out

    def _fill_categories(self, frame: pd.DataFrame, out: Matrix, y: NDArray[Any] | None) -> int:
        """Returns how many columns they took."""
        if isinstance(self.coder, Codes):
            for number in range(frame.shape[1]):
                out[:, number] = self.coder.codes(frame.iloc[:, number], number)
            return frame.shape[1]
        width = sum(self.coder.widths)
        self.coder.fill(frame, out[:, :width], y)
        return width

    def _columns(self, frame: pd.DataFrame, texts: list[Floats]) -> Iterator[Floats]:
        """Everything but categories, as numbers, one column after the other."""
        for name in self.numbers:
            yield frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for number, name in enumerate(self.dates):
            yield from self.date_parts_.columns(frame[name], number)
        yield from texts

    def _texts(self, frame: pd.DataFrame) -> list[Floats]:
        parts = [self.text_parts_.columns(frame[name], number) for number, name in enumerate(self.texts)]
        return [values for found in parts for values in found]

    def _marked(self) -> list[int]:
        """Which of the columns that are not categories have a mark for gaps."""
        return [] if self.scaler is None else [int(place) for place in np.flatnonzero(self.scaler.has_gaps_)]


def coded_frame(matrix: Matrix, categories: int) -> Any:
    """The matrix as CatBoost takes it: the leading codes as whole numbers, in a frame; all numbers as they are."""
    if not categories:
        return matrix
    table = pd.DataFrame(matrix, copy=False)
    return table.astype({number: np.int32 for number in range(categories)})
