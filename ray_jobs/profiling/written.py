"""Columns that are text only because of how their numbers are written, or because of a few words among them."""

from __future__ import annotations

import re

import pandas as pd

from ray_jobs.profiling.wording import finding, listed_with, share_text
from ray_jobs.schema import Column, names_things, spread_sample
from ray_jobs.spec import Finding

#: 1,234.5 or 1.234,5 or 12 with a currency or unit of up to four letters around it: $5, 12 kg, 3 %.
_NUMBER = re.compile(
    r"^\s*[-+(]?\s*[$€£¥]?\s*[-+]?(?:\d{1,3}(?:[,.' ]\d{3})+|\d+)?(?:[.,]\d+)?\s*([%$€£¥]|[a-zA-Z°²³/]{1,4})?\)?\s*$"
)
#: 007 and 01067 name things.
_LEADING_ZERO = re.compile(r"^\s*0\d")
#: Text that is numbers in this share of its values is a column of numbers.
MOST_OF_THEM = 0.8
_FEWEST_DISTINCT = 10
#: 12A, 12B, 14C: names of seats.
_MOST_UNITS = 3


def written_number_findings(frame: pd.DataFrame, columns: tuple[Column, ...]) -> list[Finding]:
    """Text and categories that are numbers in at least four of five values."""
    found = []
    for column in columns:
        if column.kind not in ("text", "category") or names_things(column.name):
            continue
        if pd.api.types.is_numeric_dtype(frame[column.name].dtype):
            continue
        sample = spread_sample(frame[column.name]).dropna().astype(str)
        share = share_of_numbers(sample)
        if share >= MOST_OF_THEM:
            found.append((column.name, share_text(share)))
    if not found:
        return []
    return [
        finding(
            "format",
            f"Taken as text, though most of their values are numbers: {listed_with(found)}. Units, thousands "
            "separators or words among them are in the way; plain numbers and empty cells would tell more.",
            [name for name, _ in found],
        )
    ]


def share_of_numbers(sample: pd.Series) -> float:
    """0 where there are too few different ones, or where they look like names."""
    if sample.iloc[:50].str.match(_NUMBER).mean() < MOST_OF_THEM / 2:
        return 0.0
    numbers = sample[sample.str.match(_NUMBER) & sample.str.contains(r"\d", regex=True)]
    if numbers.nunique() < _FEWEST_DISTINCT or sample.str.match(_LEADING_ZERO).mean() > 0.01:
        return 0.0
    units = numbers.str.extract(_NUMBER, expand=False)
    return len(numbers) / len(sample) if units.nunique() <= _MOST_UNITS else 0.0
