"""Any table of 30 rows and more with a target that varies and one usable column is learned, whatever else is in it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ray_jobs.catalogue import entry_of
from ray_jobs.catalogue.epochs import run_epochs
from ray_jobs.problems import Refused
from ray_jobs.profiling import choose_features
from ray_jobs.schema import conform
from ray_jobs.spec import ProblemCode, Task
from ray_jobs.splitting import RowKeys, split_rows
from ray_jobs.target import target_of
from tests.support.fits import Rows, fitted

_MODELS = ("hist_gradient_boosting", "lightgbm", "logistic_regression", "linear_regression", "random_forest")
_OTHERS = ("ridge", "lasso", "polynomial", "decision_tree", "xgboost", "k_nearest_neighbors", "svm", "naive_bayes")
Random = np.random.Generator
Made = Callable[[Random, int], Any]


def _texts(values: Any) -> pd.Series:
    return pd.Series(np.asarray(values, dtype=object), dtype=object)


#: Columns that can be learned from, and columns that make trouble.
_USABLE: dict[str, Made] = {
    "number": lambda random, rows: random.normal(size=rows),
    "whole": lambda random, rows: random.integers(0, 9, rows),
    "category": lambda random, rows: _texts(random.choice(["a", "b", "c"], rows)),
}
_ODD: dict[str, Made] = {
    "gaps": lambda random, rows: np.where(random.random(rows) < 0.6, np.nan, random.normal(size=rows)),
    "empty": lambda random, rows: np.full(rows, np.nan),
    "constant": lambda random, rows: np.full(rows, 3.5),
    "nearly constant": lambda random, rows: np.where(np.arange(rows) == random.integers(rows), 1.0, 0.0),
    "infinite": lambda random, rows: random.choice([np.inf, -np.inf, np.nan, 1.0], rows),
    "huge": lambda random, rows: random.normal(size=rows) * 1e300,
    "tiny": lambda random, rows: random.normal(size=rows) * 1e-300,
    "far from zero": lambda random, rows: 1.7e9 + random.normal(size=rows),
    "large whole": lambda random, rows: random.integers(-(2**62), 2**62, rows),
    "boolean": lambda random, rows: _texts(random.choice(np.array([True, False, None], dtype=object), rows)),
    "key": lambda random, rows: _texts([f"key-{number}" for number in range(rows)]),
    "many categories": lambda random, rows: _texts([f"c{number}" for number in random.integers(0, rows, rows)]),
    "date": lambda random, rows: _texts([f"19{n:02}-03-07" for n in random.integers(10, 99, rows)]),
    "text": lambda random, rows: _texts([" ".join(random.choice(["red", "dog", "", "2"], 7)) for _ in range(rows)]),
    "blank text": lambda random, rows: _texts([" " * (number % 9 + 5) for number in range(rows)]),
    "mixed": lambda random, rows: _texts([(1.5, "x", None, True)[number % 4] for number in range(rows)]),
}
_NUMBERS: dict[str, Made] = {
    "normal": lambda random, rows: random.normal(size=rows),
    "huge": lambda random, rows: random.normal(size=rows) * 1e300,
    "tiny": lambda random, rows: random.normal(size=rows) * 1e-305,
    "skewed": lambda random, rows: random.lognormal(sigma=4.0, size=rows),
    "one differs": lambda random, rows: np.where(np.arange(rows) == 0, 1.0, 0.0),
    "far from zero": lambda random, rows: 1.7e9 + random.normal(size=rows),
    "gaps": lambda random, rows: np.where(np.arange(rows) % 5 == 0, np.nan, random.normal(size=rows)),
}
_CLASSES: dict[str, Made] = {
    "two": lambda random, rows: _texts(["a", "b"] * (rows // 2) + ["a"] * (rows % 2)),
    "two rows of one": lambda random, rows: _texts(["b", "b", *["a"] * (rows - 2)]),
    "one row of one": lambda random, rows: _texts(["once", *random.permutation(["a", "a", *["b"] * (rows - 3)])]),
    "two rows of each": lambda random, rows: _texts([f"k{number // 2}" for number in range(rows)]),
    "booleans": lambda random, rows: np.arange(rows) % 3 == 0,
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, Task]:
    rows = draw(st.integers(30, 70))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    usable = draw(st.sampled_from(sorted(_USABLE)))
    odd = draw(st.lists(st.sampled_from(sorted(_ODD)), max_size=4, unique=True))
    frame = pd.DataFrame({usable: _USABLE[usable](random, rows)} | {name: _ODD[name](random, rows) for name in odd})
    task: Task = draw(st.sampled_from(["regression", "classification"]))
    targets = _NUMBERS if task == "regression" else _CLASSES
    frame["target"] = targets[draw(st.sampled_from(sorted(targets)))](random, rows)
    return frame[draw(st.permutations(list(frame.columns)))], task


def check(name: str, table: pd.DataFrame, task: Task) -> None:
    """Learns three quarters of the rows and predicts all."""
    if task not in entry_of(name).tasks:
        return
    target = target_of(table, "target", task)
    columns, _ = choose_features(table, "target")
    frame, _ = conform(table, columns)
    classes = len(target.classes.labels) if target.classes else 0
    codes = target.values.astype(np.int64) if classes else None
    learned, _ = split_rows(RowKeys(codes=codes), len(target.values), 0.25, 0)
    rows = Rows(frame=frame.iloc[target.rows], columns=columns, values=target.values, classes=classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # scikit-learn on rare classes and on what has not settled
        outputs = fitted(name, rows.at(learned)).model.outputs(frame)
    assert outputs.shape == ((len(frame), classes) if classes else (len(frame),))
    assert np.isfinite(outputs).all()
    if classes:
        np.testing.assert_allclose(outputs.sum(axis=1), 1.0, atol=1e-6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_any_table_is_learned_and_predicted(table: tuple[pd.DataFrame, Task]) -> None:
    for name in _MODELS:
        check(name, *table)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_the_other_models_learn_it_too(table: tuple[pd.DataFrame, Task]) -> None:
    for name in _OTHERS:
        check(name, *table)


@pytest.mark.parametrize("name", [*_MODELS[:3], "random_forest", "gradient_boosting", "mlp"])
def test_a_column_that_is_constant_or_empty_after_the_split(name: str) -> None:
    """The only row that differs is not learned from: what is left is the share of each class."""
    frame = pd.DataFrame({"x": [7.0, *[1.0] * 39], "gap": [1.0, *[np.nan] * 39], "c": _texts(["a", *[None] * 39])})
    columns, _ = choose_features(frame.assign(target=1), "target")
    rows = Rows(frame=conform(frame, columns)[0], columns=columns, values=np.arange(40) % 2, classes=2)
    outputs = fitted(name, rows.at(slice(1, 40))).model.outputs(rows.frame)
    assert np.isfinite(outputs).all()
    # In single precision a row's last bit may hang on its place among the others.
    np.testing.assert_allclose(outputs[1:], outputs[1:2].repeat(39, axis=0), rtol=1e-6)


def test_what_a_library_refuses_of_the_data_is_refused_in_plain_words() -> None:
    frame = pd.DataFrame({"x": [7.0, *[1.0] * 39]})
    columns, _ = choose_features(frame.assign(target=1), "target")
    rows = Rows(frame=frame, columns=columns, values=np.arange(40) % 2, classes=2)
    with pytest.raises(Refused) as caught:
        fitted("catboost", rows.at(slice(1, 40)))
    assert caught.value.problem.code is ProblemCode.NOT_LEARNED
    assert ".cpp" not in caught.value.problem.message


@pytest.mark.parametrize(("losses", "kept"), [([0.5, float("nan")], 1), ([float("inf")], None)])
def test_a_network_that_leaves_the_numbers_keeps_its_best_epoch_or_is_refused(
    losses: list[float], kept: int | None
) -> None:
    training: Any = SimpleNamespace(rounds=None, held=None, deadline=None, classes=0, values=[0] * 30)
    told = iter(losses)
    epochs = run_epochs(training, 10, 5, watched=True, learn=lambda: (1.0, next(told)), weights=lambda: "weights")
    if kept is None:
        with pytest.raises(Refused) as caught:
            list(epochs)
        assert caught.value.problem.code is ProblemCode.NOT_LEARNED
        return
    assert [step.metrics["val_loss"] for step in iter(lambda: next(epochs, None), None)] == losses[:kept]


def test_a_support_vector_machine_refuses_very_many_classes() -> None:
    frame = pd.DataFrame({"x": np.arange(404.0)})
    columns, _ = choose_features(frame.assign(target=1), "target")
    with pytest.raises(Refused) as caught:
        fitted("svm", Rows(frame=frame, columns=columns, values=np.arange(404) % 101, classes=101))
    assert caught.value.problem.code is ProblemCode.TOO_MANY_CLASSES


def test_too_many_terms_are_refused_with_their_number() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 40))).add_prefix("x")
    columns, _ = choose_features(frame.assign(target=1), "target")
    rows = Rows(frame=frame, columns=columns, values=np.arange(60.0), classes=0)
    with pytest.raises(Refused) as caught:
        fitted("polynomial", rows, {"degree": 4})
    assert (caught.value.problem.code, caught.value.problem.subject) == (ProblemCode.BAD_PARAMETER, "degree")


@pytest.mark.parametrize(("name", "kept"), [("svm", 120), ("k_nearest_neighbors", 120)])
def test_rows_that_are_left_out_are_told(name: str, kept: int) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=400)})
    columns, _ = choose_features(frame.assign(target=1), "target")
    values = np.where(np.arange(400) == 17, 2, np.arange(400) % 2)  # one class has one row
    model = fitted(name, Rows(frame=frame, columns=columns, values=values, classes=3), {"max_rows": kept}).model
    assert model.outputs(frame).shape == (400, 3)
    assert model.notes == ("Learned from 120 of 400 rows, chosen at random: more would take too long.",)
