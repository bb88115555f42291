"""Predictions on files: rows as they stand, answers beside them, and where the result lies."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_diabetes
from sklearn.tree import DecisionTreeClassifier

from ray_jobs.spec import ProblemCode
from tests.support.predicting import ODD, Desk, cancer, desk, diagnosing, estimating, read_csv, small_pieces


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    return diagnosing(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def amounts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    return estimating(tmp_path_factory.mktemp("amounts"))


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


@pytest.mark.parametrize(("packed", "stem"), [("a.csv.gz", "a"), ("b.tsv.bz2", "b"), ("c.CSV.xz", "c")])
def test_a_packed_table_gives_a_plain_one(made: tuple[Desk, str], packed: str, stem: str) -> None:
    where, model = made
    delimiter = "\t" if "tsv" in packed else ","
    cancer().head(50).to_csv(where.folder / packed, index=False, sep=delimiter)
    result = where.predict(model, packed)
    assert result.file == f"{stem}.predictions.{'tsv' if 'tsv' in packed else 'csv'}"
    assert result.warnings[-1] == "The file was compressed; the result is not."
    assert len(read_csv(where.file(result), delimiter)) == 50


def test_a_decimal_comma_between_commas_is_quoted(amounts: tuple[Desk, str]) -> None:
    where, model = amounts
    frame = load_diabetes(as_frame=True).data.head(40).map(lambda value: f"{value:.4f}".replace(".", ","))
    frame.to_csv(where.folder / "commas.csv", index=False)
    rows = read_csv(where.file(where.predict(model, "commas.csv")))
    assert [row["age"] for row in rows] == list(frame["age"])
    low, middle = (float(rows[0][name].replace(",", ".")) for name in ("prediction_low", "prediction"))
    assert low == pytest.approx(middle - 70)


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


@pytest.mark.parametrize("given_as", ["csv", "parquet", "jsonl"])
def test_line_breaks_in_texts_and_labels_come_back_from_a_csv(
    tmp_path: Path, given_as: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = desk(tmp_path)
    kinds = ["a\nz", "b\rz", "c"] * 20
    notes = ["multi\nline", "old\rend", "both\r\nhere", "plain"] * 15
    frame = pd.DataFrame({"x": [float(ord(kind[0])) for kind in kinds], "note": notes, "kind": kinds})
    model = where.learn(frame, "kind", DecisionTreeClassifier(), leave_out=["note"])
    path = where.folder / f"breaks.{given_as}"
    if given_as == "csv":
        frame.to_csv(path, index=False, quoting=csv.QUOTE_NONNUMERIC)
    elif given_as == "parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True)
    small_pieces(monkeypatch, 7)
    found = pd.read_csv(where.file(where.predict(model, path.name, output="csv")))
    assert list(found.columns[3:5]) == ["prediction", "probability_a\nz"]
    pd.testing.assert_frame_equal(found[["x", "note", "kind"]], frame)
    assert list(found["prediction"]) == kinds


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


@pytest.mark.parametrize(
    ("given_as", "result"),
    [
        ("again.predictions.csv", "again.predictions.csv"),
        ("x.predic.predictionstions.csv", "x.predic.predictionstions.predictions.csv"),
    ],
)
def test_a_result_is_called_like_its_input(made: tuple[Desk, str], given_as: str, result: str) -> None:
    where, model = made
    cancer().head(20).to_csv(where.folder / given_as, index=False)
    assert where.predict(model, given_as).file == result


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
