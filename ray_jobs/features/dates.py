"""Date columns as numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

Floats = NDArray[np.float64]

#: Each part and, where it comes round again, after how many.
_PARTS = {"year": 0, "month": 12, "day": 0, "day_of_week": 7, "hour": 24, "minute": 0}


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Date columns to the parts that vary in training, and the days since 1970.

    periodic: month, day of the week and hour as points of a circle besides, so that December is next to January for
    models that measure distances. Otherwise the columns are for trees, which ask only what comes before what: a part
    that never falls while the days rise, like the month within one year, would tell them nothing and is left out.
    """

    def __init__(self, *, periodic: bool = False) -> None:
        self.periodic = periodic

    def fit(self, frame: pd.DataFrame, y: object = None) -> DateParts:
        self.parts_: list[list[str]] = []
        for name in frame.columns:
            dates = pd.Series(frame[name].dropna().unique()).sort_values().dt
            self.parts_.append([part for part in _PARTS if self._tells(getattr(dates, part))])
        return self

    def _tells(self, values: pd.Series) -> bool:
        """`values`: of one part, in the order of the dates."""
        return values.nunique() > 1 and (self.periodic or not values.is_monotonic_increasing)

    @property
    def widths(self) -> list[int]:
        """Columns that each column becomes."""
        extra = 2 if self.periodic else 0
        return [1 + sum(1 + (extra if _PARTS[part] else 0) for part in parts) for parts in self.parts_]

    def columns(self, dates: pd.Series, number: int) -> list[Floats]:
        """What the date column that was the `number`-th in training becomes."""
        # Each distinct date is taken apart once: a table has far fewer dates than rows.
        positions, distinct = pd.factorize(dates)  # -1 for gaps, which is the last
        found: list[Floats] = []
        times = pd.Series(distinct)
        for part in self.parts_[number]:
            values: Floats = np.asarray(getattr(times.dt, part), dtype=np.float64)
            found.append(values)
            if self.periodic and (period := _PARTS[part]):
                angle = values * (2 * np.pi / period)
                found += [np.sin(angle), np.cos(angle)]
        days = (times - pd.Timestamp(0)) / pd.Timedelta(days=1)
        found.append(np.asarray(days, dtype=np.float64))
        return [np.append(values, np.nan)[positions] for values in found]

    def transform(self, frame: pd.DataFrame) -> Floats:
        every = [self.columns(frame.iloc[:, number], number) for number in range(frame.shape[1])]
        return np.column_stack([values for found in every for values in found])
