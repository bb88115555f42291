"""Rows typed in the chat, read as the columns of a model."""

from __future__ import annotations

import re

import pandas as pd

from ray_jobs.dates import date_format_of, to_dates
from ray_jobs.manifest import Manifest, Seen
from ray_jobs.predict.checks import target_in
from ray_jobs.predict.kept import CsvRows
from ray_jobs.predict.notes import Notes, Weight
from ray_jobs.predict.pieces import Piece
from ray_jobs.problems import Refused, clip, listed, nearest
from ray_jobs.reading.standing import Line
from ray_jobs.schema import Column, conform
from ray_jobs.spec import ProblemCode, RowsData

#: What a person types for nothing.
_GAPS = {"", "?", "-", "na", "n/a", "nan", "none", "null", "missing"}
_TRUE, _FALSE = {"true", "yes", "y", "on", "1"}, {"false", "no", "n", "off", "0"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
#: 1,234.5 and 1.234.567 and 1 234,5: a mark between thousands, and maybe another before the fraction.
_GROUPED = re.compile(r"([+-]?\d{1,3}([.,' _\u2019\u2009\u00a0\u202f])\d{3}(?:\2\d{3})*)(?:([.,])(\d*))?")


def typed_piece(data: RowsData, manifest: Manifest, notes: Notes) -> tuple[tuple[str, ...], Piece]:
    """The columns that were typed, in the order in which they first came, and the rows. Raises Refused(COLUMN_MISSING,
    COLUMN_TYPE).
    """
    rows = _named_rows(data, manifest)
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    _check_given(names, manifest, notes)
    seen = {column.name: column for column in manifest.seen}
    columns = {}
    for column in manifest.columns:
        texts = [row.get(column.name, "") for row in rows]
        columns[column.name] = _values(texts, column, seen.get(column.name), notes)
    frame, _ = conform(pd.DataFrame(columns), manifest.columns)
    truth = None
    if target := target_in({manifest.target: manifest.target} if manifest.target in names else {}, manifest):
        values = _values([row.get(target.name, "") for row in rows], target, None, notes)
        truth = conform(pd.DataFrame({target.name: values}), (target,))[0][target.name]
    kept: list[Line] = [[row.get(name, "") for name in names] for row in rows]
    return names, Piece(frame=frame, truth=truth, kept=CsvRows(lines=kept, delimiter=","))


def _named_rows(data: RowsData, manifest: Manifest) -> list[dict[str, str]]:
    """The rows by the model's names, of which upper and lower case are the same where just one is meant. Raises
    Refused(COLUMN_MISSING) for a name that is none.
    """
    known = [*(column.name for column in manifest.columns), manifest.target]
    folded: dict[str, list[str]] = {}
    for name in known:
        folded.setdefault(name.casefold(), []).append(name)
    rows = []
    for typed in data.rows:
        row = {}
        for name, value in typed.items():
            alike = [name.strip()] if name.strip() in known else folded.get(name.strip().casefold(), [])
            if len(alike) != 1:
                raise Refused(
                    ProblemCode.COLUMN_MISSING,
                    f"The model has no column '{clip(name, 80)}'.",
                    subject=name,
                    suggestions=alike or nearest(name, known) or known[:10],
                )
            row[alike[0]] = value.strip()
        rows.append(row)
    return rows


def _check_given(names: tuple[str, ...], manifest: Manifest, notes: Notes) -> None:
    known = [column.name for column in manifest.columns]
    missing = [name for name in known if name not in names]
    if len(missing) == len(known):
        raise Refused(
            ProblemCode.COLUMN_MISSING,
            f"None of the model's columns has a value; it was trained on {listed(known)}.",
            subject=clip(", ".join(known), 2000),
            suggestions=known[:10],
        )
    if missing:
        they = "it counts" if len(missing) == 1 else "they count"
        notes.add(Weight.COLUMNS, f"Not given, so {they} as missing: {listed(missing)}.")


def _values(texts: list[str], column: Column, seen: Seen | None, notes: Notes) -> pd.Series:
    known = [None if text.lower() in _GAPS else text for text in texts]
    if column.kind == "date":
        dates = [None if text is None else read_date(text, column) for text in known]
        return pd.Series(dates, dtype="datetime64[us]")
    if column.kind == "number":
        numbers = [None if text is None else read_number(text, column, seen, notes) for text in known]
        return pd.Series(numbers, dtype=float)
    if column.kind == "boolean":
        return pd.Series([None if text is None else _truth(text, column) for text in known], dtype=float)
    # Only what can't be a category is a gap: "none" may well be one.
    kept = [text if text and (text in _named(seen) or text.lower() not in _GAPS) else None for text in texts]
    return pd.Series([_known_spelling(text, seen) for text in kept], dtype="str")


def read_number(text: str, column: Column, seen: Seen | None, notes: Notes) -> float:
    """A number with a point or a comma: of both the last is the decimal mark, one alone is one, several of the same
    kind divide thousands, and so do spaces. Raises Refused(COLUMN_TYPE).
    """
    plain = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    if match := _GROUPED.fullmatch(text):
        whole, mark, decimal, fraction = match.groups()
        alone = whole.count(mark) == 1 and not decimal
        # One mark alone is a decimal mark, unless training saw only numbers like the other reading's.
        if (not alone or mark not in ",.") and decimal != mark:
            plain = whole.replace(mark, "") + (f".{fraction}" if decimal else "")
        elif alone and mark == "," and whole.lstrip("+-")[0] != "0" and _is_thousands(text, seen):
            plain = text.replace(",", "")
            note = f"'{text}' in '{clip(column.name, 80)}' was read as {plain}, as training saw such numbers."
            notes.add(Weight.VALUES, note)
    if not _NUMBER.fullmatch(plain) or abs(float(plain)) == float("inf"):
        raise _unreadable(text, column, "a number")
    return float(plain)


def read_date(text: str, column: Column) -> pd.Timestamp:
    """A date as the training table wrote them, or in another usual form. Raises Refused(COLUMN_TYPE)."""
    values = pd.Series([text])
    for form in (column.date_format or "ISO8601", date_format_of(values)):
        found = to_dates(values, form)[0] if form else pd.NaT
        if isinstance(found, pd.Timestamp):
            return found
    raise _unreadable(text, column, "a date (like 2024-12-31)")


def _is_thousands(text: str, seen: Seen | None) -> bool:
    """Whether only reading the comma as a divider of thousands gives a number that training saw the like of."""
    if seen is None or not seen.quantiles:
        return False
    low, high = seen.quantiles[0], seen.quantiles[-1]
    return low <= float(text.replace(",", "")) <= high and not low <= float(text.replace(",", ".")) <= high


def _truth(text: str, column: Column) -> float:
    if text.lower() in _TRUE | _FALSE:
        return float(text.lower() in _TRUE)
    raise _unreadable(text, column, "yes or no")


def _known_spelling(text: str | None, seen: Seen | None) -> str | None:
    """The category that differs in upper and lower case alone, where training knew just one such."""
    if text is None or text in _named(seen):
        return text
    alike = [name for name in _named(seen) if name.casefold() == text.casefold()]
    return alike[0] if len(alike) == 1 else text


def _named(seen: Seen | None) -> dict[str, float]:
    return dict(seen.categories) if seen else {}


def _unreadable(text: str, column: Column, wanted: str) -> Refused:
    return Refused(
        ProblemCode.COLUMN_TYPE,
        f"'{clip(text, 80)}' can't be read as {wanted}, which column '{clip(column.name, 80)}' needs.",
        subject=column.name,
    )
