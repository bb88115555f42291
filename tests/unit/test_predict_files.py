"""Predictions on files: rows and columns as they stand, answers beside them, in every format."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from ray_jobs.manifest import Interval
from ray_jobs.predict import pieces
from ray_jobs.predict.writers import SHEET_ROWS
from ray_jobs.spec import ProblemCode
from tests.support.predicting import Desk, desk


def cancer() -> pd.DataFrame:
    data = load_breast_cancer(as_frame=True)
    frame = data.data.iloc[:, :4].copy()
    frame["diagnosis"] = [str(data.target_names[code]) for code in data.target]
    found: pd.DataFrame = frame
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    where = desk(tmp_path_factory.mktemp("files"))
    return where, where.learn(cancer(), "diagnosis", DecisionTreeClassifier(max_depth=5))


@pytest.fixture(scope="module")
def amounts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    where = desk(tmp_path_factory.mktemp("amounts"))
    frame = load_diabetes(as_frame=True).frame
    return where, where.learn(frame, "target", LinearRegression(), interval=Interval(level=0.9, below=70, above=80))


def read_csv(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def small_pieces(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(pieces, "rows_at_once", lambda *_: rows)
    monkeypatch.setattr("ray_jobs.predict.prediction.rows_at_once", lambda *_: rows)


ODD = """id,note,mean radius, extra ,mean texture,mean perimeter,mean area,date
007,"a ""quoted"" text, with
a line end",17.99,?,10.38,122.8,1001,2020-01-05
0x1F,=1+1,20.57,NA,17.77,132.90,1326.0,05/06/2020
1e5,"@SUM(A1)",  19.69,,21.25,130,1203,
"",ü€😀,11.42,-,20.38,77.58,386.1,nonsense
"""


def test_the_text_of_a_csv_is_passed_on_as_it_stands(made: tuple[Desk, str]) -> None:
    where, model = made
    (where.folder / "odd.csv").write_text(ODD)
    result = where.predict(model, "odd.csv")
    with open(where.file(result), encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    given_rows = list(csv.reader(ODD.splitlines(keepends=True)))
    assert [row[:8] for row in lines[1:]] == given_rows[1:]
    assert lines[0] == [name.strip() for name in given_rows[0]] + [
        "prediction",
        "probability_benign",
        "probability_malignant",
    ]
    assert [row[8] for row in lines[1:]] == ["malignant", "malignant", "malignant", "benign"]
    assert result.warnings == ("Not used by the model, and kept in the result: 'id', 'note', 'extra', 'date'.",)


def test_pieces_make_no_difference(made: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch) -> None:
    where, model = made
    frame = cancer()
    frame.insert(0, "id", [f"{number:05}" for number in range(len(frame))])
    frame.to_csv(where.folder / "all.csv", index=False)
    frame.to_parquet(where.folder / "all.parquet")
    for name, output in (("all.csv", "same"), ("all.csv", "jsonl"), ("all.parquet", "same"), ("all.parquet", "csv")):
        whole = where.predict(model, name, output=output)
        with monkeypatch.context() as patch:
            small_pieces(patch, 17)
            again = where.predict(model, name, output=output)
        if output != "same" or name.endswith("csv"):
            assert where.file(again).read_bytes() == where.file(whole).read_bytes()
        else:
            assert pq.read_table(where.file(again)).equals(pq.read_table(where.file(whole)))
        ignored = {"file", "path", "predict_seconds"}
        assert again.model_dump(exclude=ignored) == whole.model_dump(exclude=ignored)
    assert [row["id"] for row in read_csv(where.file(whole))] == list(frame["id"])


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


def test_a_csv_keeps_its_delimiter_its_decimal_mark_and_its_byte_order_mark(amounts: tuple[Desk, str]) -> None:
    where, model = amounts
    frame = load_diabetes(as_frame=True).data.head(40)
    text = frame.to_csv(index=False, sep=";", decimal=",")
    (where.folder / "german.csv").write_text("\ufeff" + text, encoding="utf-8")
    result = where.predict(model, "german.csv")
    raw = where.file(result).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = read_csv(where.file(result), ";")
    assert rows[0]["age"] == text.splitlines()[1].split(";")[0]
    assert "," in rows[0]["prediction"]
    assert "." not in rows[0]["prediction"]
    for row in rows:
        low, middle, high = (float(row[f"prediction{end}"].replace(",", ".")) for end in ("_low", "", "_high"))
        assert (low, high) == pytest.approx((middle - 70, middle + 80))
    assert any("In 90% of rows like those of training" in note for note in result.warnings)


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


@pytest.mark.parametrize(("packed", "stem"), [("a.csv.gz", "a"), ("b.tsv.bz2", "b"), ("c.CSV.xz", "c")])
def test_a_packed_table_gives_a_plain_one(made: tuple[Desk, str], packed: str, stem: str) -> None:
    where, model = made
    delimiter = "\t" if "tsv" in packed else ","
    cancer().head(50).to_csv(where.folder / packed, index=False, sep=delimiter)
    result = where.predict(model, packed)
    assert result.file == f"{stem}.predictions.{'tsv' if 'tsv' in packed else 'csv'}"
    assert result.warnings[-1] == "The file was compressed; the result is not."
    assert len(read_csv(where.file(result), delimiter)) == 50


def test_rows_that_do_not_match_what_was_read_are_kept_as_read(
    made: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, model = made
    (where.folder / "odd.csv").write_text(ODD)
    straight = where.predict(model, "odd.csv")
    monkeypatch.setattr("ray_jobs.predict.pieces.csv_lines", lambda *_: iter([["1,2,3,4,5,6,7,8"]]))
    result = where.predict(model, "odd.csv")
    assert result.counts == straight.counts
    columns = ("id", "note", "mean radius", "mean area", "prediction")
    kept, read = read_csv(where.file(straight)), read_csv(where.file(result))
    assert [[row[n].strip() for n in columns] for row in kept] == [[row[n].strip() for n in columns] for row in read]


def test_a_folder_of_parquet_files(made: tuple[Desk, str]) -> None:
    where, model = made
    for year in (2023, 2024):
        (where.folder / "years" / f"year={year}").mkdir(parents=True)
        cancer().head(year - 2000).to_parquet(where.folder / "years" / f"year={year}" / "part.parquet", index=False)
    result = where.predict(model, "years")
    found = pq.read_table(where.file(result))
    assert result.file == "years.predictions.parquet"
    assert found["year"].to_pylist() == [2023] * 23 + [2024] * 24


def test_several_files_are_one_table(made: tuple[Desk, str]) -> None:
    where, model = made
    frame = cancer()
    frame[:300].to_csv(where.folder / "part-1.csv", index=False)
    frame[300:][list(frame.columns)[::-1]].to_csv(where.folder / "part-2.csv", index=False)
    frame.to_csv(where.folder / "all.csv", index=False)
    parts, whole = where.predict(model, "part-*.csv"), where.predict(model, "all.csv")
    assert where.file(parts).read_text() == where.file(whole).read_text()


def test_rows_that_are_too_short_or_end_with_a_delimiter(made: tuple[Desk, str]) -> None:
    where, model = made
    names = ",".join(list(cancer().columns)[:4])
    (where.folder / "short.csv").write_text(f"id,{names},z\n1,10,20,30,40,\n2,10,20\n\n3,10,20,30,40,5\n")
    rows = read_csv(where.file(where.predict(model, "short.csv")))
    assert [(row["id"], row["mean area"], row["z"]) for row in rows] == [
        ("1", "40", ""),
        ("2", "", ""),
        ("3", "40", "5"),
    ]
    (where.folder / "trailing.csv").write_text(f"{names}\n" + "1,2,3,4,\n" * 20)
    rows = read_csv(where.file(where.predict(model, "trailing.csv")))
    assert list(rows[0])[:5] == [*names.split(","), "prediction"]
    assert {row["mean area"] for row in rows} == {"4"}
    spaced = " ".join(name.replace(" ", "_") for name in names.split(","))
    (where.folder / "spaced.txt").write_text(f"{spaced}\n" + "1  2   3 4\n" * 20)
    problem = where.refused(model, "spaced.txt")
    assert "'mean radius'" in problem.message


def test_text_of_other_encodings(made: tuple[Desk, str]) -> None:
    where, model = made
    frame = cancer().head(20).assign(town="Zürich", note='a "b", c')
    for encoding in ("cp1252", "utf-16", "utf-8-sig"):
        frame.to_csv(where.folder / "towns.csv", index=False, encoding=encoding, lineterminator="\r\n")
        result = where.predict(model, "towns.csv")
        rows = read_csv(where.file(result))
        assert {(row["town"], row["note"]) for row in rows} == {("Zürich", 'a "b", c')}
        assert b"\r" not in where.file(result).read_bytes()


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


def test_a_result_never_replaces_a_file(made: tuple[Desk, str]) -> None:
    where, model = made
    cancer().head(20).to_csv(where.folder / "twice.csv", index=False)
    first = where.predict(model, "twice.csv")
    before = where.file(first).read_bytes()
    (where.place.results / "twice-2.predictions.csv").symlink_to("/etc/hostname")
    second = where.predict(model, "twice.csv")
    assert (first.file, second.file) == ("twice.predictions.csv", "twice-3.predictions.csv")
    assert where.file(first).read_bytes() == before == where.file(second).read_bytes()
    link = where.place.job(f"predict{where.jobs:04}") / second.file
    assert os.path.realpath(link) == str(where.file(second))
    assert not list(where.place.folder.glob("jobs/*/unfinished*"))


def test_the_quota_holds_while_it_is_written(made: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch) -> None:
    where, model = made
    cancer().to_csv(where.folder / "all.csv", index=False)
    before = sorted(where.place.results.iterdir())
    small_pieces(monkeypatch, 10)
    monkeypatch.setattr("ray_jobs.predict.result_file._STRIDE", 1000)
    from ray_jobs.place import disk_used

    for output in ("csv", "jsonl", "xlsx", "parquet"):
        small = where.unlimited(quota=disk_used(where.place.folder) + 3000)
        assert where.refused(model, "all.csv", small, output=output).code is ProblemCode.NO_SPACE
    assert sorted(where.place.results.iterdir()) == before
    assert not list(where.place.folder.glob("jobs/*/unfinished*"))


def test_nothing_is_left_of_a_prediction_that_is_stopped(made: tuple[Desk, str]) -> None:
    from ray_jobs.predict import PredictOrder, predict
    from ray_jobs.spec import PathData, PredictSpec

    where, model = made
    cancer().to_csv(where.folder / "all.csv", index=False)
    spec = PredictSpec(data=PathData(path=str(where.folder / "all.csv")), model_id=model)
    steps = predict(PredictOrder(spec=spec, place=where.place, job_id="stopped1", threads=1))
    while next(steps).name != "predicting":
        pass
    assert list(where.place.folder.glob("jobs/*/unfinished*"))
    steps.close()
    assert not list(where.place.folder.glob("jobs/*/unfinished*"))


def test_one_row(made: tuple[Desk, str]) -> None:
    where, model = made
    cancer().head(1).to_csv(where.folder / "one.csv", index=False)
    result = where.predict(model, "one.csv")
    assert (result.rows, len(result.preview.rows), result.metrics["accuracy"]) == (1, 1, 1.0)


def test_a_parquet_with_empty_row_groups(made: tuple[Desk, str]) -> None:
    where, model = made
    table = pa.Table.from_pandas(cancer().head(20), preserve_index=False)
    with pq.ParquetWriter(where.folder / "holes.parquet", table.schema) as writer:
        for part in (table.slice(0, 0), table.slice(0, 5), table.slice(0, 0), table.slice(5)):
            writer.write_table(part)
    result = where.predict(model, "holes.parquet")
    assert result.rows == 20
    assert pq.read_table(where.file(result)).num_rows == 20


def test_preview_and_counts(made: tuple[Desk, str]) -> None:
    where, model = made
    cancer().to_csv(where.folder / "all.csv", index=False)
    result = where.predict(model, "all.csv")
    assert result.preview.columns[:4] == ("prediction", "probability_benign", "probability_malignant", "mean radius")
    assert len(result.preview.rows) == 10
    assert result.preview.rows[0][3] == "17.99"
    assert sum(result.counts.values()) == result.rows == 569
    assert next(iter(result.counts)) == "benign"
    hidden = where.predict(model, "all.csv", where.unlimited(share_rows=False))
    assert hidden.preview.rows == ()
    assert hidden.counts == result.counts


@pytest.mark.parametrize("labels", [[0, 1, 2], [10.5, 20.25, 30.0], ["yes", "no", "=maybe"], [True, False, True]])
def test_labels_as_they_were(tmp_path: Path, labels: list[Any]) -> None:
    where = desk(tmp_path)
    data = load_wine(as_frame=True)
    frame = data.data.iloc[:, :5].assign(y=[labels[code] for code in data.target])
    model = where.learn(frame, "y", DecisionTreeClassifier(max_depth=6), task="classification")
    frame.to_csv(where.folder / "wine.csv", index=False)
    result = where.predict(model, "wine.csv", output="jsonl")
    found = [json.loads(line) for line in where.file(result).read_text().splitlines()]
    assert {type(row["prediction"]) for row in found} == {type(frame["y"].tolist()[0])}
    assert set(result.counts) == {str(label) for label in frame["y"].unique()}
    assert result.metrics["accuracy"] > 0.9
    right = np.mean([row["prediction"] == truth for row, truth in zip(found, frame["y"], strict=True)])
    assert right == pytest.approx(result.metrics["accuracy"])
    names = [name for name in found[0] if name.startswith("probability_")]
    assert names == [f"probability_{label}" for label in sorted(frame["y"].unique())]
    assert sum(found[0][name] for name in names) == pytest.approx(1, abs=1e-5)


def test_a_threshold_divides_two_classes(made: tuple[Desk, str]) -> None:
    where, model = made
    frame = cancer()
    frame.to_csv(where.folder / "all.csv", index=False)
    result = where.predict(model, "all.csv", threshold=0.05)
    rows = read_csv(where.file(result))
    assert all((float(row["probability_malignant"]) >= 0.05) == (row["prediction"] == "malignant") for row in rows)
    right = np.mean([row["prediction"] == row["diagnosis"] for row in rows])
    assert result.metrics["accuracy"] == pytest.approx(right)
    assert result.metrics["roc_auc"] == where.predict(model, "all.csv").metrics["roc_auc"]


def test_a_threshold_for_numbers_is_refused(amounts: tuple[Desk, str]) -> None:
    where, model = amounts
    load_diabetes(as_frame=True).data.to_csv(where.folder / "all.csv", index=False)
    problem = where.refused(model, "all.csv", threshold=0.3)
    assert (problem.code, problem.subject) == (ProblemCode.BAD_PARAMETER, "threshold")


def test_the_training_file_is_known_again(tmp_path: Path) -> None:
    import hashlib

    where = desk(tmp_path)
    cancer().to_csv(where.folder / "all.csv", index=False)
    digest = hashlib.sha256((where.folder / "all.csv").read_bytes()).hexdigest()
    model = where.learn(cancer(), "diagnosis", DecisionTreeClassifier(max_depth=5), data_hash=digest)
    assert where.predict(model, "all.csv").warnings == (
        "The model was trained on this very file, so the score on it says little.",
    )
    cancer().drop(columns="diagnosis").to_csv(where.folder / "new.csv", index=False)
    assert where.predict(model, "new.csv").metrics == {}


def test_the_score_counts_labels_that_training_never_saw_as_wrong(made: tuple[Desk, str]) -> None:
    where, model = made
    frame = cancer()
    frame.loc[:9, "diagnosis"] = "unclear"
    frame.loc[10:19, "diagnosis"] = None
    frame.to_csv(where.folder / "strange.csv", index=False)
    result = where.predict(model, "strange.csv")
    assert result.warnings == ("10 rows have a value in 'diagnosis' that training never saw; they count as wrong.",)
    rows = read_csv(where.file(result))
    known = [row for row in rows if row["diagnosis"]]
    assert result.metrics["accuracy"] == pytest.approx(
        np.mean([row["prediction"] == row["diagnosis"] for row in known])
    )


def test_a_score_of_many_rows_is_of_a_sample(amounts: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch) -> None:
    where, model = amounts
    frame = load_diabetes(as_frame=True).frame
    frame.to_csv(where.folder / "scored.csv", index=False)
    whole = where.predict(model, "scored.csv")
    monkeypatch.setattr("ray_jobs.predict.score._MOST_ROWS", 300)
    small_pieces(monkeypatch, 50)
    part = where.predict(model, "scored.csv")
    assert part.warnings[0] == "The score is of 300 rows, drawn at random from 442."
    assert part.metrics["rmse"] == pytest.approx(whole.metrics["rmse"], rel=0.1)
    assert part.metrics["rmse"] != whole.metrics["rmse"]


HOSTILE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(HOSTILE, max_size=4), label=HOSTILE)
def test_hostile_names_and_labels(tmp_path_factory: pytest.TempPathFactory, names: list[str], label: str) -> None:
    where = desk(tmp_path_factory.mktemp("hostile"))
    columns = {"x": [0.0, 1.0] * 20, "prediction": ["mine"] * 40, f"probability_{label}": ["too"] * 40}
    for name in names:
        columns.setdefault(name, [f"value {name}"] * 40)
    columns["y"] = [label, f"not {label}"] * 20
    frame = pd.DataFrame(columns)
    frame.to_csv(where.folder / "hostile.csv", index=False)
    kept = [name for name in frame.columns if name != "x"]
    model = where.learn(frame, "y", DecisionTreeClassifier(), leave_out=[name for name in kept if name != "y"])
    for output in ("csv", "parquet"):
        result = where.predict(model, "hostile.csv", output=output)
        path = where.file(result)
        if output == "csv":
            with open(path, encoding="utf-8", newline="") as file:
                header, *rows = csv.reader(file)
        else:
            table = pq.read_table(path)
            header, rows = table.column_names, [list(row.values()) for row in table.to_pylist()]
        assert len(set(header)) == len(header)
        assert len(rows) == 40
        assert "prediction-2" in header
        assert rows[0][header.index("prediction")] == "mine"


def test_hundreds_of_classes_and_columns(tmp_path: Path) -> None:
    where = desk(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(600, 120)), columns=[f"c{n}" for n in range(120)])
    frame["y"] = [f"class {n % 300:03}" for n in range(600)]
    model = where.learn(frame, "y", DecisionTreeClassifier(max_depth=2))
    frame.to_csv(where.folder / "wide.csv", index=False)
    result = where.predict(model, "wide.csv")
    assert len(read_csv(where.file(result))[0]) == 121 + 1 + 300
    assert len(result.preview.columns) == 100
