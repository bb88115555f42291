"""Sizes, counts, durations and ages, as a person would say them in their language."""

from __future__ import annotations

from datetime import datetime

from babel.dates import format_date
from babel.numbers import get_decimal_symbol, get_group_symbol

from bot.language import ntr, spoken, tr

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def figures(text: str) -> str:
    """Figures as Python writes them ("7,043.5"), with the reader's separators."""
    language = spoken()
    return text.translate({ord(","): get_group_symbol(language), ord("."): get_decimal_symbol(language)})


def size(count: int) -> str:
    """Bytes in the unit that leaves few digits before the point; 1 MB is 2**20 bytes, as limits are counted."""
    if count < 1024:
        return tr("{n} bytes", n=count)
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1024
        if value < 1024:
            return f"{_short(value)} {unit}"
    return f"{_short(value / 1024)} TB"


def _short(value: float) -> str:
    return figures(f"{value:.0f}" if value >= 100 else f"{value:.3g}")


def memory(count: int) -> str:
    """Bytes of memory, which is sold in powers of two: whole GB."""
    gigabytes = count / 2**30
    return f"{gigabytes:.0f} GB" if gigabytes >= 1 else f"{count / 2**20:.0f} MB"


def number(count: int) -> str:
    return figures(f"{count:,}")


def plural(count: int, one: str, many: str) -> str:
    """The text that goes with the count, which stands in it as `{n}`: `{n} row`, `{n} rows`."""
    return ntr(one, many, count).format(n=number(count))


def metric(value: float) -> str:
    """Three significant digits, more before the point where they are there."""
    return figures(f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}")


def percent(fraction: float) -> str:
    return f"{fraction * 100:.0f} %"


def duration(seconds: float) -> str:
    """A length of time in at most two units."""
    whole = max(0, round(seconds))
    if 0 < seconds < 9.95 and seconds != whole:
        return figures(f"{max(seconds, 0.1):.1f} s")
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


def day(at: datetime) -> str:
    """A date of UTC."""
    return format_date(at, "medium", locale=spoken())


def time_of_day(at: datetime) -> str:
    """To the second, of UTC; with 24 hours everywhere, so that lines stand below each other."""
    return at.strftime("%H:%M:%S")


def ago(then: datetime, now: datetime) -> str:
    """How long ago, coarsely; a clock that runs ahead counts as just now."""
    seconds = (now - then).total_seconds()
    if seconds >= _DAY:
        return plural(int(seconds // _DAY), "{n} day ago", "{n} days ago")
    if seconds >= _HOUR:
        return plural(int(seconds // _HOUR), "{n} hour ago", "{n} hours ago")
    if seconds >= _MINUTE:
        return plural(int(seconds // _MINUTE), "{n} minute ago", "{n} minutes ago")
    return tr("just now")


def span(then: datetime, now: datetime) -> str:
    """How long something has lasted, as coarsely: `for 3 minutes`, without the `for`."""
    seconds = (now - then).total_seconds()
    if seconds >= _DAY:
        return plural(int(seconds // _DAY), "{n} day", "{n} days")
    if seconds >= _HOUR:
        return plural(int(seconds // _HOUR), "{n} hour", "{n} hours")
    if seconds >= _MINUTE:
        return plural(int(seconds // _MINUTE), "{n} minute", "{n} minutes")
    return tr("a moment")
