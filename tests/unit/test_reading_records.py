"""Where records end: held against Python's own reader of CSVs."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_jobs.reading.records import Cutter

_FIELD = st.text(alphabet='ab ",\n\r', max_size=6)
_ROWS = st.lists(st.lists(_FIELD, min_size=1, max_size=4), min_size=1, max_size=8)
_END = st.sampled_from(["\n", "\r\n"])


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@given(_ROWS, _END)
@settings(max_examples=60, deadline=None)
def test_well_written_text_is_cut_where_records_end(rows: list[list[str]], end: str) -> None:
    made = io.StringIO(newline="")
    csv.writer(made, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    text = made.getvalue().encode()
    cutter = Cutter(",")
    assert cutter.end(text) == (len(text), True)
    for cut in range(len(text)):
        at, _ = cutter.end(text[:cut])
        assert at <= cut
        # What is before and what is after, read apart, are the rows; a line end of two characters may be cut in two.
        parts = [row for part in (text[:at], text[at:]) for row in rows_of(part.decode()) if row]
        assert parts == [row for row in rows_of(text.decode()) if row]


@given(st.text(alphabet='a",\n', max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_is_cut_where_its_reader_would(text: str) -> None:
    whole = rows_of(text)
    at, _ = Cutter(",").end(text.encode())
    assert rows_of(text[:at]) + rows_of(text[at:]) == whole


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        (b"tail,1\nnext,2\n", 7),
        (b'tail",1\nnext,2\n', 8),
        (b'in a\nquote",1\n"a\nb",2\n', 14),
        (b'x,"a\nb",2\nnext,1\n', 10),
        (b"no end", None),
    ],
)
def test_the_first_record_of_a_piece_from_the_middle(text: bytes, begin: int | None) -> None:
    assert Cutter(",").begin(text) == begin
