"""Dates that are written as text, or as whole numbers like 20240105."""

from __future__ import annotations

import re
from typing import Final

import pandas as pd

#: Also how a whole number can be a date.
COMPACT = "%Y%m%d"
DATE_TYPE: Final = "datetime64[us]"
#: Dates far away count as these.
FIRST, LAST = pd.Timestamp("1678-01-01").as_unit("us"), pd.Timestamp("2261-12-31").as_unit("us")
#: What may be a date, before a time of day. Two-digit years only where day and month have two digits too, or slashes
#: between them: 1.10.12 is a version of something.
_DATES = (
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{4}",
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}",
    r"\d\d[-.]\d\d[-.]\d\d",
    r"\d{1,2}/\d{1,2}/\d\d",
    r"(?:1[89]|2[01])\d{6}",
    r"\d{1,2}[- ]?[A-Za-z]{3,9}[- ,]{1,2}\d{2,4}",
    r"[A-Za-z]{3,9}\.? \d{1,2},? \d{4}",
    r"\d{4}-[A-Za-z]{3}-\d\d",
)
_DATE = re.compile(rf"^\s*(?:{'|'.join(_DATES)})([T ]\d{{1,2}}:?\d{{2}}.*)?\s*$")
#: Tried in this order; day first before month first, where both fit.
_FORMATS: tuple[str, ...] = (
    *(COMPACT, "ISO8601"),
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y"),
    *("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d%b%Y", "%Y-%b-%d"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y"),
)
_TIMES = (" %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f")
#: Of the values this share has to be dates.
_SHARE = 0.99
#: Most formats fail on the first values already.
_FEW = 20


def date_format_of(sample: pd.Series) -> str:
    """The one format in which nearly all of the texts are dates, for `to_dates`; "" for none."""
    if not sample.str.match(_DATE).mean() >= _SHARE:
        return ""
    timed = bool(sample.str.extract(_DATE, expand=False).notna().any())
    few = sample.iloc[:_FEW]
    for date in _FORMATS:
        # ISO 8601 has its own times, and takes rows with and without one.
        ends = _TIMES if timed and date != "ISO8601" else ("",)
        for date_format in (date + end for end in ends):
            if to_dates(few, date_format).notna().any() and to_dates(sample, date_format).notna().mean() >= _SHARE:
                return date_format
    return ""


def to_dates(values: pd.Series, date_format: str) -> pd.Series:
    """UTC, in microseconds, without a time zone in the type. What is no date becomes missing. Dates far away, like the
    31st of December 9999, count as the nearest of the years 1678 to 2261: differences of those fit into a timedelta.
    """
    # Each distinct value is read once: a table has far fewer dates than rows.
    positions, distinct = pd.factorize(values)  # -1 for gaps
    dates = pd.to_datetime(pd.Series(distinct), format=date_format or None, errors="coerce", utc=True)
    near = dates.dt.tz_localize(None).astype(DATE_TYPE)
    near = near.mask(near < FIRST, FIRST).mask(near > LAST, LAST)
    read = pd.concat([near, pd.Series([pd.NaT], dtype=DATE_TYPE)])
    return pd.Series(read.to_numpy()[positions], index=values.index)
