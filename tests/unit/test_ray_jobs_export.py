"""Exports of the card and of Python: what lies in the file, who may have it, and that it predicts by itself."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_jobs.export.exporting import file_stem
from ray_jobs.export.sources import sources
from ray_jobs.models import EnsembleModel
from ray_jobs.schema import conform
from ray_jobs.spec import ProblemCode
from ray_jobs.store import ModelStore
from ray_jobs.trusted import TRUSTED_TYPES
from tests.support.learned_flights import (
    COLUMNS,
    NUMBERS,
    exported,
    flights,
    keep,
    learn,
    place_in,
    refused,
)

#: Reads the table and the answers of `predict.py` as bytes that lose nothing, in a process that knows the folder alone.
_ALONE = """
import json, sys
sys.path = [path for path in sys.path if "site-packages" in path or "python3" in path]
sys.path.insert(0, sys.argv[1])
import pandas as pd
from predict import predict
found = predict(pd.read_parquet(sys.argv[2]))
found.to_parquet(sys.argv[3])
ours = [module for name, module in sys.modules.items() if name.split(".")[0] == "ray_jobs"]
print(json.dumps({
    "loaded": sorted(name for name in ("ray", "head", "bot", "node_join", "tensorflow") if name in sys.modules),
    "elsewhere": sorted({module.__file__ for module in ours if not module.__file__.startswith(sys.argv[1])}),
}))
"""


def predicted_alone(archive: Path, folder: Path) -> pd.DataFrame:
    """What the unzipped export says of all flights, in a fresh process."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    flights().to_parquet(folder / "in.parquet")
    paths = [str(folder), str(folder / "in.parquet"), str(folder / "out")]
    command = [sys.executable, "-I", "-W", "ignore", "-c", _ALONE, *paths]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == {"loaded": [], "elsewhere": []}
    return pd.read_parquet(folder / "out")


def test_an_exported_ensemble_predicts_the_same_without_us(tmp_path: Path) -> None:
    place = place_in(tmp_path / "node")
    learned = [learn(name, "late") for name in ("lightgbm", "xgboost", "catboost", "svm", "k_nearest_neighbors")]
    learned += [learn(name, "late") for name in ("hist_gradient_boosting", "naive_bayes", "logistic_regression")]
    weights = (0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
    model = EnsembleModel(members=tuple(each.model for each in learned), weights=weights)
    manifest = keep(place, learned[0], "model1", "Flüge, spät", model)
    result = exported(place, "model1", "python")
    assert result.file == "Flüge-spät-v1.python.zip"
    assert result.path == f"/home/ann/hayride/results/{result.file}"
    assert result.bytes == (place.results / result.file).stat().st_size
    assert (place.job("exportmodel1python") / result.file).resolve() == (place.results / result.file).resolve()
    found = predicted_alone(place.results / result.file, tmp_path / "alone")
    _, loaded = ModelStore(place.models).load("model1")
    expected = loaded.outputs(conform(flights(), manifest.columns)[0])
    assert manifest.classes is not None
    assert found.columns.tolist() == ["prediction", "probability_False", "probability_True"]
    np.testing.assert_array_equal(found[["probability_False", "probability_True"]].to_numpy(), expected)
    assert found["prediction"].tolist() == manifest.classes.decode(expected.argmax(axis=1))


def test_an_exported_regression_tells_its_interval_and_nothing_of_the_machine(tmp_path: Path) -> None:
    place = place_in(tmp_path / "node")
    keep(place, learn("polynomial", "arr_delay"), "model1")
    result = exported(place, "model1", "python")
    found = predicted_alone(place.results / result.file, tmp_path / "alone")
    manifest, loaded = ModelStore(place.models).load("model1")
    expected = loaded.outputs(conform(flights(), manifest.columns)[0])
    np.testing.assert_array_equal(found["prediction"], expected)
    np.testing.assert_array_equal(found["prediction_low"], expected - 20)
    np.testing.assert_array_equal(found["prediction_high"], expected + 30)
    with zipfile.ZipFile(place.results / result.file) as file:
        told = {name: file.read(name) for name in file.namelist()}
    assert not [
        name
        for name, content in told.items()
        if b"secret" in content or (name == "model.json" and b"quantiles" in content)
    ]
    assert b"scikit-learn==" in told["requirements.txt"]
    assert b"lightgbm" not in told["requirements.txt"]
    assert b"Predicts arr_delay" in told["README.md"]


def test_a_file_that_was_changed_on_the_way_is_not_opened(tmp_path: Path) -> None:
    place = place_in(tmp_path / "node")
    keep(place, learn("ridge", "arr_delay"), "model1")
    with zipfile.ZipFile(place.results / exported(place, "model1", "python").file) as file:
        file.extractall(tmp_path / "alone")
    with (tmp_path / "alone" / "model" / "model.skops").open("ab") as file_:
        file_.write(b"x")
    flights().to_csv(tmp_path / "in.csv", index=False)
    command = [sys.executable, "-I", str(tmp_path / "alone" / "predict.py"), str(tmp_path / "in.csv")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "model.skops is not the file that was exported" in answer.stderr


def test_the_modules_that_go_along_are_few_and_load_nothing_of_jobs() -> None:
    names = {*sources(["ray_jobs.models", *(name.rpartition(".")[0] for name in TRUSTED_TYPES)])}
    assert {"ray_jobs/models.py", "ray_jobs/features/table.py", "ray_jobs/spec/base.py"} <= names
    for module in ("agent", "work", "predict", "reading", "auto", "streaming", "export", "place"):
        assert not [name for name in names if name.startswith((f"ray_jobs/{module}.", f"ray_jobs/{module}/"))]


def test_the_card_is_the_one_that_was_kept(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    keep(place, learn("ridge", "arr_delay"), "model1", "delays")
    problem = refused(place, "model1", "card")
    assert (problem.code, "Train it again" in problem.message) == (ProblemCode.NO_EXPORT, True)
    (place.models / "model1" / "card.html").write_text("<p>card</p>")
    files = [exported(place, "model1", "card").file for _ in range(2)]
    assert files == ["delays-v1.card.html", "delays-v1-2.card.html"]
    assert {(place.results / file).read_text() for file in files} == {"<p>card</p>"}
    assert not list(place.job("exportmodel1card").glob("unfinished/*"))


def test_a_link_in_place_of_a_card_is_not_followed(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    keep(place, learn("ridge", "arr_delay"), "model1")
    (place.models / "model1" / "card.html").symlink_to("/etc/passwd")
    assert refused(place, "model1", "card").code is ProblemCode.NO_EXPORT


@pytest.mark.parametrize(
    ("name", "columns", "holds"),
    [
        ("k_nearest_neighbors", NUMBERS, "rows that it learned from"),
        ("svm", NUMBERS, "rows that it learned from"),
        ("lightgbm", COLUMNS, "values of the columns"),
        ("ridge", COLUMNS, "values of the columns"),
        ("lightgbm", NUMBERS, ""),
        ("mlp", NUMBERS, ""),
    ],
)
def test_what_holds_rows_stays_where_the_owner_shares_none(tmp_path: Path, name: str, columns: Any, holds: str) -> None:
    place = place_in(tmp_path, share_rows=False)
    keep(place, learn(name, "late", columns), "model1")
    if not holds:
        assert exported(place, "model1", "python").bytes > 0
        return
    for form in ("python", "onnx"):
        problem = refused(place, "model1", form)
        assert (problem.code, holds in problem.message) == (ProblemCode.NO_EXPORT, True)
    assert list(place.results.iterdir()) == []


def test_what_is_not_there_or_damaged_is_refused(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    assert refused(place, "nomodel1", "python").code is ProblemCode.MODEL_NOT_FOUND
    keep(place, learn("ridge", "arr_delay"), "model1")
    with (place.models / "model1" / "model.skops").open("ab") as file:
        file.write(b"x")
    assert refused(place, "model1", "python").code is ProblemCode.MODEL_DAMAGED


@given(st.text(max_size=100), st.integers(1, 2**31 - 1))
def test_a_models_name_makes_a_plain_file_name(name: str, version: int) -> None:
    stem = file_stem(name, version)
    assert Path(stem).name == stem
    assert not stem.startswith((".", "-"))
    assert len(f"{stem}-999.python.zip".encode()) < 250
