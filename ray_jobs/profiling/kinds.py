"""What the columns of a table are to a person, and which of them are of no use to a model.

`schema.describe` tells what a model takes a column for; the kinds here are finer: `code`, `identifier`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.profiling.written import MOST_OF_THEM, share_of_numbers
from ray_jobs.schema import Column, describe, is_whole, names_things, spread_sample, words_of
from ray_jobs.spec import Kind

#: Below so many known values nothing is called an identifier.
_FEWEST_VALUES = 20
#: Text whose values differ in this share of its rows is a key. Whole numbers must all differ.
_DIFFERENT = 0.95
_MOSTLY = 0.5
#: The first or last word of a key's name; and words of which its whole name may consist.
_KEY_WORDS = {"id", "ids", "key", "no", "nr", "uuid", "guid", "isbn", "ean", "sku", "ssn", "rowid", "customerid"}
_KEY_WORDS |= {"userid", "orderid", "recordid", "serial"}
_KEY_NAMES = {"index", "idx", "row", "rows", "number", "unnamed", "record", "line"}
_YES_NO = ({"yes", "no"}, {"y", "n"}, {"true", "false"}, {"t", "f"}, {"on", "off"}, {"ja", "nein"}, {"sim", "não"})


@dataclass(frozen=True, kw_only=True)
class Look:
    """One column at first sight."""

    column: Column  #: as a model takes it
    kind: Kind  #: as a person would say
    useless: str = ""  #: why it is of no use to a model, as the end of "..., since "; "" where it is of use

    @property
    def name(self) -> str:
        return self.column.name


def look_at(column: pd.Series) -> Look:
    """The kind of a column, by these rules, the first that holds:

    constant: no value, or the same one in every row. identifier: see `key_reason`. boolean: two values that are true
    and false, 0 and 1, yes and no or the like. code: whole numbers in a column whose name says that they name things
    (`schema.names_things`). date, category, text, number: as `schema.describe`.
    """
    described = describe(column)
    if reason := useless_reason(column, described):
        kind: Kind = "constant" if described.kind == "constant" else "identifier"
        return Look(column=described, kind=kind, useless=reason)
    if described.kind == "boolean" or _is_yes_no(column):
        return Look(column=described, kind="boolean")
    if described.kind != "date" and names_things(str(column.name)) and is_whole(column):
        return Look(column=described, kind="code")
    return Look(column=described, kind=described.kind)


def useless_reason(column: pd.Series, described: Column) -> str:
    """Why a column is of no use to a model, as the end of "left out, since"; "" where it is of use."""
    if described.kind == "constant":
        return "it has one value only" if column.notna().any() else "it has no value"
    return key_reason(column, described)


def key_reason(column: pd.Series, described: Column) -> str:
    """Why a column is a key, of no use to a model; "" where it is none.

    Text: at least 95 % of the values differ, they have hardly a space in them, and are no numbers with a unit. Whole
    numbers: all differ, and the column's name calls it a key, or they count up from row to row, mostly by one (years
    do not count), or they are the numbers from 0 or 1 to the number of rows in any order.
    """
    if described.kind in ("boolean", "date", "constant"):
        return ""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return _text_key_reason(column)
    sample = spread_sample(column).dropna()  # says no to most columns
    if len(sample) < _FEWEST_VALUES or not is_whole(sample) or sample.nunique() < len(sample):
        return ""
    values = column.dropna()
    if values.nunique() < len(values) or not is_whole(values):
        return ""
    numbers = values.to_numpy(dtype=np.float64)
    if _is_key_name(str(column.name)):
        return "its name and its values, which all differ, say that it is a key"
    if _counts_up(numbers):
        return "it counts up from row to row"
    if numbers.min() in (0, 1) and numbers.max() - numbers.min() == len(numbers) - 1 and len(values) == len(column):
        return "it numbers the rows"
    return ""


def _text_key_reason(column: pd.Series) -> str:
    sample = spread_sample(column).dropna().astype(str)
    if len(sample) < _FEWEST_VALUES or sample.nunique() < _DIFFERENT * len(sample):
        return ""
    if sample.str.count(r"\s").mean() >= 0.5 or share_of_numbers(sample) >= MOST_OF_THEM:
        return ""
    values = column.dropna()
    distinct = int(values.nunique())
    if distinct < _DIFFERENT * len(values):
        return ""
    return "its values all differ" if distinct == len(values) else f"{distinct / len(values):.0%} of its values differ"


def _is_key_name(name: str) -> bool:
    words = [word for word in words_of(name) if not word.isdigit()]
    return bool(words) and (words[0] in _KEY_WORDS or words[-1] in _KEY_WORDS or set(words) <= _KEY_NAMES)


def _counts_up(numbers: NDArray[np.float64]) -> bool:
    steps = np.diff(numbers)
    # Rows may have been deleted, or this is a sample of pieces of the table.
    if not (steps > 0).all() or (steps == 1).mean() < _MOSTLY:
        return False
    return not (len(numbers) <= 300 and numbers[0] >= 1500 and numbers[-1] <= 2200)  # years


def _is_yes_no(column: pd.Series) -> bool:
    # A sample says no to most columns.
    sample = spread_sample(column).dropna()
    if pd.api.types.is_numeric_dtype(column.dtype):
        return bool(sample.isin([0, 1]).all()) and set(column.dropna().unique()) == {0, 1}
    if not any(_folded(sample) <= pair for pair in _YES_NO):
        return False
    found = _folded(column.dropna())
    return any(found == pair for pair in _YES_NO)


def _folded(values: pd.Series) -> set[str]:
    return {str(value).strip().casefold() for value in values.unique()}
