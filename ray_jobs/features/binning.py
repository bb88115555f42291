"""Numbers as bins, for a model that counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin


class Bins(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A boosting matrix (category codes first, NaN where nothing is known) to small whole numbers: categories as their
    codes, numbers as the position among the quantiles of training, and in every column 0 for gaps and the unknown.
    """

    def __init__(self, *, categories: int, bins: int) -> None:
        self.categories = categories
        self.bins = bins

    def fit(self, matrix: NDArray[np.float64], y: object = None) -> Bins:
        self.edges_: list[NDArray[np.float64]] = []
        for column in matrix.T[self.categories :]:
            known = column[~np.isnan(column)]
            if len(values := np.unique(known)) <= self.bins:
                edges = values[:-1] / 2 + values[1:] / 2
            else:
                edges = np.unique(np.quantile(known, np.linspace(0, 1, self.bins + 1)[1:-1]))
            self.edges_.append(edges)
        codes = [int(np.nanmax(column, initial=-1)) + 1 for column in matrix.T[: self.categories]]
        #: How many different numbers each column has.
        self.sizes_ = np.array([count + 1 for count in codes] + [len(edges) + 2 for edges in self.edges_])
        return self

    def transform(self, matrix: NDArray[np.float64]) -> NDArray[Any]:
        out = np.empty(matrix.shape, dtype=np.int32)
        for number, column in enumerate(matrix.T):
            found = column if number < self.categories else self._places(column, number - self.categories)
            out[:, number] = np.where(np.isnan(column), 0, np.nan_to_num(found) + 1)
        return out

    def _places(self, column: NDArray[np.float64], number: int) -> NDArray[np.intp]:
        return np.searchsorted(self.edges_[number], column, side="left")
