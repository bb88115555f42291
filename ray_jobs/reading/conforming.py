"""Pieces of a table in the form that a model was trained on, each in the same types."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa

from ray_jobs.reading.reader import Reader
from ray_jobs.schema import Column, conform


class Conforming:
    """What to read for `columns`, and how to make them of it."""

    def __init__(self, columns: tuple[Column, ...], reader: Reader) -> None:
        """Raises Refused where a column is not there."""
        if any(column.name not in reader.types for column in columns):
            conform(pd.DataFrame(columns=list(reader.columns)), columns)
        self._columns = columns
        stable = reader.stable_types()
        self._written: list[str] = []  #: whole numbers that are wanted as text, as they are written
        self.types: dict[str, pa.DataType] = {}
        for column in columns:
            kind, self.types[column.name] = reader.types[column.name], stable[column.name]
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
                continue
            if column.kind not in ("category", "text"):
                self.types[column.name] = pa.float64()
            elif pa.types.is_integer(kind) and not reader.whole:
                # As numbers they could only be read as float64, which can't hold every key.
                self.types[column.name] = pa.string()
                self._written.append(column.name)

    def conformed(self, frame: pd.DataFrame, lost: Counter[str]) -> pd.DataFrame:
        """The columns; adds to `lost` how many values of each could not be read as their kind."""
        for name in self._written:
            frame[name] = frame[name].str.strip()
        before = frame.isna().sum()
        made, _ = conform(frame, self._columns)
        for column in self._columns:
            values = made[column.name]
            if missing := int(values.isna().sum() - before[column.name]):
                lost[column.name] += missing
            if column.kind not in ("category", "text") and pd.api.types.is_numeric_dtype(values.dtype):
                made[column.name] = values.astype(np.float64)
        return made
