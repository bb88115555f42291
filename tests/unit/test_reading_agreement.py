"""The whole table, its pieces, its sample and its rows as written say the same, on real and on hostile files."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_iris

from ray_jobs.problems import Refused
from ray_jobs.reading import csv_reader, json_reader
from ray_jobs.schema import Column, conform, describe
from ray_jobs.spec import ProblemCode
from tests.support.readings import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "data").mkdir()
    return Shelf(tmp_path / "data")


def check_agreement(shelf: Shelf, name: str, *, rows: int = 7) -> pd.DataFrame:
    """Of a file small enough to be seen whole, so that no type comes as a surprise."""
    with shelf.opened(name) as source:
        frame = source.frame()
        pieces = list(source.batches(rows=rows))
        assert [len(piece) for piece in pieces[:-1]] == [rows] * (len(pieces) - 1)
        joined = pd.concat(pieces, ignore_index=True)
        for piece in pieces:
            assert dict(piece.dtypes) == dict(pieces[0].dtypes)
            assert list(piece.index) == list(range(len(piece)))
        pd.testing.assert_frame_equal(joined, frame)
        pd.testing.assert_frame_equal(source.sample(10**6), frame)
        if source.format == "csv":
            raw = [row for piece in source.raw_batches(rows=rows) for row in piece]
            assert len(raw) == len(frame)
            assert {len(row) for row in raw} == {frame.shape[1]}
        columns = tuple(describe(frame[column]) for column in frame.columns)
        as_other = tuple(column.model_copy(update={"kind": "category"}) for column in columns)
        for wanted in (columns, as_other):
            check_conforming(source.batches(wanted, rows=rows), conform(frame, wanted)[0], wanted)
        assert source.rows() == (len(frame), True)
        assert source.memory() > 0
        return frame


def check_conforming(pieces: Any, expected: pd.DataFrame, wanted: tuple[Column, ...]) -> None:
    joined = pd.concat(list(pieces), ignore_index=True)
    for column in wanted:
        if column.kind in ("number", "boolean"):
            expected[column.name] = expected[column.name].astype(float)
    pd.testing.assert_frame_equal(joined, expected, check_dtype=False)


def written(frame: pd.DataFrame, name: str, folder: Path) -> str:
    path = folder / name
    if name.endswith("csv"):
        frame.to_csv(path, index=False)
    elif name.endswith("jsonl"):
        frame.to_json(path, orient="records", lines=True)
    elif name.endswith("parquet"):
        frame.to_parquet(path, row_group_size=100)
    elif name.endswith("feather"):
        frame.to_feather(path)
    else:
        frame.to_excel(path, index=False, engine="xlsxwriter")
    return name


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet", "t.feather", "t.xlsx"])
def test_real_tables_in_every_format(shelf: Shelf, name: str) -> None:
    for load in (load_iris, load_breast_cancer):
        table = load(as_frame=True).frame
        table["kind"] = np.where(table["target"] > table["target"].median(), "high", "low")
        table.loc[::13, table.columns[0]] = None
        frame = check_agreement(shelf, written(table, name, shelf.folder), rows=100)
        if name.endswith("jsonl"):  # pandas writes ten digits
            pd.testing.assert_frame_equal(frame, table, check_dtype=False, rtol=1e-6)
        else:
            pd.testing.assert_frame_equal(frame, table, check_dtype=False, rtol=1e-15)


_VALUES = st.sampled_from(
    [
        *(
            "1",
            "2",
            "-3",
            "+4",
            "0.5",
            "1e3",
            "007",
            "12345678901234567890",
            "inf",
            "1,5",
            "1.234,5",
            "1 234",
            "x",
            "é",
        ),
        *("", " ", "NA", "?", "-", "nan", "true", "False", "0x1F", "2024-01-05", "a,b", 'q"q', '"', "two\nlines", "\r"),
        *("1.5 ", " 7", "a;b", "t\tt", "\0", "\u00a0", "1_000", "5%", "NaN", "None", "=1+1"),
    ]
)
_TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(_VALUES, min_size=width, max_size=width), min_size=1, max_size=25)
)


@given(_TABLES, st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(1, 6))
@settings(max_examples=45, deadline=None)
def test_any_well_written_csv(rows: list[list[str]], delimiter: str, end: str, quoted: bool, at_once: int) -> None:
    made = io.StringIO(newline="")
    names = [f"column{number}" for number in range(len(rows[0]))]
    if quoted:
        writer = csv.writer(made, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    else:
        writer = csv.writer(made, delimiter=delimiter, lineterminator=end)
    writer.writerows([names, *rows])
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder) / "data")
        shelf.put("t.csv", made.getvalue())
        if "\0" in made.getvalue():  # at the start of a file no text
            assert shelf.refusal("t.csv").code is ProblemCode.NOT_THIS_FORMAT
            return
        if not any(any(value.strip() for value in row) for row in rows) and len(names) == 1:
            with contextlib.suppress(Refused):
                check_agreement(shelf, "t.csv", rows=at_once)
            return
        frame = check_agreement(shelf, "t.csv", rows=at_once)
    if len(rows[0]) > 1:
        assert list(frame.columns) == names


@given(st.binary(max_size=200), st.sampled_from(["t.csv", "t.jsonl", "t.json", "t.txt"]))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_alike_or_refused(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder) / "data")
        shelf.put(name, b"a,b\n" + content if name == "t.csv" else content)
        with contextlib.suppress(Refused):
            check_agreement(shelf, name)


_JSON_VALUES = st.sampled_from([None, 1, -2.5, 10**30, True, "x", "7", "NA", "é\n", [1], {"x": 1}, "2024-01-05"])


@given(st.lists(st.dictionaries(st.sampled_from("abc"), _JSON_VALUES, max_size=3), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_any_json(records: list[dict[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder) / "data")
        shelf.put("t.jsonl", "\n".join(map(json.dumps, records)))
        shelf.put("t.json", json.dumps(records))
        try:
            lines = check_agreement(shelf, "t.jsonl")
        except Refused:
            plain = [key for record in records for key, value in record.items() if not isinstance(value, list | dict)]
            nested = {key for record in records for key, value in record.items() if isinstance(value, list | dict)}
            assert not set(plain) - nested
            return
        pd.testing.assert_frame_equal(lines, check_agreement(shelf, "t.json"))


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_what_a_sample_could_not_know(shelf: Shelf, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Types come from a part; the pieces have them throughout, and what does not fit is counted."""
    rows = 30_000
    table = pd.DataFrame({"n": np.arange(rows), "x": np.arange(rows) / 4, "b": np.arange(rows) % 2 == 0, "t": "a"})
    written(table, name, shelf.folder)
    monkeypatch.setattr(csv_reader, "_LOOK_BYTES", 4096)
    monkeypatch.setattr(json_reader, "_LOOK_BYTES", 4096)
    with shelf.opened(name) as source:
        assert source.rows()[1] is False
        pieces = list(source.batches(rows=10_000))
        assert source.warnings == ()
        assert [str(kind) for kind in pieces[0].dtypes] == ["float64", "float64", "object", "str"]
        joined = pd.concat(pieces, ignore_index=True)
        pd.testing.assert_frame_equal(joined, table, check_dtype=False)
        pd.testing.assert_frame_equal(source.frame(), table)
        assert source.rows() == (rows, True)
