"""Numbers as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: Before a unit: a space at which no line breaks.
_GAP = "\u00a0"
_LARGE = ((1e12, "T"), (1e9, "bn"), (1e6, "M"), (1e3, "k"))


def whole(count: int) -> str:
    """1,234"""
    return f"{count:,}"


def percent(share: float, count: int = 3) -> str:
    """86.2 %, in `count` digits; neither 0 % nor 100 % where it is not exactly that."""
    hundredths = 100 * share
    if 0 < hundredths < 0.1:
        return f"under 0.1{_GAP}%"
    if 99.9 < hundredths < 100:
        return f"over 99.9{_GAP}%"
    return f"{hundredths:.{max(count, 3) if hundredths >= 99 else count}g}{_GAP}%"


def fraction(value: float, _: int = 3) -> str:
    """0.888: for what lies between 0 and 1, where the first digit that counts is the first."""
    return f"{value:.3f}"


def digits(value: float, count: int = 3) -> str:
    """`count` significant digits: 0.0123, 4.57, 12,300, 1.23e+12; and 0 as it is."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    size = math.floor(math.log10(abs(value)))
    if size >= 9 or size < -4:
        return f"{value:.{count - 1}e}"
    rounded = round(value, count - 1 - size)
    if rounded and math.floor(math.log10(abs(rounded))) > size:  # 9.996 became 10.0
        size += 1
    return f"{rounded:,.{max(0, count - 1 - size)}f}"


def seconds(value: float) -> str:
    """4.2 s, 3 min 20 s, 2 h 5 min"""
    if value < 59.5:
        return f"{value:.2g}{_GAP}s" if value < 9.95 else f"{value:.0f}{_GAP}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}{_GAP}min" + (f" {rest}{_GAP}s" if rest else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{_GAP}h" + (f" {minutes}{_GAP}min" if minutes else "")


def size(count: int) -> str:
    """812 MB, 1.45 GB: in thousands, as disks count."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{digits(count / unit)}{_GAP}{name}"
    return f"{count} bytes"


def tick_labels(values: Sequence[float]) -> list[str]:
    """Short labels of an axis, with as many digits as it takes to tell them apart."""
    labels: list[str] = []
    for count in range(3, 16):
        labels = [short(value, count) for value in values]
        if len(set(labels)) == len({*values}):
            break
    return labels


def short(value: float, count: int = 3) -> str:
    """For pictures, in `count` significant digits: 12.3, 1230, 45.6k, 1.2M."""
    for unit, name in _LARGE:
        if max(unit, 1e4) <= abs(value) < 1e15:
            return _plain(value / unit, count) + name
    return _plain(value, count)


def _plain(value: float, count: int) -> str:
    return f"{float(f'{value:.{count - 1}e}'):.15g}"
