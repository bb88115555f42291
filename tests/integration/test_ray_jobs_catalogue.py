"""Entries of the catalogue on real data: trained by the agent on a real Ray, scored again by a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sklearn import datasets

from ray_jobs.place import Place
from ray_jobs.spec import Failed, Progress, TrainResult
from tests.support.ray_machine import Machine, write_csv

_DATA = {
    "digits": (datasets.load_digits, "classification"),
    "cancer": (datasets.load_breast_cancer, "classification"),
    "diabetes": (datasets.load_diabetes, "regression"),
}
#: One of each kind of model, with what it reaches at least with default settings: accuracy, or r2. All entries are
#: tested without Ray in test_catalogue_saved and test_catalogue_scores.
_REACHED = {
    ("hist_gradient_boosting", "digits"): 0.95,
    ("keras", "digits"): 0.93,
    ("lightgbm", "cancer"): 0.93,
    ("ridge", "diabetes"): 0.4,
    ("random_forest", "diabetes"): 0.35,
}
_CASES = list(_REACHED)


@dataclass(frozen=True, kw_only=True)
class Trained:
    results: dict[tuple[str, str], TrainResult]
    steps: dict[tuple[str, str], list[str]]
    again: dict[str, dict[str, float]]  #: by model id, from a fresh process


@pytest.fixture(scope="module")
def trained(machine: Machine, place: Place) -> Trained:
    paths = {name: str(write_csv(place, f"{name}.csv", load(as_frame=True).frame)) for name, (load, _) in _DATA.items()}
    jobs = {}
    for model, data in _CASES:
        spec = {"kind": "train", "data": {"kind": "path", "path": paths[data]}, "target": "target", "model": model}
        jobs[model, data] = machine.start(spec)
    events = {case: machine.events(job_id) for case, job_id in jobs.items()}
    assert not [found[-1] for found in events.values() if isinstance(found[-1], Failed)]
    results = {case: machine.result(job_id) for case, job_id in jobs.items()}
    arguments = [part for case in _CASES for part in (results[case].model_id, paths[case[1]])]
    program = [sys.executable, "-m", "tests.support.load_and_score", place.model_dump_json(), *arguments]
    answer = subprocess.run(program, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert answer.returncode == 0, answer.stderr
    steps = {case: [e.step for e in found if isinstance(e, Progress)] for case, found in events.items()}
    return Trained(results=results, steps=steps, again=json.loads(answer.stdout.splitlines()[-1]))


@pytest.mark.parametrize("case", _CASES)
def test_it_predicts_the_same_in_a_fresh_process(trained: Trained, case: tuple[str, str]) -> None:
    result = trained.results[case]
    tolerance = 1e-5 if case[0] == "keras" else 1e-9
    again = trained.again[result.model_id]
    shared = set(again) & set(result.metrics)
    assert len(shared) >= 3
    assert {name: again[name] for name in shared} == pytest.approx(
        {name: result.metrics[name] for name in shared}, rel=tolerance
    )


@pytest.mark.parametrize("case", _CASES)
def test_it_reaches_the_known_score_and_beats_the_baseline(trained: Trained, case: tuple[str, str]) -> None:
    result = trained.results[case]
    score = "accuracy" if result.task == "classification" else "r2"
    assert result.metrics[score] >= _REACHED[case]
    assert result.metrics[score] > result.baseline_metrics[score]
    error = "log_loss" if result.task == "classification" else "rmse"
    assert result.metrics[error] < result.baseline_metrics[error]


def test_progress_is_told_where_the_library_allows(trained: Trained) -> None:
    for case, steps in trained.steps.items():
        assert steps[0] == "reading", case
        assert steps[-1] == "saving", case
    assert sum(step.startswith("tree") for step in trained.steps["random_forest", "diabetes"]) == 5
    assert sum(step.startswith("epoch") for step in trained.steps["keras", "digits"]) > 5


def test_no_model_holds_a_pickle(trained: Trained, place: Place) -> None:
    names = {path.name for path in place.models.rglob("*") if path.is_file()}
    assert names <= {"manifest.json", "model.skops", "preprocessing.skops", "model.keras", "model.lgb", "model.cbm"} | {
        "card.html"
    }


def test_a_network_predicts_on_the_machine(trained: Trained, machine: Machine) -> None:
    model = trained.results["keras", "digits"].model_id
    data = {"kind": "path", "path": "digits.csv"}
    result: Any = machine.result(machine.start({"kind": "predict", "data": data, "model_id": model}))
    assert result.metrics["accuracy"] > 0.93
    assert set(result.counts) == {str(digit) for digit in range(10)}


def test_without_tensorflow_a_network_is_refused_by_name() -> None:
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from ray_jobs.catalogue.keras_network import load_keras\n"
        "from ray_jobs.problems import Refused\n"
        "try: load_keras()\n"
        "except Refused as refused: print(refused.problem.code)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["tensorflow_missing"]
