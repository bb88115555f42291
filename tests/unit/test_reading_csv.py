"""The forms that CSVs come in, and what becomes of their values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ray_jobs.spec import ProblemCode
from tests.support.readings import Shelf

_NAN = float("nan")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "data").mkdir()
    return Shelf(tmp_path / "data")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('a,b\n1,"x\ny"\n2,z\n', {"a": [1, 2], "b": ["x\ny", "z"]}),
        ('a,b\n1,"x, ""y"""\n2,z', {"a": [1, 2], "b": ['x, "y"', "z"]}),
        ("a,b\r1,2\r3,4\r", {"a": [1, 3], "b": [2, 4]}),
        ("a,b\r\n1,2\r\n3,4", {"a": [1, 3], "b": [2, 4]}),
        ("a,b\n1,2\r3,4\r\n5,6", {"a": [1, 3, 5], "b": [2, 4, 6]}),
        ("\n\na,b\n\n1,2\n  \n3,4\n\n", {"a": [1, 3], "b": [2, 4]}),
        ("a,b\n1,x\n\ufeff2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
        ('a,b\n1,5" pipe\n2,"x"y\n3,z"\n', {"a": [1, 2, 3], "b": ['5" pipe', "xy", 'z"']}),
        ('"a\nb",c\n1,2\n', {"a b": [1], "c": [2]}),
        ('a,b\n"x,|y","1,|2"\n"z,|w",2\n', {"a": ["x,|y", "z,|w"], "b": ["1,|2", "2"]}),
        ("Report of 2024\n\na,b,c\n1,2,3\n4,5,6\n", {"a": [1, 4], "b": [2, 5], "c": [3, 6]}),
        ("sep=;\na;b\n1;x, y\n", {"a": [1], "b": ["x, y"]}),
        ("a  b   c\n1  2   x\n10 20  yy\n3 4 z\n", {"a": [1, 10, 3], "b": [2, 20, 4], "c": ["x", "yy", "z"]}),
        ("text\nhello, world\nfoo\na,b,c\n", {"text": ["hello, world", "foo", "a,b,c"]}),
        ("x\n1\n\n2\n3", {"x": [1, 2, 3]}),
        ('age, job\n39, Gov\n50, ?\n38, "Private, x"\n', {"age": [39, 50, 38], "job": ["Gov", _NAN, "Private, x"]}),
        (" age,   job\n 39,   Gov\n50, ?\n\n 38,  x y \n", {"age": [39, 50, 38], "job": ["Gov", _NAN, "x y "]}),
        ("x,x,,x.1, y \n1,2,3,4,5\n", {"x": [1], "x.1": [2], "column 3": [3], "x.1.1": [4], "y": [5]}),
        ("a,b,\n1,2,\n", {"a": [1], "b": [2], "column 3": [_NAN]}),
        ("a;b\n1;hello, you\n2;a, b\n", {"a": [1, 2], "b": ["hello, you", "a, b"]}),
        ("a\tb\n1,5\t2\n2,5\t3\n", {"a": [1.5, 2.5], "b": [2, 3]}),
        ("a,b,c\n1,2\n3,4,5\n", {"a": [1, 3], "b": [2, 4], "c": [_NAN, 5.0]}),
    ],
)
def test_how_rows_and_fields_stand_apart(shelf: Shelf, content: str, expected: dict[str, list[object]]) -> None:
    frame = shelf.frame("t.csv", content)
    pd.testing.assert_frame_equal(frame, pd.DataFrame(expected), check_column_type=False)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-2", "+3"], [1, -2, 3]),
        (["1", "", "3"], [1.0, _NAN, 3.0]),
        (["1.5", ".5", "5.", "1e3", "-inf"], [1.5, 0.5, 5.0, 1000.0, -np.inf]),
        (["00123", "12345", "7"], ["00123", "12345", "7"]),
        (["0", "10", "0.5"], [0.0, 10.0, 0.5]),
        (["99999999999999999999", "5"], ["99999999999999999999", "5"]),
        (["9007199254740993", "1"], [9007199254740993, 1]),
        (["1'234.5", "7"], [1234.5, 7.0]),
        (["1.234,5", "7"], [1234.5, 7.0]),
        (["1 234 567", "7"], [1234567.0, 7.0]),
        (["0,125", "12,5"], [0.125, 12.5]),
        (["1,234", "5,678"], [1.234, 5.678]),
        (["1.2.3", "4"], ["1.2.3", "4"]),
        (["0x1F", "2"], ["0x1F", "2"]),
        (["5%", "6"], ["5%", "6"]),
        (["2024-01-05", "2024-01-06"], ["2024-01-05", "2024-01-06"]),
        (["true", "False", "TRUE"], [True, False, True]),
        (["true", "NA"], [True, None]),
        (["1", " ", "2"], [1.0, _NAN, 2.0]),
        (["1", "?", "-", "--", "n/a", "NA", "none", "null", "NULL", "None", "nan"], [1.0] + [_NAN] * 10),
        (["-", "NA"], [_NAN, _NAN]),
    ],
)
def test_what_values_mean(shelf: Shelf, values: list[str], expected: list[object]) -> None:
    frame = shelf.frame("t.csv", "a;b\n" + "".join(f"{value};x\n" for value in values))
    dtype = None if all(value is None or isinstance(value, bool) for value in expected) else pd.Series(expected).dtype
    pd.testing.assert_series_equal(
        frame["a"], pd.Series(expected, name="a", dtype=dtype), check_dtype=dtype is not None
    )


def test_a_comma_that_had_to_be_quoted_stands_between_thousands(shelf: Shelf) -> None:
    assert shelf.frame("t.csv", 'a,b\n"1,234",x\n"5,678",y\n')["a"].tolist() == [1234.0, 5678.0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings(shelf: Shelf, encoding: str) -> None:
    rows = 40_000
    text = "name;größe\n" + "".join(f"Jürgen {n};{n},5\n" for n in range(rows))
    frame = shelf.frame("t.csv", text.encode(encoding))
    assert list(frame.columns) == ["name", "größe"]
    assert frame["name"].iloc[-1] == f"Jürgen {rows - 1}"
    assert frame["größe"].sum() == sum(n + 0.5 for n in range(rows))
    with shelf.opened("t.csv") as source:
        about, exact = source.rows()
        assert exact or abs(about - rows) < rows / 10
        assert [row for piece in source.raw_batches() for row in piece][-1] == [f"Jürgen {rows - 1}", f"{rows - 1},5"]
        assert source.sample(500)["name"].str.startswith("Jürgen ").all()
        assert ("Windows-1252" in " ".join(source.warnings)) == (encoding == "cp1252")


def test_a_line_in_another_encoding_deep_in_the_file(shelf: Shelf) -> None:
    content = b"a,b\n" + "3,ü\n".encode() * 100_000 + "1,ö\n".encode("cp1252")
    assert shelf.frame("t.csv", content)["b"].iloc[-1] == "ö"
    assert "Some lines are not in UTF-8" in shelf.warnings("t.csv")


def test_zero_bytes_at_the_end_are_no_row_and_within_a_value_are_kept(shelf: Shelf) -> None:
    rows = b"3,w\n" * 100_000
    assert len(shelf.frame("t.csv", b"a,b\n" + rows + bytes(5000))) == 100_000
    assert shelf.frame("t.csv", b"a,b\n" + rows + b"1,x\0y\n")["b"].iloc[-1] == "x\0y"


def test_a_column_that_turns_to_text_late_is_text_throughout(shelf: Shelf) -> None:
    rows = 500_000
    content = "a,b\n" + "".join(f"{n},{n}\n" for n in range(rows)) + "x,1.5\n"
    frame = shelf.frame("t.csv", content)
    assert frame["a"].dtype == "str"
    assert (frame["a"].iloc[0], frame["a"].iloc[-1]) == ("0", "x")
    assert frame["b"].dtype == np.float64
    # In pieces the type was settled before the last row came.
    assert "Column 'a': 1 value does not fit" in shelf.warnings("t.csv")
    with shelf.opened("t.csv") as source:
        pieces = list(source.batches())
    assert {piece["a"].dtype for piece in pieces} == {np.dtype(float)}
    assert pieces[-1]["a"].isna().tolist()[-2:] == [False, True]


def test_raw_rows_stand_as_they_were_written(shelf: Shelf) -> None:
    content = 'zip,x,y,\n007, 1.50,"a\nb",\n\n08,NA,"c ""d""",\n1,2\n'
    shelf.put("t.csv", content)
    with shelf.opened("t.csv") as source:
        assert list(source.raw_batches(rows=2)) == [
            [["007", " 1.50", "a\nb", ""], ["08", "NA", 'c "d"', ""]],
            [["1", "2", "", ""]],
        ]
        assert [len(piece) for piece in source.batches(rows=2)] == [2, 1]
    shelf.put("t.tsv", "a\tb\n1\t2\t\n3\t4\t\n")
    with shelf.opened("t.tsv") as source:
        assert list(source.raw_batches()) == [[["1", "2"], ["3", "4"]]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a,b\n1,2\n1,2,3,4,5\n", ProblemCode.NOT_THIS_FORMAT),
        (b'a,b\n1,"2\n3,4\n', ProblemCode.NOT_THIS_FORMAT),
        (b"a,b\n1,2\n" + b"3,4\n" * 200_000 + b"5,6,7\n", ProblemCode.NOT_THIS_FORMAT),
        (b"a,b\n1,x\0y\n", ProblemCode.NOT_THIS_FORMAT),
        (b"a,b\n1," + b"x" * (40 << 20), ProblemCode.NOT_THIS_FORMAT),
        (b'a,b\n1,"' + b"x\n" * (20 << 20), ProblemCode.NOT_THIS_FORMAT),
        ("a,b\n".encode("utf-16"), ProblemCode.NO_ROWS),
        (b"\xef\xbb\xbf\n", ProblemCode.FILE_EMPTY),
        (b"a,b", ProblemCode.NO_ROWS),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_csv(shelf: Shelf, content: bytes, code: ProblemCode) -> None:
    assert shelf.refusal("t.csv", content).code is code


def test_twenty_thousand_columns(shelf: Shelf) -> None:
    width = 20_000
    header = ",".join(f"c{n}" for n in range(width))
    row = ",".join(str(n / 2) for n in range(width))
    frame = shelf.frame("t.csv", f"{header}\n{row}\n{row}\n{row}\n")
    assert frame.shape == (3, width)
    assert frame.iloc[2, -1] == (width - 1) / 2


def test_long_names_and_long_texts(shelf: Shelf) -> None:
    names = [f"column {number} {'x' * 180}" for number in range(2000)]
    row = ",".join(["1"] * 2000)
    assert shelf.frame("t.csv", ",".join(names) + f"\n{row}\n{row}\n").shape == (2, 2000)
    text = "word " * 100_000
    frame = shelf.frame("t.csv", f'id,text\n1,"{text}\n{text}"\n2,{text}\n3,x\n')
    assert frame["text"].str.len().tolist() == [1_000_001, 500_000, 1]
    digits = "1" * 100_000
    assert shelf.frame("t.csv", f"{digits}x,b\n{digits},2\n{digits}x,3\n").shape == (2, 2)


def test_a_sample_is_from_all_over_and_whole_records(shelf: Shelf) -> None:
    # Every tenth row has a text of three lines with something like a row in it.
    rows = 200_000
    lines = (f'{n},"line, ""{n}""\n0,1,2\nend",z\n' if n % 10 == 0 else f"{n},plain,z\n" for n in range(rows))
    shelf.put("t.csv", "n,text,z\n" + "".join(lines))
    with shelf.opened("t.csv") as source:
        sample = source.sample(20_000)
        assert 15_000 < len(sample) <= 20_000
        assert sample["n"].is_monotonic_increasing
        assert set(sample["z"]) == {"z"}
        assert sample["text"].str.match(r'plain|line, "\d+"\n0,1,2\nend').all()
        counts, _ = np.histogram(sample["n"], bins=10, range=(0, rows))
        assert counts.min() > 0.05 * len(sample)
        assert not source.sample(20_000, seed=1).equals(sample)
        assert source.sample(20_000).equals(sample)
        assert len(source.sample(10**6)) == rows
        assert sum(piece.shape[0] for piece in source.batches()) == rows
