"""Classes or a number, and labels that stay what they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode
from ray_jobs.target import infer_task, target_of


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 20, "classification"),
        ([True, False] * 20, "classification"),
        ([0, 1] * 20, "classification"),
        ([0] * 999 + [1], "classification"),
        ([0, 1, 2] * 50, "classification"),
        ([0.0, 1.0, 2.0] * 50, "classification"),
        (list(range(10)) * 100, "classification"),
        ([0.5, 1.0] * 50, "regression"),
        (list(range(40)), "regression"),
        (list(range(21)) * 100, "regression"),
        (list(range(15)) * 4, "regression"),  # few distinct values, but each too rarely to be a code
        ([1, 2, 3, 4, 5] * 30 + [80], "regression"),
        (np.random.default_rng(0).poisson(3, 500).tolist(), "regression"),  # counts, with rare high ones
    ],
)
def test_the_task_of_a_target(values: list[Any], task: str) -> None:
    assert infer_task(pd.Series(values)) == task


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["no", "yes"] * 10, ("no", "yes")),
        ([3, 7] * 10, (3, 7)),
        ([True, False] * 10, (False, True)),
        ([3, 7, None] * 10, (3, 7)),
        ([True, False, None] * 10, (False, True)),
        ([1.5, 2.5] * 10, (1.5, 2.5)),
    ],
)
def test_labels_stay_what_they_were(values: list[Any], labels: tuple[Any, ...]) -> None:
    target = target_of(pd.DataFrame({"y": values}), "y", "classification")
    assert target.classes is not None
    assert target.classes.labels == labels
    assert [type(label) for label in target.classes.labels] == [type(label) for label in labels]
    again = type(target.classes).model_validate_json(target.classes.model_dump_json())
    assert [type(label) for label in again.labels] == [type(label) for label in labels]
    known = [value for value in values if value is not None]
    assert again.decode(np.asarray(target.values)) == known
    assert len(target.rows) == len(known)
    assert bool(target.warnings) == (len(known) < len(values)) or isinstance(labels[0], int)


def test_labels_are_found_again_in_another_type() -> None:
    classes = target_of(pd.DataFrame({"y": [1, 2] * 10}), "y", "classification").classes
    assert classes is not None
    assert classes.encode(pd.Series([1.0, 2.0, np.nan])).tolist() == [0, 1, -1]
    assert classes.encode(pd.Series(["2", "x"])).tolist() == [1, -1]


@pytest.mark.parametrize(
    ("column", "task", "code"),
    [
        ([1.5] * 20, None, ProblemCode.TARGET_CONSTANT),
        (["a"] * 19 + [None], None, ProblemCode.TARGET_CONSTANT),
        ([None] * 20, None, ProblemCode.TARGET_EMPTY),
        ([float("inf"), float("nan")] * 10, None, ProblemCode.TARGET_EMPTY),
        (["a", "b", "a"], None, ProblemCode.TOO_FEW_ROWS),
        ([f"text {n}" for n in range(100)], None, ProblemCode.TOO_MANY_CLASSES),
        (["same"] * 2 + [f"text {n}" for n in range(100)], None, ProblemCode.TOO_MANY_CLASSES),
        ([f"text {n // 2}" for n in range(2002)], None, ProblemCode.TOO_MANY_CLASSES),
        (["a", "b"] * 20, "regression", ProblemCode.MODEL_NOT_FOR_TASK),
    ],
)
def test_targets_that_cannot_be_learned(column: list[Any], task: Any, code: ProblemCode) -> None:
    with pytest.raises(Refused) as caught:
        target_of(pd.DataFrame({"y": column}), "y", task)
    assert caught.value.problem.code is code
    assert caught.value.problem.subject == "y"


def test_two_classes_of_two_rows_are_enough() -> None:
    target = target_of(pd.DataFrame({"y": ["a", "a", "b", "b", *(f"only {n}" for n in range(26))]}), "y", None)
    assert target.classes is not None
    assert len(target.classes.labels) == 28
    large = [10**20, 2 * 10**20, 3 * 10**20] * 10  # Python's own numbers, in a column of objects
    assert target_of(pd.DataFrame({"y": large}), "y", None).task == "regression"


def test_durations_are_numbers_of_seconds() -> None:
    took = pd.Series(pd.to_timedelta([n * 1500 for n in range(40)], unit="ms"), name="y")
    target = target_of(took.to_frame(), "y", None)
    assert (target.task, target.values[:2].tolist()) == ("regression", [0.0, 1.5])
    twice = target_of(took.iloc[[1, 3] * 10].reset_index(drop=True).to_frame(), "y", "classification")
    assert twice.classes is not None
    assert twice.classes.labels == (1.5, 4.5)


def test_whole_numbers_of_many_digits_are_amounts_unless_they_look_like_codes() -> None:
    amounts = [str(10**30 + n * 10**28) for n in range(39)]
    target = target_of(pd.DataFrame({"y": [*amounts, None]}), "y", None)
    assert target.task == "regression"
    assert target.values.tolist() == [float(text) for text in amounts]
    codes = [str(10**30), str(10**30 + 1)] * 10
    kept = target_of(pd.DataFrame({"y": codes}), "y", None)
    assert kept.classes is not None
    assert kept.classes.labels == tuple(codes[:2])
    with pytest.raises(Refused, match="differ only after their first 15 digits"):
        target_of(pd.DataFrame({"y": [str(10**30 + n) for n in range(40)]}), "y", None)
    assert target_of(pd.DataFrame({"y": [str(10**30), str(10**20)] * 10}), "y", "regression").classes is None
    zeros = [f"{n:025}" for n in range(40)]
    assert infer_task(pd.Series(zeros)) == "classification"


@pytest.mark.parametrize("values", [[str(10**400 + n) for n in range(40)], [float("inf"), float("-inf")] * 20])
def test_numbers_too_large_for_any_model_are_refused_as_such(values: list[Any]) -> None:
    with pytest.raises(Refused, match="all are infinite or too large"):
        target_of(pd.DataFrame({"y": values}), "y", None)


def test_a_target_that_is_not_there_brings_the_nearest_names() -> None:
    frame = pd.DataFrame({"Price": [1, 2], "size": [1, 2]})
    with pytest.raises(Refused) as caught:
        target_of(frame, "prize", None)
    assert caught.value.problem.code is ProblemCode.TARGET_MISSING
    assert caught.value.problem.suggestions[0] == "Price"
