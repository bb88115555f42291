"""Reading tables: what a file really is, and the forms a CSV comes in."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from ray_jobs.place import Place
from ray_jobs.problems import Refused
from ray_jobs.reading.source import read_table
from ray_jobs.spec import PathData, Problem, ProblemCode

_FRAME = pd.DataFrame({"city": ["Köln", "Paris"], "price": [1.5, 2.25], "count": [1, 2]})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(folder=tmp_path / "node", folder_as_owner_knows="/n", home="/h", allowed=(tmp_path,), quota=10**9)


def read(place: Place, name: str, content: bytes) -> tuple[pd.DataFrame, tuple[str, ...], list[list[str]]]:
    (place.allowed[0] / name).write_bytes(content)
    with read_table(place, PathData(path=name)) as table:
        return table.frame, table.warnings, list(table.raw_rows()) if table.csv else []


def refusal(place: Place, name: str, content: bytes) -> Problem:
    with pytest.raises(Refused) as caught:
        read(place, name, content)
    return caught.value.problem


def parquet(frame: pd.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.to_parquet(target)
    return target.getvalue()


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("x", "y")
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "city,price,count\nKöln,1.5,1\nParis,2.25,2\n".encode()),
        ("a.csv", "city;price;count\nKöln;1,5;1\nParis;2,25;2\n".encode()),
        ("a.tsv", "city\tprice\tcount\r\nKöln\t1.5\t1\r\nParis\t2.25\t2\r\n".encode()),
        ("a.txt", "city|price|count\nKöln|1.5|1\nParis|2.25|2".encode()),
        ("a.csv", "\ufeffcity,price,count\nKöln,1.5,1\nParis,2.25,2\n".encode()),
        ("a.csv", "city,price,count\nKöln,1.5,1\nParis,2.25,2\n".encode("utf-16")),
        ("a.csv", "city,price,count\nKöln,1.5,1\nParis,2.25,2\n".encode("cp1252")),
        ("a.csv", 'city , price,count\n"Köln",1.5,1\n\n"Paris",2.25,2\n'.encode()),
        ("a.csv", "city,price,count\nKöln,1.5,1,\nParis,2.25,2,\n".encode()),
        ("A.CSV", "city,price,count\nKöln,1.5,1\nParis,2.25,2\n".encode()),
        ("a.parquet", parquet(_FRAME)),
        ("a.pq", parquet(_FRAME.assign(city=_FRAME["city"].astype("category")))),
    ],
)
def test_the_same_table_in_many_forms(place: Place, name: str, content: bytes) -> None:
    frame, _, raw = read(place, name, content)
    pd.testing.assert_frame_equal(frame, _FRAME, check_column_type=False)
    assert len(raw) == (0 if name.endswith(("parquet", "pq")) else 2)


def test_raw_rows_keep_the_text(place: Place) -> None:
    _, _, raw = read(place, "a.csv", b'id,when,x\n007,2024-01-05,"a, ""b""\nc"\n008,NA\n')
    assert raw == [["007", "2024-01-05", 'a, "b"\nc'], ["008", "NA", ""]]


def test_row_names_and_equal_names_are_told_apart(place: Place) -> None:
    frame, _, raw = read(place, "a.csv", b"x,x\nr1,1,2\nr2,3,4\n")
    assert list(frame.columns) == ["row name", "x", "x.1"]
    assert raw[0] == ["r1", "1", "2"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", b"", ProblemCode.FILE_EMPTY),
        ("a.csv", b" \n\n ", ProblemCode.FILE_EMPTY),
        ("a.csv", b"a,b,c\n", ProblemCode.NO_ROWS),
        ("a.parquet", parquet(_FRAME.iloc[:0]), ProblemCode.NO_ROWS),
        ("a.csv", parquet(_FRAME), ProblemCode.NOT_THIS_FORMAT),
        ("a.csv", zipped(), ProblemCode.NO_ROWS),
        ("a.csv", gzip.compress(b"a,b\n1,2\n")[:-9], ProblemCode.NOT_THIS_FORMAT),
        ("a.csv", b'{"a": 1}', ProblemCode.NOT_THIS_FORMAT),
        ("a.csv", b'[{"a": 1}, {"a": 2}]', ProblemCode.NOT_THIS_FORMAT),
        ("a.csv", b"<!DOCTYPE html><html></html>", ProblemCode.NOT_THIS_FORMAT),
        ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(100), ProblemCode.NOT_THIS_FORMAT),
        ("a.csv", bytes(range(256)) * 10, ProblemCode.NOT_THIS_FORMAT),
        ("a.csv", b"a,b\n1,2\n1,2,3,4,5\n", ProblemCode.NOT_THIS_FORMAT),
        ("a.csv", b'a,b\n1,"2\n3,4\n', ProblemCode.NOT_THIS_FORMAT),
        ("a.parquet", b"a,b\n1,2\n", ProblemCode.NOT_THIS_FORMAT),
        ("a.parquet", parquet(_FRAME)[:-50], ProblemCode.NOT_THIS_FORMAT),
        ("a.parquet", b"PAR1" + bytes(100) + b"PAR1", ProblemCode.NOT_THIS_FORMAT),
        ("a.docx", b"a,b\n1,2\n", ProblemCode.UNKNOWN_FORMAT),
        ("a", b"a,b\n1,2\n", ProblemCode.UNKNOWN_FORMAT),
    ],
)
def test_what_is_no_table_is_refused(place: Place, name: str, content: bytes, code: ProblemCode) -> None:
    problem = refusal(place, name, content)
    assert problem.code is code
    assert problem.message.endswith(".")
    assert problem.subject == str(place.allowed[0] / name)
