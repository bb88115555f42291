"""Models that learn in rounds: held-out rows stop them, recorded rounds make them again, a deadline ends them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from tests.support.fits import Rows, fitted, rows_of

#: So that nothing takes long.
_QUICK: dict[str, dict[str, Any]] = {
    "catboost": {"iterations": 60, "learning_rate": 0.2},
    "gradient_boosting": {"n_estimators": 40},
    "xgboost": {"learning_rate": 0.3},
    "mlp": {"hidden_layer_sizes": [16], "learning_rate_init": 0.01, "max_iter": 40},
}
_BOOSTERS = ("gradient_boosting", "hist_gradient_boosting", "lightgbm", "xgboost", "catboost")


@pytest.fixture(scope="module")
def cancer() -> Rows:
    data = load_breast_cancer(as_frame=True)
    frame = data.data.iloc[:, :8].copy()
    frame["size"] = pd.Series(np.where(frame["mean area"] > 600, "large", "small"), dtype="str")
    return rows_of(frame, data.target, 2)


@pytest.fixture(scope="module")
def diabetes() -> Rows:
    data = load_diabetes(as_frame=True)
    return rows_of(data.data, data.target, 0)


@pytest.mark.parametrize("name", [*_BOOSTERS, "mlp"])
@pytest.mark.parametrize("task", ["classes", "number"])
def test_recorded_rounds_make_the_same_model(name: str, task: str, cancer: Rows, diabetes: Rows) -> None:
    rows = cancer if task == "classes" else diabetes
    learned, held = rows.at(slice(0, 300)), rows.at(slice(300, None))
    stopped = fitted(name, learned, _QUICK.get(name), held=held.held).model
    assert stopped.rounds is not None
    assert 1 <= stopped.rounds < 1000
    repeated = fitted(name, learned, _QUICK.get(name), rounds=stopped.rounds).model
    assert repeated.rounds == stopped.rounds
    np.testing.assert_array_equal(repeated.outputs(rows.frame), stopped.outputs(rows.frame))


@pytest.mark.parametrize("name", _BOOSTERS)
def test_held_out_rows_stop_before_it_gets_worse(name: str, cancer: Rows) -> None:
    learned, held = cancer.at(slice(0, 300)), cancer.at(slice(300, None))
    stopped = fitted(name, learned, _QUICK.get(name), held=held.held).model
    long = fitted(name, learned, _QUICK.get(name), rounds=400).model

    def loss(model: Any) -> float:
        return float(-np.log(model.outputs(held.frame)[np.arange(len(held.values)), held.values]).mean())

    assert loss(stopped) < loss(long)


@pytest.mark.parametrize("name", [*_BOOSTERS, "random_forest"])
def test_a_number_that_was_set_is_kept(name: str, cancer: Rows) -> None:
    parameter = {"hist_gradient_boosting": "max_iter", "catboost": "iterations"}.get(name, "n_estimators")
    assert fitted(name, cancer, {parameter: 7}).model.rounds == 7
    stopped = fitted(name, cancer, {parameter: 7}, held=cancer.at(slice(0, 50)).held).model
    assert stopped.rounds is not None
    assert stopped.rounds <= 10  # one of them grows ten at a time


@pytest.mark.parametrize("name", ["gradient_boosting", "lightgbm", "xgboost", "catboost", "random_forest", "mlp"])
def test_a_deadline_ends_it_with_what_there_is(name: str, cancer: Rows) -> None:
    parameter = {"catboost": "iterations", "mlp": "max_iter"}.get(name, "n_estimators")
    model = fitted(name, cancer, {parameter: 10_000}, deadline=time.monotonic() + 0.05).model
    assert model.rounds is not None
    assert 1 <= model.rounds < 10_000
    assert np.isfinite(model.outputs(cancer.frame)).all()


def test_histogram_boosting_is_timed_before_a_deadline() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(50_000, 21))).add_prefix("x")
    rows = rows_of(frame, frame["x0"] + rng.normal(size=50_000), 0)
    late = fitted("hist_gradient_boosting", rows, {"max_iter": 500}, deadline=time.monotonic())
    assert late.model.rounds == 1
    assert [step.name for step in late.steps] == ["training", "timing a trial", "training"]


@pytest.mark.parametrize("name", ["random_forest", "extra_trees", "lightgbm", "xgboost", "catboost", "mlp", "svm"])
def test_the_same_seed_gives_the_same_model(name: str, cancer: Rows) -> None:
    parameters = {"subsample": 0.7, "colsample_bytree": 0.7} if name in ("lightgbm", "xgboost") else _QUICK.get(name)
    first, again = (fitted(name, cancer, parameters, seed=3, threads=2).model.outputs(cancer.frame) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_another_seed_gives_another_forest(cancer: Rows) -> None:
    first, other = (fitted("random_forest", cancer, seed=seed).model.outputs(cancer.frame) for seed in (1, 2))
    assert np.abs(first - other).max() > 0


def test_weights_make_a_rare_class_count(cancer: Rows) -> None:
    rare = cancer.at(np.concatenate([np.flatnonzero(cancer.values == 0)[:20], np.flatnonzero(cancer.values == 1)]))
    for name in (*_BOOSTERS, "logistic_regression", "random_forest", "svm", "naive_bayes", "mlp", "decision_tree"):
        told = []
        for weight in (None, "balanced"):
            quick = _QUICK.get(name, {}) | ({"max_depth": 3} if name in ("decision_tree", "random_forest") else {})
            model = fitted(name, rare.at(slice(0, 200)), quick | {"class_weight": weight}).model
            told.append(model.outputs(cancer.frame)[:, 0].mean())
        assert told[1] > told[0], name
