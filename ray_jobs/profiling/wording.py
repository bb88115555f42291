"""Numbers, dates and lists as a person reads them: 1,234.5 and 2024-03-01."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from ray_jobs.problems import clip
from ray_jobs.spec import Finding

#: Significant digits of a number that is not whole.
_DIGITS = 5
_MOST_COLUMNS = 50


def number_text(value: float) -> str:
    """1234.5 -> "1,234.5", 3.0 -> "3", 0.000012345 -> "1.2345e-05"."""
    if not math.isfinite(value):
        return str(value)
    if value == round(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if not 1e-4 <= abs(value) < 1e15:
        return f"{value:.{_DIGITS}g}"
    decimals = max(0, _DIGITS - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def date_text(value: pd.Timestamp) -> str:
    """ "2024-03-01", with the time of day where there is one."""
    if value == value.normalize():
        return f"{value:%Y-%m-%d}"
    return f"{value:%Y-%m-%d %H:%M:%S}" if value.second else f"{value:%Y-%m-%d %H:%M}"


def share_text(share: float) -> str:
    """0.1234 -> "12 %", 0.0123 -> "1.2 %", 0.00004 -> "under 0.1 %"."""
    if 0 < share < 0.001:
        return "under 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.0995 or share == 0 else f"{100 * share:.1f} %"


def counted(number: int, one: str, many: str) -> str:
    """`1 row`, `1,234 rows`."""
    return f"{number:,} {one if number == 1 else many}"


def listed_with(pairs: Sequence[tuple[str, str]], limit: int = 8) -> str:
    """Names with what is to be said of each: `'a' (0.97), 'b' (0.91) and 3 more`."""
    shown = ", ".join(f"'{clip(name, 80)}' ({text})" for name, text in pairs[:limit])
    return shown + (f" and {len(pairs) - limit} more" if len(pairs) > limit else "")


def finding(code: str, message: str, columns: Iterable[str] = ()) -> Finding:
    """A Finding within its bounds."""
    return Finding.model_validate(
        {"code": code, "message": clip(message, 2000), "columns": tuple(columns)[:_MOST_COLUMNS]}
    )
