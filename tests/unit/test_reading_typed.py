"""Parquet and Feather: columns that have types of their own."""

from __future__ import annotations

import datetime as dt
import decimal
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from ray_jobs.schema import conform, describe
from ray_jobs.spec import ProblemCode
from tests.support.readings import Shelf

_TABLE = pa.table(
    {
        "whole": pa.array([1, 2, 3], pa.int32()),
        "gaps": pa.array([1, None, 2**53 + 1], pa.int64()),
        "price": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")], pa.decimal128(9, 2)),
        "ok": pa.array([True, None, False]),
        "kind": pa.array(["a", "b", None]).dictionary_encode(),
        "view": pa.array(["x", None, "y"], pa.string_view()),
        "day": pa.array([dt.date(2024, 1, 5), None, dt.date(1900, 1, 1)]),
        "at": pa.array([0, 1, None], pa.timestamp("us", tz="Europe/Berlin")),
        "took": pa.array([dt.timedelta(seconds=1.5), None, dt.timedelta(0)], pa.duration("us")),
        "clock": pa.array([dt.time(8, 30), None, dt.time(0)], pa.time64("us")),
        "half": pa.array(np.array([1.5, 2, 3], np.float16)),
        "void": pa.nulls(3),
        "list": pa.array([[1], [2, 3], None]),
        "record": pa.array([{"x": 1}, None, {"x": 2}]),
        "a.b": pa.array([7, 8, 9]),
    }
)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "data").mkdir()
    return Shelf(tmp_path / "data")


def parquet(table: pa.Table, **how: object) -> bytes:
    target = io.BytesIO()
    pq.write_table(table, target, **how)
    return target.getvalue()


def arrow(table: pa.Table, *, stream: bool, rows: int = 2) -> bytes:
    target = io.BytesIO()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(target, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return target.getvalue()


@pytest.mark.parametrize("name", ["t.parquet", "t.pq", "t.feather", "t.arrow", "stream.arrow"])
def test_what_becomes_of_types(shelf: Shelf, name: str) -> None:
    content = parquet(_TABLE) if name[2] == "p" else arrow(_TABLE, stream=name.startswith("stream"))
    frame = shelf.frame(name, content)
    assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == {
        **{"whole": "int32", "gaps": "float64", "price": "float64", "ok": "object", "kind": "str", "view": "str"},
        **{"day": "datetime64[ms]", "at": "datetime64[us, Europe/Berlin]", "took": "timedelta64[us]", "clock": "str"},
        **{"half": "float32", "void": "float64", "a.b": "int64"},
    }
    assert frame["price"].tolist()[::2] == [1.5, -2.25]
    assert frame["clock"].tolist()[0].startswith("08:30:00")
    assert frame["ok"].tolist() == [True, None, False]
    assert frame["day"].iloc[2] == pd.Timestamp(1900, 1, 1)
    with shelf.opened(name) as source:
        assert source.format == ("parquet" if name[2] == "p" else "feather")
        assert "'list', 'record'" in source.warnings[0]
        pieces = list(source.batches(rows=2))
        assert [len(piece) for piece in pieces] == [2, 1]
        assert [dict(piece.dtypes) for piece in pieces] == [dict(pieces[0].dtypes)] * 2
        pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), frame, check_dtype=False)
        pd.testing.assert_frame_equal(source.sample(), frame)
        assert source.frame(["kind", "a.b"]).columns.tolist() == ["kind", "a.b"]


def test_equal_names_and_an_index_of_pandas(shelf: Shelf) -> None:
    table = pa.table([[1, 2], [3, 4], [5, 6]], names=["x", "x", ""])
    assert shelf.frame("t.parquet", parquet(table)).to_dict("list") == {"x": [1, 2], "x.1": [3, 4], "column 3": [5, 6]}
    indexed = pd.DataFrame({"n": [1.5, 2.5]}, index=pd.Index([7, 9]))
    indexed.to_parquet(shelf.folder / "u.parquet")
    assert shelf.frame("u.parquet").to_dict("list") == {"n": [1.5, 2.5]}


def test_a_sample_is_from_all_over(shelf: Shelf) -> None:
    rows = 300_000
    table = pa.table({"n": np.arange(rows), "x": np.zeros(rows)})
    for name, content in (
        ("one.parquet", parquet(table)),
        ("many.parquet", parquet(table, row_group_size=1000)),
        ("t.arrow", arrow(table, stream=False, rows=1000)),
        ("stream.arrow", arrow(table, stream=True, rows=1000)),
    ):
        shelf.put(name, content)
        with shelf.opened(name) as source:
            sample = source.sample(10_000)
            assert 8000 < len(sample) <= 10_000
            assert sample["n"].is_monotonic_increasing
            counts, _ = np.histogram(sample["n"], bins=10, range=(0, rows))
            assert counts.min() > 300
            assert sum(map(len, source.batches())) == rows


def test_files_of_one_table_with_other_types(shelf: Shelf) -> None:
    shelf.put("t-1.parquet", parquet(pa.table({"a": pa.array([1, 2], pa.int32()), "b": ["x", "y"], "c": pa.nulls(2)})))
    shelf.put("t-2.parquet", parquet(pa.table({"c": [1, 2], "b": [1, 2], "a": [1.5, None]})))
    frame = shelf.frame("t-*.parquet")
    assert frame["a"].tolist()[:3] == [1.0, 2.0, 1.5]
    assert frame["b"].tolist() == ["x", "y", "1", "2"]
    assert frame["c"].tolist()[2:] == [1.0, 2.0]
    assert "different types in different files" in shelf.warnings("t-*.parquet")


@pytest.mark.parametrize(
    ("kind", "last"),
    [
        (pa.timestamp("s"), "9999-12-31T23:59:59"),
        (pa.timestamp("ms"), "9999-12-31T23:59:59.999"),
        (pa.timestamp("us"), "9999-12-31T23:59:59.999999"),
        (pa.timestamp("ms", "Asia/Tokyo"), "9999-12-31T08:59:59.999000+09:00"),
        (pa.date32(), "9999-12-31"),
        (pa.date64(), "9999-12-31"),
        (pa.duration("ms"), "P104166666DT16H0M0S"),
    ],
)
def test_times_too_far_away_are_the_farthest(shelf: Shelf, kind: pa.DataType, last: str) -> None:
    most = 2**31 - 1 if kind == pa.date32() else 2**36 * 86_400_000
    table = pa.table({"d": pa.array([most, -most, 0, None], kind), "n": [1, 2, 3, 4]})
    frame = shelf.frame("t.arrow", arrow(table, stream=False))
    assert frame["d"].isna().tolist() == [False, False, False, True]
    assert frame["d"].iloc[0].isoformat().startswith(last)
    assert "Times in 'd' that are too far away" in shelf.warnings("t.arrow")
    read, _ = conform(frame, (describe(frame["d"]),))
    assert read["d"].rank().tolist()[:3] == [3, 1, 2]


def test_the_end_of_all_days_in_files_of_other_units(shelf: Shelf) -> None:
    for number, unit in enumerate(("s", "ns")):
        days = pa.array([dt.date(2024, 1, 5), dt.date(2250 if number else 9999, 12, 31)])
        moments = days.cast(pa.timestamp(unit))
        shelf.put(f"t-{number}.parquet", parquet(pa.table({"d": moments})))
    assert [value.year for value in shelf.frame("t-*.parquet")["d"]] == [2024, 9999, 2024, 2250]


def test_bytes_are_text(shelf: Shelf) -> None:
    table = pa.table(
        {
            "blob": pa.array([b"\x00\xff", None, "ü".encode()]),
            "fixed": pa.array([b"ab", b"\xff\xfe", b"cd"], pa.binary(2)),
            "kinds": pa.array([b"\xff", b"b", b"b"]).dictionary_encode(),
        }
    )
    for name, content in (("t.parquet", parquet(table)), ("t.arrow", arrow(table, stream=False))):
        frame = shelf.frame(name, content)
        assert frame["blob"].fillna("none").tolist() == ["\x00\\xff", "none", "ü"]
        assert frame["fixed"].tolist() == ["ab", "\\xff\\xfe", "cd"]
        assert frame["kinds"].tolist() == ["\\xff", "b", "b"]
    shelf.put("more-1.parquet", parquet(pa.table({"a": [b"\xff", b"x"]})))
    shelf.put("more-2.parquet", parquet(pa.table({"a": ["y", "z"]})))
    assert shelf.frame("more-*.parquet")["a"].tolist() == ["\\xff", "x", "y", "z"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("t.parquet", parquet(_TABLE)[:-50], ProblemCode.NOT_THIS_FORMAT),
        ("t.parquet", parquet(_TABLE)[:200] + parquet(_TABLE)[-4:], ProblemCode.NOT_THIS_FORMAT),
        ("t.parquet", b"PAR1" + bytes(100) + b"PAR1", ProblemCode.NOT_THIS_FORMAT),
        ("t.parquet", b"a,b\n1,2\n", ProblemCode.NOT_THIS_FORMAT),
        ("t.parquet", arrow(_TABLE, stream=False), ProblemCode.NOT_THIS_FORMAT),
        ("t.parquet", parquet(_TABLE.slice(0, 0)), ProblemCode.NO_ROWS),
        ("t.parquet", parquet(pa.table({"list": [[1], [2]]})), ProblemCode.NOT_THIS_FORMAT),
        ("t.feather", parquet(_TABLE), ProblemCode.NOT_THIS_FORMAT),
        ("t.feather", arrow(_TABLE, stream=False)[:-300], ProblemCode.NOT_THIS_FORMAT),
        ("t.feather", b"ARROW1" + bytes(200), ProblemCode.NOT_THIS_FORMAT),
        ("t.feather", b"FEA1" + bytes(200), ProblemCode.NOT_THIS_FORMAT),
        ("t.arrow", arrow(_TABLE, stream=True)[:700], ProblemCode.NOT_THIS_FORMAT),
        ("t.arrow", b"\xff\xff\xff\xff" + b"\x7f" * 300, ProblemCode.NOT_THIS_FORMAT),
        ("t.arrow", arrow(_TABLE.slice(0, 0), stream=True), ProblemCode.NO_ROWS),
    ],
)
def test_what_is_damaged_is_refused(shelf: Shelf, name: str, content: bytes, code: ProblemCode) -> None:
    assert shelf.refusal(name, content).code is code


def test_damage_deep_in_a_file_shows_when_it_is_read(shelf: Shelf) -> None:
    table = pa.table({"n": np.random.default_rng(0).random(100_000), "t": [f"x{n}" for n in range(100_000)]})
    content = bytearray(parquet(table, row_group_size=10_000, write_page_checksum=True))
    content[len(content) // 2 : len(content) // 2 + 2000] = bytes(2000)
    shelf.put("t.parquet", bytes(content))
    with shelf.opened("t.parquet") as source:
        assert source.rows() == (100_000, True)
    assert shelf.refusal("t.parquet").code is ProblemCode.NOT_THIS_FORMAT


@pytest.mark.parametrize("compression", ["lz4", "zstd", "uncompressed"])
def test_compressed_feather(shelf: Shelf, compression: str) -> None:
    feather.write_feather(pa.table({"a": [1, 2]}), str(shelf.folder / "t.feather"), compression=compression)
    assert shelf.frame("t.feather")["a"].tolist() == [1, 2]
