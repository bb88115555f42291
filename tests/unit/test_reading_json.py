"""JSON lines, and arrays of objects."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ray_jobs.reading import blocks, json_records
from ray_jobs.spec import ProblemCode
from tests.support.readings import Shelf

_NAN = float("nan")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "data").mkdir()
    return Shelf(tmp_path / "data")


def as_lines(records: list[dict[str, object]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, -3], [1, 2, -3]),
        ([1, None, 3], [1.0, _NAN, 3.0]),
        ([1, 2.5], [1.0, 2.5]),
        ([True, False], [True, False]),
        (["x", None, "y"], ["x", _NAN, "y"]),
        (["1.5", "NA", "2"], [1.5, _NAN, 2.0]),
        (["007", "12"], ["007", "12"]),
        ([1, "2", "?"], [1.0, 2.0, _NAN]),
        ([1, "x", 2.5, True], ["1", "x", "2.5", "True"]),
        (["2024-01-05T10:00:00Z", "2024-01-06"], ["2024-01-05T10:00:00Z", "2024-01-06"]),
        ([2**70, 1], [float(2**70), 1.0]),
        ([None, None], [_NAN, _NAN]),
        (["\ud800", "é"], ["\ufffd", "é"]),
    ],
)
def test_what_values_mean(shelf: Shelf, values: list[object], expected: list[object]) -> None:
    records: list[dict[str, object]] = [{"a": value, "b": 1} for value in values]
    for name, content in (("t.jsonl", as_lines(records)), ("t.json", json.dumps(records, indent=2))):
        frame = shelf.frame(name, content)
        pd.testing.assert_series_equal(frame["a"], pd.Series(expected, name="a", dtype=pd.Series(expected).dtype))


@pytest.mark.parametrize(
    "content",
    [
        '{"a": 1, "b": "x"}\n{"a": 2, "b": "y, \\n]"}\n',
        '\ufeff{"a": 1, "b": "x"}\r\n\r\n{"b": "y, \\n]", "a": 2}',
        '[{"a": 1, "b": "x"}, {"a": 2, "b": "y, \\n]"}]',
        '[\n  {\n    "a": 1,\n    "b": "x"\n  },\n{"a": 2, "b": "y, \\n]"}\n]\n',
        '{\n  "a": 1,\n  "b": "x"\n}\n{\n  "a": 2,\n  "b": "y, \\n]"\n}\n',
    ],
)
def test_the_same_table_in_many_forms(shelf: Shelf, content: str) -> None:
    for name in ("t.json", "t.ndjson"):
        frame = shelf.frame(name, content)
        assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y, \n]"]}


def test_keys_come_and_go_and_lists_are_left_out(shelf: Shelf) -> None:
    frame = shelf.frame("t.jsonl", '{"a": 1, "l": [1]}\n{"b": 2, " a ": 3, "r": {"x": 1}}\n{"l": null}\n')
    assert frame.columns.tolist() == ["a", "b", "a.1"]
    assert frame["a.1"].tolist()[1] == 3
    assert "'l', 'r'" in shelf.warnings("t.jsonl")


def test_a_key_with_half_a_character(shelf: Shelf) -> None:
    frame = shelf.frame("t.jsonl", '{"\\ud800k": 2, "b": "x"}\n{"\\ud800k": 3, "b": "y"}\n')
    assert frame.to_dict("list") == {"?k": [2, 3], "b": ["x", "y"]}


def test_values_of_another_kind_deep_in_the_file(shelf: Shelf) -> None:
    rows = 80_000
    lines = "".join(f'{{"n": {n}, "t": "x{n}", "f": {n}.5, "b": true}}\n' for n in range(rows))
    shelf.put("t.jsonl", lines + '{"n": 1.5, "t": 7, "f": "none", "b": 1, "new": 1}\n{"n": "x", "t": null}\n')
    with shelf.opened("t.jsonl") as source:
        about, exact = source.rows()
        assert not exact
        assert abs(about - rows) < rows / 20
        pieces = list(source.batches(rows=40_000))
        assert [len(piece) for piece in pieces] == [40_000, 40_000, 2]
        last = pieces[-1]
        assert last["n"].tolist()[0] == 1.5
        assert last["t"].tolist()[0] == "7"
        assert last["n"].isna().tolist() == [False, True]
        assert {piece["n"].dtype for piece in pieces} == {np.dtype(float)}
        assert "Column 'n': 1 value does not fit" in " ".join(source.warnings)
        assert "Column 'b': 1 value does not fit" in " ".join(source.warnings)
        frame = source.frame()
        assert frame["n"].tolist()[-2:] == ["1.5", "x"]
        assert frame["n"].iloc[0] == "0"
        sample = source.sample(10_000)
        assert 8000 < len(sample) <= 10_000
        assert sample["n"].is_monotonic_increasing
        assert sample["n"].max() > 0.9 * rows


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n ",
        b'{"a": 1}\n{"a": 2',
        b'[{"a": 1}, {"a": 2',
        b'[{"a": 1} oops]',
        b'{"a": 1}\n[1, 2]\n',
        b"[1, 2, 3]",
        b"a,b\n1,2\n",
        b'"text"',
        b'{"a": [1, 2]}',
        b"[" * 100_000,
        b'[{"a": ' + b"[" * 100_000,
        b'{"a": 1, "b": ' + b"[" * 200_000 + b"\n",
        b'{"a": "' + b"x" * (8 << 20) + b'"}',
        b'[{"a": "' + b"x" * (8 << 20) + b'"}]',
        b"%PDF-1.4 ",
        b"\x1f\x8b\x08\x00rest",
        b"[]",
        bytes(range(256)),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_what_is_no_table_is_refused(shelf: Shelf, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (blocks, json_records):
        monkeypatch.setattr(module, "RECORD_LIMIT", 3 << 20)
    for name in ("t.jsonl", "t.json"):
        code = shelf.refusal(name, content).code
        assert code in (ProblemCode.NOT_THIS_FORMAT, ProblemCode.FILE_EMPTY, ProblemCode.NO_ROWS)
