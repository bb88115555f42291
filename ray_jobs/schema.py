"""What the columns of a table are, and bringing a later table into the form that a model was trained on."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pandas as pd

from ray_jobs.dates import COMPACT, DATE_TYPE, date_format_of, to_dates
from ray_jobs.problems import Refused, clip, listed, nearest
from ray_jobs.spec import ColumnFacts, Frozen, Name, ProblemCode
from ray_jobs.spec import Kind as FinerKind

Kind = Literal["number", "boolean", "category", "date", "text", "constant"]

_SAMPLE = 1000
#: A whole number is taken for a category where its column's name says that it names things, and it has at most so
#: many distinct values, each in 10 rows on average.
_MOST_CODES = 50
_ROWS_OF_A_CODE = 10
#: Words in a column's name that say that whole numbers in it name things and measure nothing.
_NAMING = {"id", "ids", "code", "codes", "zip", "zipcode", "postcode", "postal", "plz", "cep", "fips", "type", "types"}
_NAMING |= {"class", "category", "cat", "group", "cluster", "region", "district", "zone", "sector", "key", "phone"}
_NAMING |= {"store", "shop", "branch", "department", "dept", "product", "item", "customer", "user", "channel", "sku"}
_NAMING_FIRST = {"id", "code", "zip", "plz"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class Column(Frozen):
    """One feature of a model, as its training table had it."""

    name: Name
    kind: Kind
    date_format: str = ""  #: how dates are written, where they are text


def describe(column: pd.Series) -> Column:
    """The kind of a column, by these rules, the first that holds:

    constant: no value at all, or the same value in every row. boolean: true and false. date: a date type, or text of
    which a spread sample reads as dates in one format, or whole numbers like 20240105. category: whole numbers that
    name things (`names_things`), at most 50 distinct, each in 10 rows on average. number: any other numeric type.
    category: text with few distinct values (at most 50, or a fifth of the values and few words each). text: any other
    text.
    """
    name = str(column.name)
    values = column.dropna()
    if not len(values) or _same_everywhere(column, values):
        return Column(name=name, kind="constant")
    if _is_boolean(values):
        return Column(name=name, kind="boolean")
    if isinstance(values.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(values.dtype):
        return Column(name=name, kind="date")
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_timedelta64_dtype(values.dtype):
        if _are_compact_dates(values):
            return Column(name=name, kind="date", date_format=COMPACT)
        return Column(name=name, kind="category" if names_things(name) and _are_codes(values) else "number")
    sample = spread_sample(values).astype(str)
    if date_format := date_format_of(sample):
        return Column(name=name, kind="date", date_format=date_format)
    distinct = int(values.nunique())
    wordy = sample.str.count(r"\s").mean() >= 4
    few = distinct <= 50 or (distinct <= len(values) / 5 and not wordy)
    return Column(name=name, kind="category" if few else "text")


def words_of(name: str) -> list[str]:
    """The words of a column's name in lower case: `PostalCode_2` has postal, code and 2."""
    return [word.lower() for word in _WORD.findall(name)]


def names_things(name: str) -> bool:
    """Whether a column of that name holds codes, if it holds whole numbers: its last word says so (`store_id`, not
    `store_sales`), or its first one is id, code or zip.
    """
    words = [word for word in words_of(name) if not word.isdigit()]
    return bool(words) and (words[-1] in _NAMING or words[0] in _NAMING_FIRST)


def is_whole(values: pd.Series) -> bool:
    """Whether all known values are whole numbers that a float can hold exactly."""
    if pd.api.types.is_float_dtype(values.dtype):
        known = values.dropna()
        return bool((known == known.round()).all()) and bool((known.abs() < 2**53).all())
    return pd.api.types.is_integer_dtype(values.dtype)


def facts(column: pd.Series, kind: FinerKind) -> ColumnFacts:
    """One column as the form card shows it."""
    return ColumnFacts(
        name=str(column.name), kind=kind, missing=int(column.isna().sum()), distinct=int(column.nunique())
    )


def is_identifier(column: pd.Series) -> bool:
    """Whether a text column is as good as unique and without words: a key, of no use to a model."""
    values = column.dropna()
    sample = spread_sample(values).astype(str)
    return bool(values.nunique() >= 0.95 * len(values) and sample.str.count(r"\s").mean() < 0.5)


def conform(frame: pd.DataFrame, columns: tuple[Column, ...]) -> tuple[pd.DataFrame, list[str]]:
    """The columns that a model needs, in its order and types, and warnings. Raises Refused(COLUMN_MISSING).

    What can't be read as the training type becomes a missing value, and a warning counts it.
    """
    missing = [column.name for column in columns if column.name not in frame.columns]
    if missing:
        have = [str(name) for name in frame.columns]
        near = [name for wanted in missing for name in nearest(wanted, have, 1)]
        raise Refused(
            ProblemCode.COLUMN_MISSING,
            f"The model needs {'columns' if len(missing) > 1 else 'the column'} {listed(missing)}, "
            "which the file does not have.",
            subject=clip(", ".join(missing), 2000),
            suggestions=near,
        )
    notes, converted = [], {}
    for column in columns:
        before = frame[column.name]
        converted[column.name] = after = _convert(before, column)
        lost = int(after.isna().sum() - before.isna().sum())
        if lost > 0:
            notes.append(
                f"Column '{clip(column.name, 80)}' was a {column.kind} in training; "
                f"{lost} of {len(before)} values are not, and count as missing."
            )
    return pd.DataFrame(converted, index=frame.index), notes


def spread_sample(values: pd.Series) -> pd.Series:
    """At most 1,000 values, evenly spread: the first rows of a sorted file would mislead."""
    step = max(1, len(values) // _SAMPLE)
    return values.iloc[::step].iloc[:_SAMPLE]


def _same_everywhere(column: pd.Series, values: pd.Series) -> bool:
    # A gap is a value too: "yes or nothing" can tell something.
    return len(values) == len(column) and bool((values == values.iloc[0]).all())


def _are_codes(values: pd.Series) -> bool:
    return is_whole(values) and 2 < values.nunique() <= min(_MOST_CODES, len(values) / _ROWS_OF_A_CODE)


def _is_boolean(values: pd.Series) -> bool:
    if values.dtype == object:
        return pd.api.types.infer_dtype(values) == "boolean"
    return pd.api.types.is_bool_dtype(values.dtype)


def _are_compact_dates(values: pd.Series) -> bool:
    """Whether numbers are dates written as 20240105. Of other numbers in that range one in 27 is a date."""
    sample = spread_sample(values)
    if not is_whole(sample) or not sample.between(18000101, 22001231).all():
        return False
    return bool(sample.nunique() > 1 and to_dates(as_text(sample), COMPACT).notna().mean() >= 0.99)


def _convert(values: pd.Series, column: Column) -> pd.Series:
    if column.kind == "date":
        if pd.api.types.is_numeric_dtype(values.dtype) and column.date_format == COMPACT:
            return to_dates(as_text(values), COMPACT)
        if pd.api.types.is_numeric_dtype(values.dtype):  # a year alone, a serial number: not what was trained on
            return pd.Series(pd.NaT, index=values.index, dtype=DATE_TYPE)
        return to_dates(values, column.date_format)
    if column.kind in ("category", "text"):
        return as_text(values)
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        return pd.Series(values.dt.total_seconds())
    if values.dtype == bool:
        return values.astype(float)
    if not pd.api.types.is_numeric_dtype(values.dtype):
        values = pd.to_numeric(values.map(_as_number), errors="coerce").astype(float)
    if pd.api.types.is_float_dtype(values.dtype):
        finite = np.isfinite(values.to_numpy(dtype=float, na_value=np.nan))
        return values if finite.all() else values.where(finite)
    return values


def as_text(values: pd.Series) -> pd.Series:
    """Text, gaps kept. A whole number reads the same whether or not gaps or fractions made its column a float one."""
    if pd.api.types.is_float_dtype(values.dtype):
        known = values.dropna()
        whole = (known == known.round()) & (known.abs() < 2**53)
        if len(known) and bool(whole.all()):
            values = values.astype("Int64")
        elif whole.any():
            texts = values.astype("str")
            texts[whole.index[whole]] = known[whole].astype("int64").astype("str")
            return texts
    return values.astype("str")


def _as_number(value: object) -> object:
    if isinstance(value, bool | np.bool_):
        return float(value)
    if isinstance(value, str):
        return {"true": 1.0, "false": 0.0}.get(value.strip().lower(), value)
    return value
