"""The model store against ids, files and types that mean harm."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from ray_jobs.manifest import Manifest
from ray_jobs.models import PipelineModel
from ray_jobs.problems import Refused
from ray_jobs.schema import Column
from ray_jobs.shelf import drop_model, manifests, rename_model
from ray_jobs.spec import PathData, ProblemCode, TrainSpec
from ray_jobs.store import ModelStore, check_outputs, file_hash, version_warnings
from ray_jobs.target import Classes

_FIELDS: dict[str, Any] = {
    "model_id": "modelone1234",
    "job_id": "job1",
    "model": "linear_regression",
    "task": "regression",
    "target": "y",
    "columns": (Column(name="x", kind="number"),),
    "rows_train": 10,
    "spec": TrainSpec(data=PathData(path="a.csv"), target="y", model="linear_regression"),
    "data": "a.csv",
    "data_hash": "0" * 64,
    "created": 1.0,
}


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """One saved model, in models/modelone1234."""
    (tmp_path / "models").mkdir()
    (tmp_path / "scratch").mkdir()
    made = ModelStore(tmp_path / "models")
    fitted = LinearRegression().fit(np.arange(6).reshape(3, 2), np.arange(3))
    made.save(PipelineModel(pipeline=fitted), _FIELDS, tmp_path / "scratch")
    return made


def code_of(store: ModelStore, model_id: str = "modelone1234") -> ProblemCode:
    with pytest.raises(Refused) as caught:
        store.load(model_id)
    return caught.value.problem.code


def put(store: ModelStore, name: str, source: Path) -> None:
    """Puts a file in place of the model's and its right hash into the manifest, as whoever can write there could."""
    folder = store.folder / "modelone1234"
    shutil.copy(source, folder / name)
    told = json.loads((folder / "manifest.json").read_text())
    told["files"] = {name: file_hash(folder / name)}
    (folder / "manifest.json").write_text(json.dumps(told))


def test_what_was_saved_is_loaded(store: ModelStore) -> None:
    manifest, model = store.load("modelone1234")
    assert isinstance(manifest, Manifest)
    assert isinstance(model, PipelineModel)
    assert [found["model_id"] for found in manifests(store.folder)] == ["modelone1234"]
    assert version_warnings(manifest) == []
    older = manifest.model_copy(update={"versions": {**manifest.versions, "scikit-learn": "1.2.3"}})
    assert "scikit-learn 1.2.3" in version_warnings(older)[0]


@pytest.mark.parametrize(
    "hostile", ["..", ".", "", "../models/modelone1234", "/etc", "a\0b", "MODEL", "abcd\n", "x" * 40]
)
def test_hostile_ids_find_and_drop_nothing(store: ModelStore, hostile: str) -> None:
    assert code_of(store, hostile) is ProblemCode.MODEL_NOT_FOUND
    assert not drop_model(store.folder, hostile)
    assert store.load("modelone1234")


def test_a_changed_file_is_not_opened(store: ModelStore) -> None:
    with open(store.folder / "modelone1234" / "model.skops", "ab") as file:
        file.write(b"x")
    assert code_of(store) is ProblemCode.MODEL_DAMAGED


def test_a_missing_or_linked_file_is_not_opened(store: ModelStore, tmp_path: Path) -> None:
    path = store.folder / "modelone1234" / "model.skops"
    shutil.move(path, tmp_path / "elsewhere")
    assert code_of(store) is ProblemCode.MODEL_DAMAGED
    path.symlink_to(tmp_path / "elsewhere")
    assert code_of(store) is ProblemCode.MODEL_DAMAGED


def test_types_outside_the_list_are_not_made(store: ModelStore, tmp_path: Path) -> None:
    skops.io.dump(FunctionTransformer(os.system), tmp_path / "evil")
    put(store, "model.skops", tmp_path / "evil")
    assert code_of(store) is ProblemCode.MODEL_DAMAGED


def test_a_pickle_is_not_opened(store: ModelStore, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return subprocess.check_call, (["touch", str(tmp_path / "ran")],)

    (tmp_path / "evil").write_bytes(pickle.dumps(Evil()))
    put(store, "model.skops", tmp_path / "evil")
    assert code_of(store) is ProblemCode.MODEL_DAMAGED
    put(store, "model.pkl", tmp_path / "evil")
    assert code_of(store) is ProblemCode.MODEL_DAMAGED
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "change", [{"model_id": "another12345"}, {"files": {"../x": "0" * 64}}, {"format": 2}, {"x": 1}]
)
def test_a_manifest_that_lies_is_refused(store: ModelStore, change: dict[str, Any]) -> None:
    path = store.folder / "modelone1234" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert code_of(store) is ProblemCode.MODEL_DAMAGED


def test_a_model_that_is_a_link_is_neither_read_nor_emptied(store: ModelStore, tmp_path: Path) -> None:
    shutil.move(store.folder / "modelone1234", tmp_path / "real")
    (store.folder / "modelone1234").symlink_to(tmp_path / "real")
    assert code_of(store) is ProblemCode.MODEL_DAMAGED
    assert drop_model(store.folder, "modelone1234")
    assert (tmp_path / "real" / "manifest.json").exists()


def test_dropping_removes_the_whole_model(store: ModelStore) -> None:
    assert drop_model(store.folder, "modelone1234")
    assert list(store.folder.iterdir()) == []
    assert code_of(store) is ProblemCode.MODEL_NOT_FOUND


@pytest.mark.parametrize(
    "change",
    [
        {"task": "classification"},
        {"classes": {"labels": ["a", "b"]}},
        {"task": "classification", "classes": {"labels": []}},
        {"task": "classification", "classes": {"labels": ["a"]}},
        {"created": 1e300},
        {"created": 5e9},
        {"version": 2**31},
    ],
)
def test_a_manifest_that_disagrees_with_itself_is_refused(store: ModelStore, change: dict[str, Any]) -> None:
    path = store.folder / "modelone1234" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert code_of(store) is ProblemCode.MODEL_DAMAGED


def test_answers_that_the_manifest_does_not_tell_of_are_refused(store: ModelStore) -> None:
    manifest, _ = store.load("modelone1234")
    check_outputs(manifest, np.zeros(3))
    classes = {"task": "classification", "classes": Classes(labels=("a", "b"))}
    with pytest.raises(Refused) as refused:
        check_outputs(manifest.model_copy(update=classes), np.zeros((3, 3)))
    assert refused.value.problem.code is ProblemCode.MODEL_DAMAGED


_DEEP = "[" * 200_000


@pytest.mark.parametrize(
    "strange", ['{"created": "x"}', '{"created": []}', '{"created": null}', '{"created": 1' + "0" * 400 + "}", _DEEP]
)
def test_one_strange_manifest_leaves_the_others_on_the_shelf(store: ModelStore, strange: str) -> None:
    (store.folder / "other1234567").mkdir()
    told = strange if strange == _DEEP else json.dumps({**json.loads(strange), "model_id": "other1234567", "name": "n"})
    (store.folder / "other1234567" / "manifest.json").write_text(told)
    assert manifests(store.folder)[0]["model_id"] == "modelone1234"
    assert store.next_version("new") == 1
    assert rename_model(store.folder, "modelone1234", "new") == 1
    if strange == _DEEP:
        with pytest.raises(LookupError):
            rename_model(store.folder, "other1234567", "new")


def test_a_huge_version_is_none(store: ModelStore) -> None:
    path = store.folder / "modelone1234" / "manifest.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "version": 2**31 - 1}))
    assert store.next_version(told["name"]) == 2
