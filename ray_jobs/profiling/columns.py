"""One column closely."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ray_jobs.problems import clip
from ray_jobs.profiling.kinds import Look
from ray_jobs.profiling.wording import date_text, number_text
from ray_jobs.schema import conform, spread_sample
from ray_jobs.spec import ColumnProfile

_SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_EXAMPLES = 5
_TOP = 10
_TEXT = 60
#: Where no rows are shared, quantiles of fewer values would be these values.
_FEWEST_VALUES = 20


def column_profile(column: pd.Series, look: Look, *, share_rows: bool, exact: bool) -> ColumnProfile:
    """`exact`: the column is not a sample. Without `share_rows` there are no values of rows: no examples, no commonest
    values, no minimum and maximum ("" in their places), and quantiles only of 20 values and more.
    """
    values = column.dropna()
    converted = conform(column.to_frame(), (look.column,))[0].iloc[:, 0].dropna()
    return ColumnProfile(
        name=look.name,
        kind=look.kind,
        missing=len(column) - len(values),
        distinct=int(values.nunique()),
        distinct_exact=exact,
        examples=_examples(values, look) if share_rows else (),
        quantiles=_quantiles(converted, look, share_rows=share_rows),
        mean=_mean(converted, look),
        top=_top(values) if share_rows and look.kind in ("category", "code", "boolean", "constant") else (),
    )


def _examples(values: pd.Series, look: Look) -> tuple[str, ...]:
    """Different ones, from all over the column."""
    amounts = look.kind == "number" and pd.api.types.is_numeric_dtype(values.dtype)
    found = spread_sample(values).drop_duplicates()
    at = np.linspace(0, len(found) - 1, min(_EXAMPLES, len(found))).astype(np.int64)
    return tuple(number_text(float(value)) if amounts else value_text(value) for value in found.iloc[at])


def _top(values: pd.Series) -> tuple[tuple[str, int], ...]:
    counts = values.value_counts().iloc[:_TOP]
    return tuple((value_text(value), int(count)) for value, count in zip(counts.index, counts, strict=True))


def _quantiles(values: pd.Series, look: Look, *, share_rows: bool) -> tuple[str, ...]:
    if look.kind not in ("number", "date") or not len(values) or (not share_rows and len(values) < _FEWEST_VALUES):
        return ()
    with np.errstate(all="ignore"):  # between the largest numbers
        found = values.quantile(list(_SHARES), interpolation="linear" if look.kind == "number" else "lower")
    texts = [date_text(pd.Timestamp(value)) if look.kind == "date" else number_text(float(value)) for value in found]
    return tuple(texts) if share_rows else ("", *texts[1:-1], "")


def _mean(values: pd.Series, look: Look) -> float | None:
    """Of numbers; of a boolean the share that is true, where it is one that a model takes as 0 and 1."""
    if look.kind not in ("number", "boolean") or look.column.kind not in ("number", "boolean") or not len(values):
        return None
    with np.errstate(all="ignore"):
        mean = float(values.astype(np.float64).mean())
    return mean if np.isfinite(mean) else None


def value_text(value: object) -> str:
    """One value as a person reads it, in 60 characters. A whole number has no separators: it may be a code."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, float | np.floating):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else number_text(number)
    return date_text(value) if isinstance(value, pd.Timestamp) else clip(str(value), _TEXT)
