"""What written values mean: missing markers, numbers in the styles of the world, true and false; and of which type a
column of them is. All by whole columns, in Arrow's kernels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

#: A value that is just this is missing: pandas' own list, and what people and programs write besides.
MISSING = (
    *(
        "",
        " ",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
    ),
    *("NULL", "NaN", "None", "n/a", "nan", "null"),
    *("?", "-", "--", "none", "NONE", "Null", "NAN", "na", "N/a", "n.a.", "#VALUE!", "#DIV/0!", "#REF!", "#NAME?"),
)
TRUE, FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")

_MISSING = pa.array(MISSING)
_TRUE, _FALSE = pa.array(TRUE), pa.array(FALSE)
_WHOLE = r"^[+-]?[0-9]{1,19}$"
_LEADING_ZERO = r"^0[0-9]+$"
_PLAIN_START = re.compile(r"^\s*[+-]?[0-9.,]|^\s*[+-]?inf", re.IGNORECASE)
#: Marks between thousands: an ordinary, a no-break and a narrow no-break space, an apostrophe.
_SPACES = " \u00a0\u202f'\u2019"


@dataclass(frozen=True, kw_only=True)
class NumberStyle:
    """How numbers are written: `1,234.5`, `1.234,5`, `1 234,5`."""

    decimal: str = "."
    thousands: str = ""  #: the characters of which one may stand between thousands

    @property
    def number(self) -> str:
        """The pattern of a number."""
        mark = re.escape(self.decimal)
        digits = "[0-9]+"
        if self.thousands:
            between = f"[{re.escape(self.thousands)}]"
            digits = f"(?:[0-9]+|[0-9]{{1,3}}(?:{between}[0-9]{{3}})+)"
        return rf"^[+-]?(?:{digits}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]{{1,3}})?$|^(?i)[+-]?inf(?:inity)?$"


PLAIN = NumberStyle()
_EUROPEAN = NumberStyle(decimal=",")
#: A number that can only be of this style, and which it then is.
_TELLING: tuple[tuple[str, NumberStyle], ...] = (
    (r"^[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+$", NumberStyle(decimal=",", thousands=".")),
    (r"^[+-]?[0-9]{1,3}(?:\.[0-9]{3}){2,}$", NumberStyle(decimal=",", thousands=".")),
    (r"^[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+$", NumberStyle(thousands=",")),
    (r"^[+-]?[0-9]{1,3}(?:,[0-9]{3}){2,}$", NumberStyle(thousands=",")),
    (rf"^[+-]?[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+,[0-9]+$", NumberStyle(decimal=",", thousands=_SPACES)),
    (rf"^[+-]?[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+(?:\.[0-9]+)?$", NumberStyle(thousands=_SPACES)),
    (r"^[+-]?(?:[0-9]*,(?:[0-9]{1,2}|[0-9]{4,})|0,[0-9]+|[0-9]{4,},[0-9]+)$", _EUROPEAN),
    (r"^[+-]?(?:[0-9]*\.(?:[0-9]{1,2}|[0-9]{4,})|0\.[0-9]+|[0-9]{4,}\.[0-9]+)$", PLAIN),
)
_STYLED_COLUMNS = 300  #: are looked at, at most
_THREE = r"^[+-]?[0-9]{1,3},[0-9]{3}$"


def style_of(columns: list[pa.Array], delimiter: str) -> NumberStyle:
    """The style in which the most columns are written of those that tell one. `1,234` alone does not tell: it counts
    as 1234 where commas divide the fields, so that it had to be quoted, and as 1.234 elsewhere.
    """
    votes: dict[NumberStyle, int] = {}
    unsure = 0
    for column in columns[:: len(columns) // _STYLED_COLUMNS + 1]:
        values = pc.drop_null(column.slice(0, 4000))
        if not len(values) or not _PLAIN_START.match(values[0].as_py()):
            continue
        values = pc.utf8_trim_whitespace(values.slice(0, 2000))
        for pattern, style in _TELLING:
            # Alone a column of these may hold plain numbers besides: `12` and `1.234,5`.
            if pc.any(pc.match_substring_regex(values, pattern)).as_py() and _all(values, style.number):
                votes[style] = votes.get(style, 0) + 1
                break
        else:
            unsure += _all(values, f"{_THREE}|{_WHOLE}") and not _all(values, _WHOLE)
    if unsure and not votes:
        return NumberStyle(thousands=",") if delimiter == "," else _EUROPEAN
    if not votes:
        return PLAIN
    decimals = {mark: sum(n for style, n in votes.items() if style.decimal == mark) for mark in ".,"}
    decimal = max(decimals, key=lambda mark: decimals[mark])
    alike = [style for style in votes if style.decimal == decimal and style.thousands]
    marks = "".join(dict.fromkeys("".join(style.thousands for style in alike)))
    if unsure and decimal == "." and "," not in marks:
        marks += ","
    return NumberStyle(decimal=decimal, thousands=marks)


def without_markers(column: pa.Array) -> pa.Array:
    """Text with its missing markers as nulls."""
    return pc.if_else(pc.is_in(column, value_set=_MISSING), pa.scalar(None, column.type), column)


def type_of(column: pa.Array, style: NumberStyle) -> pa.DataType:
    """The type of a text column whose missing values are null: null, bool, int64, float64 or string.

    Whole numbers of which one has a leading zero are codes, and stay text; so do those that no int64 holds.
    """
    values = pc.drop_null(column)
    if not len(values):
        return pa.null()
    first = values[0].as_py()
    if not first.strip():  # nothing but spaces: look at what else there is
        values = pc.drop_null(without_markers(pc.utf8_trim_whitespace(values)))
        if not len(values):
            return pa.string()
        first = values[0].as_py()
    if first.strip() in TRUE + FALSE:
        return pa.bool_() if _all_in(values, (*TRUE, *FALSE)) else pa.string()
    if not _PLAIN_START.match(first) and not (style.decimal == "," and first.strip()[:1] in ",-+"):
        return pa.string()
    return _plain_number(values) if style == PLAIN else _number(values, style)


def _plain_number(values: pa.Array) -> pa.DataType:
    """As `_number`, but without patterns where that is possible: a table may have 20,000 columns."""
    if not pc.any(pc.starts_with(values, "0")).as_py():
        if _cast(values, pa.int64()) is not None:
            return pa.int64()
        if pc.any(pc.match_substring(values, ".")).as_py() and _cast(values, pa.float64()) is not None:
            return pa.float64()
    return _number(values, PLAIN)


def _number(values: pa.Array, style: NumberStyle) -> pa.DataType:
    values = pc.drop_null(without_markers(pc.utf8_trim_whitespace(values)))
    if pc.any(pc.match_substring_regex(values, _LEADING_ZERO)).as_py():
        return pa.string()
    if _all(values, _WHOLE):
        return pa.int64() if _cast(pc.utf8_ltrim(values, characters="+"), pa.int64()) is not None else pa.string()
    if not _all(values, style.number):
        return pa.string()
    return pa.float64() if pc.any(pc.match_substring_regex(values, r"[^0-9+\-]")).as_py() else pa.string()


def converted(column: pa.Array, to: pa.DataType, style: NumberStyle, *, strict: bool) -> tuple[pa.Array, int]:
    """A text column whose missing values are null, in another type, and how many values did not fit and are null now.

    Not `strict`, whole numbers that turn out not to be become float64.
    """
    if pa.types.is_string(to):
        return column, 0
    if pa.types.is_null(to):
        return pa.nulls(len(column)), len(column) - column.null_count
    if style == PLAIN and not pa.types.is_boolean(to) and (quick := _cast(column, to)) is not None:
        return quick, 0
    values = without_markers(pc.utf8_trim_whitespace(column))
    if pa.types.is_boolean(to):
        true, false = pc.is_in(values, value_set=_TRUE), pc.is_in(values, value_set=_FALSE)
        made = pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_()))
    else:
        made = _numbers(values, to, style, strict)
    return made, made.null_count - values.null_count


def _numbers(values: pa.Array, to: pa.DataType, style: NumberStyle, strict: bool) -> pa.Array:
    kept = pc.if_else(pc.match_substring_regex(values, style.number), values, pa.scalar(None, pa.string()))
    if style.thousands:
        kept = pc.replace_substring_regex(kept, f"[{re.escape(style.thousands)}]", "")
    if style.decimal != ".":
        kept = pc.replace_substring(kept, style.decimal, ".")
    kept = pc.utf8_ltrim(kept, characters="+")
    if pa.types.is_integer(to):
        whole = pc.match_substring_regex(kept, _WHOLE)
        if strict:
            kept = pc.if_else(whole, kept, pa.scalar(None, pa.string()))
        elif not pc.all(whole).as_py():
            return kept.cast(pa.float64())
        made = _cast(kept, to)
        return kept.cast(pa.float64()) if made is None else made
    return kept.cast(to)


def _cast(values: pa.Array, to: pa.DataType) -> pa.Array | None:
    try:
        return values.cast(to)
    except pa.ArrowInvalid:
        return None


def _all(values: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _all_in(values: pa.Array, allowed: tuple[str, ...]) -> bool:
    values = without_markers(pc.utf8_trim_whitespace(values))
    return bool(pc.all(pc.is_in(pc.drop_null(values), value_set=pa.array(allowed))).as_py())
