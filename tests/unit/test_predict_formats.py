"""Results of every format; no value is lost on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from ray_jobs.predict.writers import SHEET_ROWS
from ray_jobs.spec import ProblemCode
from tests.support.predicting import ODD, Desk, cancer, diagnosing, read_csv, small_pieces


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    return diagnosing(tmp_path_factory.mktemp("formats"))


@pytest.mark.parametrize("given_as", ["csv", "parquet", "feather", "xlsx", "jsonl"])
def test_every_format_in_and_out(made: tuple[Desk, str], given_as: str) -> None:
    where, model = made
    frame = cancer().head(30)
    frame.insert(0, "id", range(100, 130))
    frame["when"] = pd.date_range("2024-01-01", periods=30)
    path = where.folder / f"table.{given_as}"
    if given_as == "csv":
        frame.to_csv(path, index=False)
    elif given_as == "parquet":
        frame.to_parquet(path, index=False)
    elif given_as == "feather":
        frame.to_feather(path)
    elif given_as == "jsonl":
        frame.to_json(path, orient="records", lines=True, date_format="iso")
    else:
        frame.to_excel(path, index=False, engine="xlsxwriter")
    expected: list[Any] | None = None
    for output in ("same", "csv", "parquet", "feather", "jsonl", "xlsx"):
        result = where.predict(model, path.name, output=output)
        assert result.file.endswith(f".predictions.{given_as if output == 'same' else output}")
        found = read_any(where.file(result))
        assert list(found.columns)[:1] + list(found.columns)[-4:] == [
            "id", "when", "prediction", "probability_benign", "probability_malignant"
        ]  # fmt: skip
        assert list(found["id"]) == list(frame["id"])
        assert [str(value)[:10] for value in found["when"]] == [str(value)[:10] for value in frame["when"]]
        np.testing.assert_allclose(found["mean area"], frame["mean area"])
        expected = expected or list(found["prediction"])
        assert list(found["prediction"]) == expected
        assert result.metrics["accuracy"] > 0.8


def read_any(path: Path) -> pd.DataFrame:
    if path.suffix == ".xlsx":
        return pd.read_excel(path, engine="calamine")
    if path.suffix == ".jsonl":
        return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    readers: dict[str, Any] = {
        ".csv": pd.read_csv,
        ".parquet": pd.read_parquet,
        ".feather": pyarrow.feather.read_feather,
    }
    found: pd.DataFrame = readers[path.suffix](path)
    return found


def test_codes_stay_codes_in_formats_with_types(made: tuple[Desk, str]) -> None:
    where, model = made
    lines = ["id,big,flag,some,mean radius,mean texture,mean perimeter,mean area"]
    lines += [f"{n:03},{2**60 + n},{n % 2 == 0},{n if n % 3 else ''},1,2,3,4" for n in range(20)]
    (where.folder / "codes.csv").write_text("\n".join(lines))
    found = pq.read_table(where.file(where.predict(model, "codes.csv", output="parquet")))
    assert found["id"].to_pylist() == [f"{n:03}" for n in range(20)]
    assert found["big"].to_pylist() == [2**60 + n for n in range(20)]
    assert found["flag"].to_pylist() == [n % 2 == 0 for n in range(20)]
    assert found["some"].to_pylist() == [n if n % 3 else None for n in range(20)]


def test_a_type_that_later_rows_do_not_fit_is_widened(made: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch) -> None:
    where, model = made
    lines = ["a,b,c,d,mean radius,mean texture,mean perimeter,mean area"]
    lines += [f"{n},{n},{n},{n},1,2,3,4" for n in range(20)]
    lines += ["2.5,007,word,-,1,2,3,4"]
    (where.folder / "late.csv").write_text("\n".join(lines))
    small_pieces(monkeypatch, 8)
    found = pq.read_table(where.file(where.predict(model, "late.csv", output="parquet")))
    assert found["a"].to_pylist()[18:] == [18.0, 19.0, 2.5]
    assert found["b"].to_pylist()[18:] == ["18", "19", "007"]
    assert found["c"].to_pylist()[18:] == ["18", "19", "word"]
    assert found["d"].to_pylist()[18:] == [18, 19, None]


def test_parquet_keeps_its_types(made: tuple[Desk, str]) -> None:
    where, model = made
    rows = 50
    table = pa.table(
        {
            "id": pa.array([2**62 + n if n % 5 else None for n in range(rows)], pa.int64()),
            "kind": pa.array(["a", "b"] * 25).dictionary_encode(),
            "at": pa.array([n * 10**6 for n in range(rows)], pa.timestamp("us", tz="Europe/Berlin")),
            "day": pa.array(range(rows), pa.date32()),
            "raw": pa.array([b"\x00\xff"] * rows),
            **{name: pa.array([1.0] * rows, pa.float32()) for name in list(cancer().columns)[:4]},
        }
    )
    pq.write_table(table, where.folder / "types.parquet", row_group_size=13)
    found = pq.read_table(where.file(where.predict(model, "types.parquet")))
    for name in ("id", "at", "day", "mean area"):
        assert found[name].combine_chunks().equals(table[name].combine_chunks())
    assert found["raw"].to_pylist() == table["raw"].to_pylist()
    assert found["kind"].to_pylist() == table["kind"].to_pylist()
    as_csv = read_csv(where.file(where.predict(model, "types.parquet", output="csv")))
    assert [row["id"] for row in as_csv] == [str(value or "") for value in table["id"].to_pylist()]


def test_records_of_json_keep_their_text(made: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch) -> None:
    where, model = made
    values = '"mean radius": 17.990, "mean texture": 10, "mean perimeter": 1e2, "mean area": 1001.0'
    lines = [
        "{" + values + ', "id": 12345678901234567890, "more": {"a": [1, 2]}, "prediction": "mine"}',
        "  {" + values + ', "late": "ü\\u00fc", "id": null}  ',
        "",
        '{"mean area": null}',
        "{}",
    ] * 20
    (where.folder / "records.jsonl").write_text("\n".join(lines))
    small_pieces(monkeypatch, 16)
    result = where.predict(model, "records.jsonl")
    found = where.file(result).read_text().splitlines()
    assert result.rows == len(found) == 80
    for given_line, line in zip([line.strip() for line in lines if line], found, strict=True):
        assert line.startswith(given_line[:-1])
        record = json.loads(line)
        assert record["prediction-2"] in ("benign", "malignant")
        assert record.get("prediction", "mine") == "mine"
    assert result.preview.columns[0] == "prediction-2"


def test_json_that_changes_its_mind_loses_nothing(made: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch) -> None:
    where, model = made
    monkeypatch.setattr("ray_jobs.reading.json_reader._LOOK_BYTES", 2000)
    record = {name: 10.0 for name in list(cancer().columns)[:4]}
    records = [{**record, "id": n if n < 3000 else f"x{n}"} for n in range(3020)]
    (where.folder / "late.jsonl").write_text("\n".join(map(json.dumps, records)))
    found = pq.read_table(where.file(where.predict(model, "late.jsonl", output="parquet")))
    assert found["id"].to_pylist() == [str(row["id"]) for row in records]


def test_a_folder_of_parquet_files(made: tuple[Desk, str]) -> None:
    where, model = made
    for year in (2023, 2024):
        (where.folder / "years" / f"year={year}").mkdir(parents=True)
        cancer().head(year - 2000).to_parquet(where.folder / "years" / f"year={year}" / "part.parquet", index=False)
    result = where.predict(model, "years")
    found = pq.read_table(where.file(result))
    assert result.file == "years.predictions.parquet"
    assert found["year"].to_pylist() == [2023] * 23 + [2024] * 24


def test_formulas_stay_text_in_a_workbook(made: tuple[Desk, str]) -> None:
    where, model = made
    (where.folder / "odd.csv").write_text(ODD)
    result = where.predict(model, "odd.csv", output="xlsx")
    found = read_any(where.file(result))
    assert list(found["note"]) == ['a "quoted" text, with\na line end', "=1+1", "@SUM(A1)", "ü€😀"]
    import zipfile

    sheet = zipfile.ZipFile(where.file(result)).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"hyperlink" not in sheet


def test_any_text_can_be_in_a_workbook(made: tuple[Desk, str]) -> None:
    where, model = made
    texts = ["\x01\x1f", "\ufffe\uffff", "_x0041_", "<b>&amp;", "'quoted", " spaces ", "{=A1}", "http://x.y", "0012"]
    frame = cancer().head(len(texts)).assign(note=texts)
    frame.to_parquet(where.folder / "texts.parquet", index=False)
    found = read_any(where.file(where.predict(model, "texts.parquet", output="xlsx")))
    assert list(found["note"])[2:] == texts[2:]
    assert len(found) == len(texts)


def test_what_a_sheet_cannot_hold_is_refused_beforehand(
    made: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, model = made
    cancer().to_csv(where.folder / "all.csv", index=False)
    monkeypatch.setattr("ray_jobs.predict.writers.SHEET_ROWS", 569)
    problem = where.refused(model, "all.csv", output="xlsx")
    assert (problem.code, problem.subject) == (ProblemCode.BAD_PARAMETER, "output")
    assert problem.suggestions == ("csv", "parquet")
    assert [step.name for step in where.told] == ["loading the model", "reading"]
    assert SHEET_ROWS == 1_048_576


def test_text_longer_than_a_cell_is_cut_and_counted(made: tuple[Desk, str]) -> None:
    where, model = made
    frame = cancer().head(12).assign(note="x" * 40_000)
    frame.to_csv(where.folder / "long.csv", index=False)
    result = where.predict(model, "long.csv", output="xlsx")
    assert result.warnings[-1] == "12 texts were longer than a cell of a sheet can be, and were cut."


def test_a_parquet_with_empty_row_groups(made: tuple[Desk, str]) -> None:
    where, model = made
    table = pa.Table.from_pandas(cancer().head(20), preserve_index=False)
    with pq.ParquetWriter(where.folder / "holes.parquet", table.schema) as writer:
        for part in (table.slice(0, 0), table.slice(0, 5), table.slice(0, 0), table.slice(5)):
            writer.write_table(part)
    result = where.predict(model, "holes.parquet")
    assert result.rows == 20
    assert pq.read_table(where.file(result)).num_rows == 20
