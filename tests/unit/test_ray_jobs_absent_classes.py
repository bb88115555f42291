"""Classes that the training rows, or a fold's, have none of; and training rows that can't be divided into folds."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from ray_jobs.place import Place
from ray_jobs.spec import GroupSplit, ProblemCode, RandomSplit, TimeSplit
from ray_jobs.store import ModelStore
from tests.support.training import place as place
from tests.support.training import refusal, trained, written

_MODELS = ("decision_tree", "hist_gradient_boosting", "lightgbm", "logistic_regression", "svm", "xgboost")


def labelled(labels: list[str], **columns: list[Any]) -> pd.DataFrame:
    rows = len(labels)
    return pd.DataFrame({"row": range(rows), "x": [(7 * row) % 10 / 10 for row in range(rows)], "t": labels, **columns})


@pytest.mark.parametrize("model", _MODELS)
def test_a_class_of_the_future_is_not_learned_and_counts_as_wrong(place: Place, model: str) -> None:
    data = written(place, labelled(["a", "c"] * 17 + ["b", "a"] * 3))
    split = TimeSplit(column="row", test_fraction=0.15)
    result, _ = trained(place, data, "t", model=model, split=split, folds=3)
    assert result.classes == ("a", "c")
    assert result.metrics["accuracy"] <= 0.5
    assert "3 held-out rows have a class that training never saw; they count as wrong." in result.warnings
    manifest = ModelStore(place.models).manifest(result.model_id)
    assert manifest.classes is not None
    assert manifest.classes.labels == ("a", "c")


def test_training_rows_of_one_class_are_refused(place: Place) -> None:
    late = written(place, labelled(["a"] * 38 + ["b"] * 2))
    assert refusal(place, late, "t", model="decision_tree", split=TimeSplit(column="row")) is (
        ProblemCode.TARGET_CONSTANT
    )
    assert refusal(place, late, "t", model="auto", budget=5, split=TimeSplit(column="row")) is (
        ProblemCode.TARGET_CONSTANT
    )


def test_a_test_group_of_classes_never_learned_is_refused_and_one_of_some_is_not(place: Place) -> None:
    groups: list[Any] = [row % 2 for row in range(26)] + [2] * 14
    split, labels = GroupSplit(column="g"), ["b", "b", "c"] * 8 + ["b", "c"]  # with seed 0 the last group tests
    strange = written(place, labelled(labels + ["a"] * 14, g=groups))
    assert refusal(place, strange, "t", model="logistic_regression", split=split) is ProblemCode.BAD_SPLIT
    known = written(place, labelled(labels + ["a", "b"] * 7, g=groups))
    result, _ = trained(place, known, "t", model="logistic_regression", split=split, folds=2)
    assert result.classes == ("b", "c")
    assert result.fold_metrics["accuracy"] > 0


@pytest.mark.parametrize("model", _MODELS)
def test_a_fold_may_lack_a_class(place: Place, model: str) -> None:
    data = written(place, labelled(["a", "c"] * 20 + ["b"]))
    result, _ = trained(place, data, "t", model=model, split=RandomSplit(), folds=3)
    assert result.classes == ("a", "b", "c")
    assert 0 < result.fold_metrics["accuracy"] < 1
    assert result.fold_metrics["log_loss"] > 0


def test_a_fold_of_one_class_is_left_out(place: Place) -> None:
    data = written(place, labelled(["a"] * 20 + ["a", "b"] * 10))
    result, _ = trained(place, data, "t", model="decision_tree", split=TimeSplit(column="row"), folds=3)
    assert result.fold_metrics["accuracy"] > 0
    assert "2 of 3 folds were left out: their training rows have one class only." in result.warnings


@pytest.mark.parametrize("target", ["t", "x"])
def test_training_rows_of_one_time_make_no_folds(place: Place, target: str) -> None:
    days: list[Any] = ["2020-01-01"] * 30 + ["2021-01-01"] * 10
    data = written(place, labelled(["a", "b", "b", "a"] * 10, d=days))
    split = TimeSplit(column="d")
    result, _ = trained(place, data, target, model="decision_tree", split=split, folds=20)
    assert not result.fold_metrics
    assert any(note.startswith("No cross-validation was made.") for note in result.warnings)
    result, _ = trained(place, data, target, model="auto", budget=5, split=split)
    assert any("compared on rows taken at random" in note for note in result.warnings)


def test_fewer_folds_than_asked_for_are_told(place: Place) -> None:
    days: list[Any] = ["2020-01-01", None] * 14 + ["2020-02-02"] * 12
    data = written(place, labelled(["a", "b", "b", "a"] * 10, d=days))
    result, _ = trained(place, data, "t", model="decision_tree", split=TimeSplit(column="d"), folds=20)
    assert result.fold_metrics["accuracy"] > 0
    assert any("instead of 20 folds" in note for note in result.warnings)
