"""Models by name and version in the store of one place: counted, renamed, raced for; and ids that mean harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_jobs.manifest import Manifest
from ray_jobs.place import Place
from ray_jobs.problems import Refused
from ray_jobs.schema import Column
from ray_jobs.shelf import drop_model, manifests, rename_model
from ray_jobs.spec import MODEL_NAME_LIMIT, PathData, ProblemCode, TrainSpec, clean_name, made_name
from ray_jobs.store import ModelStore


@dataclass(frozen=True)
class Stone:
    """A model that is a file and nothing more."""

    def outputs(self, frame: object) -> object:
        raise AssertionError("nobody asks a stone")

    def save(self, folder: Path) -> tuple[str, ...]:
        (folder / "model.txt").write_text("stone")
        return ("model.txt",)


def save(store: ModelStore, model_id: str, name: str = "") -> Manifest:
    scratch = store.folder.parent / f"scratch-{model_id}"
    scratch.mkdir()
    spec = TrainSpec(data=PathData(path="a.csv"), target="y", model="lightgbm", name=name)
    fields = {
        "model_id": model_id, "job_id": "job1", "model": "lightgbm", "task": "regression", "target": "y", "spec": spec,
        "columns": (Column(name="x", kind="number"),), "rows_train": 10, "data": "a.csv", "data_hash": "0" * 64,
        "created": 1.0,
    }  # fmt: skip
    return store.save(Stone(), fields, scratch)  # type: ignore[arg-type]  # the store never looks into a model


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    (tmp_path / "models").mkdir()
    return ModelStore(tmp_path / "models")


def called(store: ModelStore) -> dict[str, tuple[str, int]]:
    return {each["model_id"]: (each["name"], each["version"]) for each in manifests(store.folder)}


def test_the_same_name_again_is_the_next_version(store: ModelStore) -> None:
    for model_id, name in (("m001", "Churn"), ("m002", " churn\n"), ("m003", ""), ("m004", ""), ("m005", "other")):
        save(store, model_id, name)
    assert called(store) == {
        "m001": ("Churn", 1), "m002": ("churn", 2), "m003": ("y-lightgbm", 1), "m004": ("y-lightgbm", 2),
        "m005": ("other", 1),
    }  # fmt: skip
    assert store.next_version("CHURN") == 3
    assert {path.name for path in store.folder.iterdir()} == {"m001", "m002", "m003", "m004", "m005"}


def test_a_renamed_model_is_the_next_version_of_its_new_name(store: ModelStore) -> None:
    for model_id in ("m001", "m002", "m003"):
        save(store, model_id, "churn")
    assert rename_model(store.folder, "m002", "best") == 1
    assert rename_model(store.folder, "m001", "best") == 2
    assert rename_model(store.folder, "m001", " Best ") == 2
    assert called(store) == {"m001": ("Best", 2), "m002": ("best", 1), "m003": ("churn", 3)}
    renamed = Manifest.model_validate_json((store.folder / "m001" / "manifest.json").read_text())
    assert (renamed.name, renamed.rows_train, set(renamed.files)) == ("Best", 10, {"model.txt"})
    assert store.next_version("churn") == 4


def test_what_cannot_be_renamed(store: ModelStore, tmp_path: Path) -> None:
    save(store, "m001")
    for name in ("", " \t\n", "\u202e", "\x00"):
        with pytest.raises(ValueError, match="not a name"):
            rename_model(store.folder, "m001", name)
    os.rename(store.folder / "m001", tmp_path / "elsewhere")
    (store.folder / "m001").symlink_to(tmp_path / "elsewhere")
    (store.folder / "m002").mkdir()
    (store.folder / "m002" / "manifest.json").write_text("{}")
    for model_id in ("m001", "m002", "m003", "../elsewhere"):
        with pytest.raises(LookupError):
            rename_model(store.folder, model_id, "new")
    assert json.loads((tmp_path / "elsewhere" / "manifest.json").read_text())["name"] == "y-lightgbm"


def test_whoever_can_write_a_manifest_stops_nobody_from_counting(store: ModelStore) -> None:
    save(store, "m001", "churn")
    path = store.folder / "m001" / "manifest.json"
    strange: list[object] = [None, "two", True, [], 1.5]
    for version in strange:
        path.write_text(json.dumps({**json.loads(path.read_text()), "version": version}))
        assert store.next_version("churn") == 2


_SAVES = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_ray_jobs_names import ModelStore, save
store = ModelStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(15):
    save(store, f"{sys.argv[2]}{number:04}", "churn")
"""


def test_jobs_that_end_side_by_side_never_get_the_same_version(store: ModelStore) -> None:
    here = str(Path(__file__).parent)
    commands = [[sys.executable, "-c", _SAVES, str(store.folder), letter, here] for letter in "ab"]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for command in commands
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.communicate("go\n", timeout=60)
        assert process.returncode == 0
    assert sorted(version for _, version in called(store).values()) == list(range(1, 31))


@given(st.text(max_size=300))
def test_a_cleaned_name_is_short_and_one_line_and_stays_as_it_is(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= MODEL_NAME_LIMIT
    assert name == clean_name(name) == name.strip()
    assert not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name)
    name.encode()
    assert made_name(text, text)


@contextmanager
def _guarded() -> Iterator[tuple[ModelStore, Path]]:
    """A store with a neighbour that nobody may touch, and all that is outside the store."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "models").mkdir()
        (root / "neighbour").mkdir()
        (root / "neighbour" / "manifest.json").write_text('{"model_id": "neighbour", "name": "a", "version": 1}')
        yield ModelStore(root / "models"), root


@given(
    st.text()
    | st.sampled_from(["../neighbour", "..", ".", "/", "neighbour/../../neighbour", "neighbour\n", "\x00"])
    | st.from_regex(r"(\.\./){1,4}[a-z]{4,12}", fullmatch=True)
)
def test_no_id_leaves_the_stores_folder(model_id: str) -> None:
    with _guarded() as (store, root):
        for folder in (store.folder, root / "models" / "nothing-here-yet"):
            with pytest.raises(Refused) as caught:
                ModelStore(folder).load(model_id)
            assert caught.value.problem.code is ProblemCode.MODEL_NOT_FOUND
        with pytest.raises(LookupError):
            rename_model(store.folder, model_id, "new")
        assert not drop_model(store.folder, model_id)
        assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == [
            "models", "neighbour", "neighbour/manifest.json",
        ]  # fmt: skip
        assert '"name": "a"' in (root / "neighbour" / "manifest.json").read_text()


@given(st.text())
def test_no_jobs_id_leaves_its_folder(job_id: str) -> None:
    place = Place(folder=Path("/node"), folder_as_owner_knows="/node", home="/", quota=1)
    try:
        path = place.job(job_id)
    except ValueError:
        return
    assert path.parent == Path("/node/jobs")
    assert path.name == job_id
