"""Sizes, counts, durations and ages, as a person would say them."""

from __future__ import annotations

from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def size(count: int) -> str:
    """Bytes in the unit that leaves few digits before the point; 1 MB is 2**20 bytes, as limits are counted."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1024:
            return f"{count} bytes" if unit == "bytes" else f"{_short(value)} {unit}"
        value /= 1024
    return f"{_short(value)} TB"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def memory(count: int) -> str:
    """Bytes of memory, which is sold in powers of two: whole GB."""
    gigabytes = count / 2**30
    return f"{gigabytes:.0f} GB" if gigabytes >= 1 else f"{count / 2**20:.0f} MB"


def number(count: int) -> str:
    return f"{count:,}"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 row`, `7,043 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def metric(value: float) -> str:
    """Three significant digits, more before the point where they are there."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percent(fraction: float) -> str:
    return f"{fraction * 100:.0f} %"


def duration(seconds: float) -> str:
    """A length of time in at most two units."""
    whole = max(0, round(seconds))
    if 0 < seconds < 9.95 and seconds != whole:
        return f"{max(seconds, 0.1):.1f} s"
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole, _MINUTE, "min", 1, "s")
    if whole < _DAY:
        return _two(whole, _HOUR, "h", _MINUTE, "min")
    return _two(whole, _DAY, "d", _HOUR, "h")


def _two(whole: int, big: int, big_name: str, small: int, small_name: str) -> str:
    rest = whole % big // small
    return f"{whole // big} {big_name}" + (f" {rest} {small_name}" if rest else "")


def ago(then: datetime, now: datetime) -> str:
    """How long ago, coarsely; a clock that runs ahead counts as just now."""
    seconds = (now - then).total_seconds()
    if seconds < _MINUTE:
        return "just now"
    for unit, length in (("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE)):
        if seconds >= length:
            return f"{plural(int(seconds // length), unit)} ago"
    return "just now"


def span(then: datetime, now: datetime) -> str:
    """How long something has lasted: `for 3 minutes`, without the `for`."""
    words = ago(then, now)
    return "a moment" if words == "just now" else words.removesuffix(" ago")
