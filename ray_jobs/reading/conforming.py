"""Pieces of a table in the form that a model was trained on, each in the same types."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa

from ray_jobs.reading.reader import Reader, in_pandas
from ray_jobs.schema import Column, conform

_LOOK_ROWS = 20_000


class Conforming:
    """What to read for `columns`, and how to make them of it. A number as text reads the same in every piece: whether
    a column is of whole numbers is told by a sample, not by each piece.
    """

    def __init__(self, columns: tuple[Column, ...], reader: Reader) -> None:
        """Raises Refused where a column is not there."""
        if any(column.name not in reader.types for column in columns):
            conform(pd.DataFrame(columns=list(reader.columns)), columns)
        self._columns = columns
        stable = reader.stable_types()
        self.types: dict[str, pa.DataType] = {}
        as_text = []
        for column in columns:
            kind, self.types[column.name] = reader.types[column.name], stable[column.name]
            if column.kind in ("category", "text"):
                if pa.types.is_integer(kind):
                    self.types[column.name] = pa.string()
                elif pa.types.is_floating(kind):
                    as_text.append(column.name)
            elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
                self.types[column.name] = pa.float64()
        self._whole_as_text = {name: False for name in as_text}
        if as_text:
            look = in_pandas(reader.sample(_LOOK_ROWS, 0).select(as_text))
            self._whole_as_text = {name: _are_whole(look[name].dropna()) for name in as_text}

    def conformed(self, frame: pd.DataFrame, lost: Counter[str]) -> pd.DataFrame:
        """The columns; adds to `lost` how many values of each could not be read as their kind."""
        for name, whole in self._whole_as_text.items():
            frame[name] = _as_text(frame[name], whole)
        before = frame.isna().sum()
        made, _ = conform(frame, self._columns)
        for column in self._columns:
            values = made[column.name]
            if missing := int(values.isna().sum() - before[column.name]):
                lost[column.name] += missing
            if column.kind not in ("category", "text") and pd.api.types.is_numeric_dtype(values.dtype):
                made[column.name] = values.astype(np.float64)
        return made


def _are_whole(values: pd.Series) -> bool:
    return bool(len(values)) and bool((values == values.round()).all()) and bool((values.abs() < 2**53).all())


def _as_text(values: pd.Series, whole: bool) -> pd.Series:
    text = values.astype("str")
    if not whole:
        return text
    round_ones = (values == values.round()) & (values.abs() < 2**53)
    return text.where(~round_ones, values.where(round_ones).astype("Int64").astype("str"))
