"""A machine's models through its agent: named and versioned by jobs, renamed, exported as jobs."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
import ray
from sklearn import datasets

from ray_jobs.place import Place
from ray_jobs.spec import ExportResult, ProblemCode, TrainResult
from tests.support.ray_machine import Machine, write_csv


@pytest.fixture(scope="module")
def trained(machine: Machine, place: Place) -> list[TrainResult]:
    """Two trainings under one name, side by side."""
    path = str(write_csv(place, "diabetes-named.csv", datasets.load_diabetes(as_frame=True).frame))
    spec = {"kind": "train", "data": {"kind": "path", "path": path}, "target": "target", "model": "ridge"}
    jobs = [machine.start({**spec, "name": name}) for name in ("Sugar", "sugar")]
    return [machine.result(job) for job in jobs]


def content(machine: Machine, job_id: str, name: str) -> bytes:
    found: bytes = machine.call("file_chunk", job_id, name, 0, machine.call("file_size", job_id, name))
    return found


def test_jobs_side_by_side_get_versions_of_their_own(trained: list[TrainResult]) -> None:
    assert sorted(result.version for result in trained) == [1, 2]
    assert {result.name for result in trained} == {"Sugar", "sugar"}


def test_a_model_is_exported_as_a_job(machine: Machine, trained: list[TrainResult]) -> None:
    for form, begins in (("card", b"<!doctype html>"), ("python", b"pk"), ("onnx", b"")):
        job_id = machine.start({"kind": "export", "model_id": trained[0].model_id, "form": form})
        result = machine.result(job_id)
        assert isinstance(result, ExportResult)
        assert (result.model_id, result.form) == (trained[0].model_id, form)
        assert result.path == f"/home/ann/.local/share/hayride/results/{result.file}"
        found = content(machine, job_id, result.file)
        assert len(found) == result.bytes
        assert found[:15].lower().startswith(begins)
        if form == "python":
            assert "predict.py" in zipfile.ZipFile(io.BytesIO(found)).namelist()


def test_a_renamed_model_goes_on_under_its_new_name(machine: Machine, trained: list[TrainResult]) -> None:
    model_id = trained[1].model_id
    assert machine.call("rename_model", model_id, "spring") == 1
    told = {model["model_id"]: (model["name"], model["version"]) for model in machine.call("models")}
    assert told[model_id] == ("spring", 1)
    job_id = machine.start({"kind": "export", "model_id": model_id, "form": "card"})
    assert machine.result(job_id).file == "spring-v1.card.html"
    failures: list[tuple[str, str, Any]] = [
        ("nosuchmodel", "x", LookupError), ("../journal", "x", LookupError), (model_id, " ", ValueError)
    ]  # fmt: skip
    for wrong_id, name, error in failures:
        with pytest.raises(ray.exceptions.RayTaskError) as caught:
            machine.call("rename_model", wrong_id, name)
        assert isinstance(caught.value.cause, error)


def test_an_export_of_nothing_is_refused(machine: Machine) -> None:
    job_id = machine.start({"kind": "export", "model_id": "nosuchmodel1", "form": "card"})
    assert machine.problem(job_id).code is ProblemCode.MODEL_NOT_FOUND
