"""Sizes, times and spans as people write and read them: "2G", "2 GB", "22-7", "3 min"."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from node_join.errors import NodeError

#: Of 1024 each, as `in_words` in facts.py and the operating systems' own tools count.
_UNITS = ("K", "M", "G", "T")
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMGT])(?:I?B)?", re.IGNORECASE)
_HOURS = re.compile(r"(\d{1,2})(?::00)?\s*-\s*(\d{1,2})(?::00)?")


def parsed_size(text: str) -> int:
    """Bytes of "500M", "2 GB", "1.5GiB". Raises NodeError; a bare number is refused, since its unit is a guess."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise NodeError(f"{text!r} is no size. Write a number and K, M, G or T, as in 500M or 2G.")
    size = int(float(match[1]) * 1024 ** (1 + _UNITS.index(match[2].upper())))
    if size == 0:
        raise NodeError(f"{text!r} is nothing at all. Write a larger size.")
    return size


def size(amount: float) -> str:
    """ "2 GB", "1.5 GB", "500 MB"; three digits are enough."""
    if amount < 1024:
        return f"{amount:.0f} byte{'' if round(amount) == 1 else 's'}"
    for unit in _UNITS:
        amount /= 1024
        if amount < 999.5 or unit == _UNITS[-1]:
            break
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}B" if amount < 100 else f"{amount:.0f} {unit}B"


def parsed_hours(text: str) -> tuple[int, int] | None:
    """(22, 7) of "22-7"; None of "always". Raises NodeError."""
    if text == "always":
        return None
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise NodeError(f"{text!r} are no hours. Write full hours of the day, as in 22-7, or always.")
    begin, end = int(match[1]), int(match[2])
    if begin > 23 or end > 24:
        raise NodeError(f"{text!r} are no hours. A day has the hours 0 to 24.")
    if begin == end:
        raise NodeError(f"{text!r} begins and ends at the same hour. Write always, or two different hours.")
    return None if (begin, end) == (0, 24) else (begin, end)


def hours(between: tuple[int, int] | None) -> str:
    return "at all hours" if between is None else f"from {between[0]}:00 to {between[1]}:00"


def span(seconds: float) -> str:
    """ "40 s", "3 min", "5 h 10 min", "2 days"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")
    return f"{minutes // (24 * 60)} days"


def moment(seconds: float) -> str:
    """A time of the local day, for a person."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def moment_for_programs(seconds: float) -> str | None:
    """ISO 8601 in UTC; None for 0, which stands for never."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None
