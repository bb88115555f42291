"""The sample of a table that findings look at, each column as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.schema import Column, conform
from ray_jobs.target import Target

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Rows of a wide table are bounded by its cells.
_CELLS = 10_000_000
_FEWEST_ROWS = 2000


@dataclass(frozen=True, kw_only=True)
class Looked:
    """Some rows of a table, spread evenly over it in their order, conformed."""

    frame: pd.DataFrame  #: conformed, index 0..n-1
    columns: tuple[Column, ...]
    empty: dict[str, NDArray[np.bool_]]  #: which values were missing in the file
    target: Target | None
    positions: Codes  #: of the rows in `target.values`; in the table where there is no target
    whole: bool  #: whether these are all rows of the table whose target is known

    @cached_property
    def numbers(self) -> dict[str, Floats]:
        """Each column but text as numbers, gaps as NaN: a category as its position, a date as seconds since 1970."""
        return {
            column.name: as_numbers(self.frame[column.name], column)
            for column in self.columns
            if column.kind not in ("text", "constant")
        }

    @property
    def answers(self) -> Floats | Codes:
        """The target's values of these rows."""
        assert self.target is not None
        return self.target.values[self.positions]


def look_over(
    frame: pd.DataFrame, target: Target | None, columns: tuple[Column, ...], rows: int, *, sampled: bool = False
) -> Looked:
    """At most `rows` rows, fewer of a wide table. `sampled`: the frame itself is a sample."""
    rows = min(rows, max(_FEWEST_ROWS, _CELLS // max(1, len(columns))))
    known = len(frame) if target is None else len(target.rows)
    positions = np.arange(known, dtype=np.int64)
    if known > rows:
        positions = np.linspace(0, known - 1, rows).astype(np.int64)
    at = positions if target is None else target.rows[positions]
    names = [column.name for column in columns]
    chosen = frame[names] if len(at) == len(frame) else frame[names].iloc[at]
    chosen = chosen.reset_index(drop=True)
    return Looked(
        frame=conform(chosen, columns)[0],
        columns=columns,
        empty={name: chosen[name].isna().to_numpy() for name in names},
        target=target,
        positions=positions,
        whole=len(positions) == known and not sampled,
    )


def as_numbers(values: pd.Series, column: Column) -> Floats:
    """A conformed column as numbers, gaps as NaN. Categories by how common they are, the commonest 0."""
    if column.kind in ("category", "text"):
        positions, distinct = pd.factorize(values)
        counts = np.bincount(positions[positions >= 0], minlength=len(distinct))
        rank = np.empty(len(distinct) + 1, dtype=np.float64)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(distinct), dtype=np.float64)
        rank[-1] = np.nan
        return np.asarray(rank[positions], dtype=np.float64)
    if column.kind == "date":
        values = (values - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
