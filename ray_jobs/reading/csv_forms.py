"""How a CSV is written, told from its beginning: encoding, delimiter, where its header is."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

from ray_jobs.reading.blocks import RECORD_LIMIT
from ray_jobs.reading.contents import decode, known_content, looks_binary

_DELIMITERS = (",", ";", "\t", "|")
_MOST_LINES_ABOVE = 20
_ROWS_LOOKED_AT = 100
_SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?\r?\n', re.IGNORECASE)
_NUMBER = re.compile(r"^[+-]?[0-9.,]*[0-9][0-9.,]*(e[+-]?[0-9]+)?$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class CsvForm:
    """How one CSV is written."""

    delimiter: str  #: " " stands for any number of spaces
    encoding: str
    header: tuple[str, ...]  #: as it stands in the file
    header_end: int  #: how many bytes of UTF-8 the header takes, and all above it
    lines_above: int = 0  #: left out above the header
    trailing_delimiter: bool = False  #: every row ends with a delimiter that the header lacks
    row_names: bool = False  #: the rows have one leading field more than the header
    padded: bool = False  #: a space follows each delimiter
    nameless: bool = False  #: the header is all numbers: maybe there is none
    decimal: str = "."  #: told by all columns together, when a sample is read

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each column, as the header has them."""
        return ("row name", *self.header) if self.row_names else self.header

    @property
    def fields(self) -> int:
        """Fields of a whole row."""
        return len(self.names) + self.trailing_delimiter


class NotCsv(Exception):
    """The bytes are not a CSV; the message says what they are instead, as the end of a sentence."""


def sniff_csv(head: bytes, *, whole: bool) -> CsvForm:
    """How the CSV that begins with `head` is written; `whole` where that is all of it. Raises NotCsv."""
    if content := known_content(head):
        raise NotCsv(content)
    csv.field_size_limit(RECORD_LIMIT)
    encoding, text = decode(head)
    text = text.removeprefix("\ufeff")
    if looks_binary(text):
        raise NotCsv("something that is not text")
    above = _SEPARATOR_LINE.match(text)
    begin = above.end() if above else 0
    sample = _sample(text[begin:], whole)
    delimiter = above[1] if above else _delimiter(sample)
    padded = delimiter != " " and _is_padded(sample, delimiter)
    try:
        rows, ends = _rows(sample, delimiter, padded)
    except csv.Error as error:
        raise NotCsv("a line that is longer than any table's") from error
    if not rows:
        raise NotCsv("nothing but blank space")
    place = _header_place(rows)
    header, below = rows[place], rows[place + 1 :]
    more = _usual_width(below) - len(header) if below else 0
    trailing = more == 1 and all(row[-1].strip() == "" for row in below if len(row) == len(header) + 1)
    return CsvForm(
        delimiter=delimiter,
        encoding=encoding,
        header=tuple(header),
        header_end=len(text[: begin + ends[place]].encode("utf-8", "replace")),
        lines_above=place,
        trailing_delimiter=trailing,
        row_names=more == 1 and not trailing,
        padded=padded,
        nameless=all(_is_number(name) for name in header),
    )


def _sample(text: str, whole: bool) -> str:
    """The first lines; the last of them may be cut in the middle, and is left out."""
    lines = io.StringIO(text, newline="").readlines()
    wanted = _ROWS_LOOKED_AT + _MOST_LINES_ABOVE
    return "".join(lines[:wanted] if whole or len(lines) > wanted else lines[:-1] or lines)


def _rows(sample: str, delimiter: str, padded: bool) -> tuple[list[list[str]], list[int]]:
    """The rows that are not blank, and where in the sample each ends."""
    rows, ends, at = [], [], 0
    lengths: list[int] = []

    def lines() -> list[str]:
        found = io.StringIO(sample, newline="").readlines()
        lengths.extend(len(line) for line in found)
        return found

    reader = csv.reader(lines(), delimiter=delimiter, skipinitialspace=padded or delimiter == " ")
    done = 0
    for row in reader:
        at += sum(lengths[done : reader.line_num])
        done = reader.line_num
        if delimiter == " ":
            row = row[row[:1] == [""] : len(row) - (row[-1:] == [""] and len(row) > 1)]
        if row and not (len(row) == 1 and not row[0].strip()):
            rows.append(row)
            ends.append(at)
    return rows, ends


def _usual_width(rows: list[list[str]]) -> int:
    return Counter(len(row) for row in rows).most_common(1)[0][0]


def _header_place(rows: list[list[str]]) -> int:
    """Below titles and remarks, which have one field where rows have many."""
    width = _usual_width(rows)
    if width < 3:
        return 0
    return next((n for n, row in enumerate(rows[:_MOST_LINES_ABOVE]) if len(row) >= max(width - 1, 2)), 0)


def _is_padded(sample: str, delimiter: str) -> bool:
    fields = sample.count(delimiter)
    return fields > 0 and sample.count(delimiter + " ") >= 0.9 * fields


def _delimiter(sample: str) -> str:
    """The delimiter that splits the most lines into as many fields as is usual, then the one that gives most fields.
    Where none splits them evenly, there is one column, and its delimiter one that does not occur.
    """
    best, best_score = "", (False, 0.0, False, False, 0)
    for delimiter in _DELIMITERS:
        try:
            rows, _ = _rows(sample, delimiter, padded=_is_padded(sample, delimiter))
        except csv.Error:
            continue
        width = _usual_width(rows) if rows else 0
        place = _header_place(rows) if rows else 0
        if width < 2 or len(rows[place]) < width - 1:
            continue
        alike = sum(abs(len(row) - width) <= 1 for row in rows) / len(rows)
        # Of `"a,|b"` between commas a bar makes one endless row; of `1,5;2,5` a comma makes three fields, but not of
        # the header.
        score = (len(rows) > 1, round(alike, 1), place == 0, len(rows[place]) == width, width)
        if score > best_score:
            best, best_score = delimiter, score
    if best:
        return best
    if _is_spaced(sample):
        return " "
    return next((delimiter for delimiter in _DELIMITERS if delimiter not in sample), ",")


def _is_spaced(sample: str) -> bool:
    """Columns that stand apart by spaces: every line has the same number of them, and one is of numbers."""
    rows = [line.split() for line in sample.splitlines() if line.strip()]
    if len(rows) < 3 or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return False
    return any(all(_is_number(value) for value in column) for column in zip(*rows[1:], strict=True))


def _is_number(text: str) -> bool:
    # A long run of digits would take the pattern very long.
    return len(text) <= 64 and _NUMBER.match(text.strip()) is not None
