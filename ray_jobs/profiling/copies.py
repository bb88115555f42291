"""What is in a table twice: rows, which would be learned from and tested on at once, and columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.problems import listed
from ray_jobs.profiling.numbers import Floats, Looked
from ray_jobs.profiling.wording import counted, finding, share_text
from ray_jobs.schema import Column
from ray_jobs.spec import Finding
from ray_jobs.target import Target

_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, with its bits well spread: 2**64 / golden ratio
_HALF = np.uint64(32)
#: Of test rows, the usual share of the table.
_TEST_SHARE = 0.25
_MOST_ROWS = 100_000
#: Copies are told from this share of the rows on, and where they are not what a table of few values has anyway.
_MANY = 0.01
_BY_CHANCE = 0.2
#: Columns are compared on so many rows, the first of them; a value other than the commonest has to be in a few.
_ROWS = 5000
_FEWEST_OTHERS = 5
#: Correlated this much, in either direction, one column is the other on another scale.
_SAME_SCALED = 0.999999
_MOST_CORRELATED = 400


@dataclass(frozen=True, kw_only=True)
class RowCopies:
    """Rows that are exact copies of earlier ones."""

    copies: int
    rows: int  #: that were looked at
    on_both_sides: int  #: test rows whose copy would be learned from, at random and a quarter for testing
    by_chance: float  #: copies to be expected if the columns were independent: a table of few values has many


def copied_row_findings(
    frame: pd.DataFrame, target: Target | None, columns: tuple[Column, ...], *, sampled: bool = False
) -> list[Finding]:
    """Rows that would be learned from and tested on at once."""
    known = np.arange(len(frame)) if target is None else target.rows
    if not columns or not len(known):
        return []
    chosen = np.arange(len(known))
    if len(known) > _MOST_ROWS:
        chosen = np.linspace(0, len(known) - 1, _MOST_ROWS).astype(np.int64)
    part = frame[[column.name for column in columns]]
    part = part if len(chosen) == len(frame) else part.iloc[known[chosen]]
    found = row_copies(part, None if target is None else target.values[chosen])
    if found.copies < _MANY * found.rows or found.by_chance > _BY_CHANCE * found.copies:
        return []
    seen = " that were looked at" if sampled or len(chosen) < len(known) else ""
    return [
        finding(
            "duplicates",
            f"{found.copies:,} of {found.rows:,} rows{seen} ({share_text(found.copies / found.rows)}) are copies of "
            f"earlier ones{'' if target is None else ', target included'}. In a random split about "
            f"{counted(found.on_both_sides, 'test row', 'test rows')} would have been learned from, so the model would "
            "look better than it is. Remove the copies, or split by a group.",
        )
    ]


def same_column_findings(looked: Looked) -> list[Finding]:
    """Columns that could go without a loss. `columns` of the finding are all of a group but its first."""
    groups = same_columns(looked)
    if not groups:
        return []
    shown = "; ".join(listed(names, 4) for names in groups[:8])
    more = f"; and {len(groups) - 8} more groups" if len(groups) > 8 else ""
    return [
        finding(
            "duplicates",
            f"Columns that say the same, equal or one to one: {shown}{more}. One of each is enough.",
            [name for names in groups for name in names[1:]],
        )
    ]


def row_copies(frame: pd.DataFrame, values: Floats | NDArray[np.int64] | None = None) -> RowCopies:
    """Counts them over all columns of `frame`, and `values`, one for each row."""
    hashes = np.zeros(len(frame), dtype=np.uint64)
    if values is not None:
        hashes = _mixed(hashes, values.astype(np.float64).view(np.uint64))
    plain = [name for name in frame.columns if _is_plain(frame[name])]
    for name in plain:
        hashes = _mixed(hashes, _bits(frame[name]))
    # Text takes longest, and only rows that agree in all the rest can be copies.
    _, codes, sizes = np.unique(hashes, return_inverse=True, return_counts=True)
    alike = np.flatnonzero(sizes[codes] > 1)
    rest = [name for name in frame.columns if name not in plain]
    if len(alike) and rest:
        hashes = hashes[alike]
        for name in rest:
            hashes = _mixed(hashes, _bits(frame[name].iloc[alike]))
        sizes = np.unique(hashes, return_counts=True)[1]
    many = sizes[sizes > 1].astype(np.float64)
    crossing = (many * _TEST_SHARE * (1 - _TEST_SHARE ** (many - 1))).sum()
    copies = int((many - 1).sum())
    return RowCopies(
        copies=copies,
        rows=len(frame),
        on_both_sides=round(float(crossing)),
        by_chance=_by_chance(frame) if copies else 0.0,
    )


def same_columns(looked: Looked) -> list[tuple[str, ...]]:
    """Groups of columns that tell the same: equal, renamed one to one, or numbers on another scale."""
    groups: dict[bytes, list[str]] = {}
    scaled: dict[str, Floats] = {}
    for name, column in looked.numbers.items():
        column = column[:_ROWS]
        codes = pd.factorize(column)[0]  # -1 for gaps; in order of appearance, so new names change nothing
        counts = np.bincount(codes + 1)
        if len(column) - counts.max(initial=0) < _FEWEST_OTHERS:
            continue
        if len(counts) - 1 <= len(column) / 2:
            groups.setdefault(codes.tobytes(), []).append(name)
        else:
            scaled[name] = column
    return [tuple(names) for names in groups.values() if len(names) > 1] + _correlated(scaled)


def _correlated(columns: dict[str, Floats]) -> list[tuple[str, ...]]:
    names = list(columns)[:_MOST_CORRELATED]
    if len(names) < 2:
        return []
    matrix = np.column_stack([columns[name] for name in names])
    gaps = np.isnan(matrix)
    with np.errstate(all="ignore"):
        matrix = matrix / np.nanmax(np.abs(matrix), axis=0)
        matrix = np.where(gaps, 0.0, matrix - np.nanmean(matrix, axis=0))
        matrix = np.nan_to_num(matrix / np.sqrt((matrix**2).sum(axis=0)))
    alike = (np.abs(matrix.T @ matrix) >= _SAME_SCALED) & (gaps.sum(axis=0)[:, None] == gaps.sum(axis=0)[None, :])
    found, taken = [], set[int]()
    for number in range(len(names)):
        others = [int(other) for other in np.flatnonzero(alike[number]) if other > number and other not in taken]
        if number not in taken and others:
            taken.update(others)
            found.append((names[number], *(names[other] for other in others)))
    return found


def _mixed(hashes: NDArray[np.uint64], bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    hashes = (hashes ^ bits) * _MIX
    return hashes ^ (hashes >> _HALF)


def _bits(column: pd.Series) -> NDArray[np.uint64]:
    """64 bits for each value, the same for the same values; of text its position among the distinct ones."""
    if _is_plain(column):
        numbers = column.to_numpy()
        if numbers.dtype.kind in "iub":
            return numbers.astype(np.int64).view(np.uint64)
        numbers = numbers.astype(np.float64) + 0.0  # -0.0 is 0.0
        return np.where(np.isnan(numbers), np.nan, numbers).view(np.uint64)
    return pd.factorize(column)[0].astype(np.int64).view(np.uint64)


def _is_plain(column: pd.Series) -> bool:
    return isinstance(column.dtype, np.dtype) and column.dtype.kind in "iubf"


def _by_chance(frame: pd.DataFrame) -> float:
    """Expected pairs of equal rows, were the columns independent."""
    part = frame.iloc[:: max(1, len(frame) // 2000)]
    odds = 1.0
    for name in frame.columns:
        shares = np.unique(_bits(part[name]), return_counts=True)[1] / len(part)
        odds *= max(float((shares**2).sum()) - 1 / len(part), 0.0)
    return odds * len(frame) * (len(frame) - 1) / 2
