"""What a prediction adds to the rows, what it tells of them, and the score."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, load_wine
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ray_jobs.manifest import Interval
from ray_jobs.spec import ProblemCode
from tests.support.predicting import Desk, cancer, desk, diagnosing, estimating, read_csv, small_pieces


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    return diagnosing(tmp_path_factory.mktemp("answers"))


@pytest.fixture(scope="module")
def amounts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    return estimating(tmp_path_factory.mktemp("amounts"))


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


def test_bounds_beyond_floating_point_are_its_last_number(tmp_path: Path) -> None:
    where = desk(tmp_path)
    frame = pd.DataFrame({"x": np.arange(40.0), "y": np.where(np.arange(40) % 2, 1e307, -1e307)})
    interval = Interval(level=0.9, below=1.79e308, above=1.79e308)
    model = where.learn(frame, "y", DecisionTreeRegressor(), task="regression", interval=interval)
    frame.drop(columns="y").to_csv(where.folder / "x.csv", index=False)
    found = read_csv(where.file(where.predict(model, "x.csv")))
    largest = float(np.finfo(np.float64).max)
    assert {float(row["prediction_high"]) for row in found} == {largest, 1.79e308 - 1e307}


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


#: Which delimiter a CSV has is for the reader to find out, and not what is tested here.
HOSTILE = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="|;"), min_size=1, max_size=12)


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
