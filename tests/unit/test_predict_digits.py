"""Results hold every digit of the rows that are passed on, and of the labels."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.tree import DecisionTreeClassifier

from tests.support.predicting import Desk, desk, read_csv, small_pieces

_ROWS = 40
_X = [float(n % 7) for n in range(_ROWS)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    where = desk(tmp_path_factory.mktemp("digits"))
    frame = pd.DataFrame({"x": _X, "kind": ["a", "b"] * (_ROWS // 2)})
    return where, where.learn(frame, "kind", DecisionTreeClassifier())


def results(made: tuple[Desk, str], name: str, column: str) -> dict[str, list[Any]]:
    """What each format has in `column`."""
    where, model = made
    found: dict[str, list[Any]] = {}
    for output in ("csv", "parquet", "xlsx", "jsonl"):
        path = where.file(where.predict(model, name, output=output))
        if output == "csv":
            found[output] = [row[column] for row in read_csv(path)]
        elif output == "parquet":
            found[output] = pq.read_table(path)[column].to_pylist()
        elif output == "xlsx":
            found[output] = pd.read_excel(path, engine="calamine", dtype=object)[column].tolist()
        else:
            found[output] = [json.loads(line)[column] for line in path.read_text().splitlines()]
    return found


@pytest.mark.parametrize("first", [10**19, 9_007_199_254_740_993, 10**30])
def test_long_whole_numbers_of_a_csv(made: tuple[Desk, str], first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    where, _ = made
    ids = [str(first + n) for n in range(_ROWS - 1)] + ["2.5"]
    (where.folder / "long.csv").write_text("id,x\n" + "".join(f"{i},{x}\n" for i, x in zip(ids, _X, strict=True)))
    small_pieces(monkeypatch, 16)
    assert results(made, "long.csv", "id") == dict.fromkeys(("csv", "parquet", "xlsx", "jsonl"), ids)


def test_numbers_with_a_fraction_stay_numbers(made: tuple[Desk, str]) -> None:
    where, _ = made
    (where.folder / "plain.csv").write_text("v,x\n" + "".join(f"{n}.50,{x}\n" for n, x in enumerate(_X)))
    found = results(made, "plain.csv", "v")
    assert found["parquet"] == found["xlsx"] == [n + 0.5 for n in range(_ROWS)]


def test_decimals_keep_their_digits(made: tuple[Desk, str]) -> None:
    where, _ = made
    ids = [Decimal(12345678901234567890 + n) for n in range(_ROWS)]
    prices = [Decimal("0.10") if n % 3 else None for n in range(_ROWS)]
    table = {"id": pa.array(ids, pa.decimal128(30, 0)), "price": pa.array(prices, pa.decimal128(9, 2)), "x": _X}
    pq.write_table(pa.table(table), where.folder / "decimals.parquet")
    texts = [str(value) for value in ids]
    assert results(made, "decimals.parquet", "id") == {
        **{"csv": texts, "parquet": ids, "xlsx": texts, "jsonl": [int(value) for value in ids]}
    }
    found = results(made, "decimals.parquet", "price")
    assert found["csv"] == ["0.10" if value else "" for value in prices]
    assert found["parquet"] == prices
    assert found["jsonl"] == [0.1 if value else None for value in prices]


def test_decimals_are_numbers_for_a_model(made: tuple[Desk, str]) -> None:
    where, model = made
    pd.DataFrame({"x": _X}).to_parquet(where.folder / "floats.parquet")
    decimals = pa.array([Decimal(str(x)) for x in _X], pa.decimal128(9, 1))
    pq.write_table(pa.table({"x": decimals}), where.folder / "exact.parquet")
    assert where.predict(model, "exact.parquet").counts == where.predict(model, "floats.parquet").counts


def test_whole_numbers_of_json_that_no_column_holds(made: tuple[Desk, str]) -> None:
    where, _ = made
    ids = [2**63 + n for n in range(_ROWS)]
    lines = (json.dumps({"id": i, "x": x}) for i, x in zip(ids, _X, strict=True))
    (where.folder / "large.jsonl").write_text("\n".join(lines))
    texts = [str(value) for value in ids]
    assert results(made, "large.jsonl", "id") == {"csv": texts, "parquet": texts, "xlsx": texts, "jsonl": ids}


@pytest.mark.parametrize("labels", [(2**64 - 1, 3), (2**63 - 1, 2**63 - 2)])
@pytest.mark.parametrize("output", ["csv", "parquet", "feather", "xlsx", "jsonl"])
def test_large_labels(tmp_path: Path, labels: tuple[int, int], output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where = desk(tmp_path)
    kinds = [labels[n % 2] for n in range(_ROWS)]
    frame = pd.DataFrame({"x": [float(n % 2) for n in range(_ROWS)], "kind": pd.Series(kinds, dtype="uint64")})
    model = where.learn(frame, "kind", DecisionTreeClassifier(), task="classification")
    frame.to_parquet(where.folder / "large.parquet")
    small_pieces(monkeypatch, 7)
    result = where.predict(model, "large.parquet", output=output)
    assert result.metrics["accuracy"] == 1
    if output == "csv":
        assert [int(row["prediction"]) for row in read_csv(where.file(result))] == kinds
    elif output == "parquet":
        assert [int(value) for value in pq.read_table(where.file(result))["prediction"].to_pylist()] == kinds


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    where = desk(tmp_path)
    half, x = _ROWS // 2, [float(n % 2) for n in range(_ROWS)]
    table = pa.table({"x": x, "c": [b"\xfe", b"d"] * half, "kind": [b"\xff", b"b"] * half})
    pq.write_table(table, where.folder / "bytes.parquet")
    frame = pd.DataFrame({"x": x, "c": ["\\xfe", "d"] * half, "kind": ["\\xff", "b"] * half})
    model = where.learn(frame, "kind", DecisionTreeClassifier())
    result = where.predict(model, "bytes.parquet")
    assert result.metrics["accuracy"] == 1
    found = pq.read_table(where.file(result))
    assert found["kind"].to_pylist() == table["kind"].to_pylist()
    assert found["prediction"].to_pylist() == frame["kind"].tolist()
    assert result.preview.rows[0][-1] == "\\xff"
