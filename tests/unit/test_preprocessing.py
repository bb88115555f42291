"""Categories, numbers and targets in the form in which models take them, and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ray_jobs.features import (
    Bins,
    Codes,
    Family,
    Indicators,
    Scaler,
    TableFeatures,
    TargetMeans,
    learned_scale,
    preprocessing,
)
from ray_jobs.features.targets import logarithm_unit
from ray_jobs.schema import Column


def texts(values: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({"c": pd.Series(values, dtype="str")})


def numbers_alone(values: Any, *, squash: bool) -> Any:
    """The one column scaled, as a matrix."""
    features = preprocessing((Column(name="x", kind="number"),), "linear", squash=squash)
    return features.fit_transform(pd.DataFrame({"x": values}))


def test_few_categories_get_a_column_each_and_the_unknown_none() -> None:
    coder = Indicators(at_most=5, few=2, classes=None).fit(texts(["a", "b", "b", None]))
    assert coder.transform(texts(["b", "a", None, "new"])).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]


def test_many_categories_are_told_by_the_mean_of_the_target() -> None:
    rng = np.random.default_rng(0)
    city = rng.integers(0, 60, 3000)
    truth = (city % 5).astype(float)
    frame = texts([f"city {number}" for number in city])
    coder = Indicators(at_most=20, few=3, classes=0).fit(frame, truth)
    assert coder.widths == [3 + 1 + 1]  # the commonest, the rare ones, the mean
    assert np.corrcoef(coder.transform(frame)[:, -1], truth)[0, 1] > 0.99
    own = np.empty((len(frame), 5))
    coder.fill(frame, own, truth)
    assert np.corrcoef(own[:, -1], truth)[0, 1] > 0.95


def test_a_row_does_not_tell_its_own_target() -> None:
    rng = np.random.default_rng(0)
    frame = texts([f"key {number}" for number in range(400)])  # each category has one row
    truth = rng.normal(size=400)
    means = TargetMeans(classes=0).fit(frame, truth)
    assert np.corrcoef(means.transform(frame)[:, 0], truth)[0, 1] > 0.9
    assert abs(np.corrcoef(means.of_others(frame["c"], truth)[:, 0] + rng.normal(size=400), truth)[0, 1]) < 0.15


@pytest.mark.parametrize(("classes", "width"), [(0, 1), (2, 1), (3, 3)])
def test_means_for_each_class(classes: int, width: int) -> None:
    frame = texts(["a", "b"] * 20)
    means = TargetMeans(classes=classes).fit(frame, np.arange(40) % 2)
    assert means.transform(texts(["a", "b", "new", None])).shape == (4, width)
    assert means.transform(texts(["new", None])).tolist() == np.zeros((2, width)).tolist()


def test_a_straight_relation_stays_straight_and_outliers_do_not_rule() -> None:
    normal = np.random.default_rng(0).normal(7.0, 3.0, 2000)
    assert np.corrcoef(numbers_alone(normal, squash=True)[:, 0], normal)[0, 1] == pytest.approx(1.0, abs=1e-12)
    wild = np.append(normal, [1e12, -1e12, 1e300])
    found = numbers_alone(wild, squash=True)[:, 0]
    assert np.abs(found).max() <= 8.0
    assert 0.8 < found[:2000].std() < 1.2
    assert np.all(np.diff(found[np.argsort(wild)]) >= 0)


def test_gaps_are_filled_and_marked() -> None:
    found = numbers_alone([1.0, 2.0, np.nan, 3.0], squash=True)
    assert found.shape == (4, 2)
    assert found[:, 1].tolist() == [0, 0, 1, 0]
    assert found[2, 0] == 0
    assert numbers_alone([1.0, 2.0, 3.0], squash=True).shape == (3, 1)


@pytest.mark.parametrize("values", [[np.nan] * 4, [5.0] * 4, [0.1] * 4, [1e308, -1e308, 0, 1], [1e-310, 2e-310, 0, 1]])
@pytest.mark.parametrize("squash", [True, False])
def test_odd_columns_are_scaled_to_finite_numbers(values: list[float], squash: bool) -> None:
    found = numbers_alone(values, squash=squash)
    assert np.isfinite(found).all()
    assert len(set(values)) > 1 or not found[:, 0].any()


def test_the_matrix_says_where_its_columns_come_from() -> None:
    frame = pd.DataFrame(
        {
            "n": [1.0, np.nan, 3.0, 4.0],
            "c": pd.Series(["a", "b", "a", None], dtype="str"),
            "d": pd.to_datetime(pd.Series(["2024-01-01", "2024-02-03", "2025-03-05", None])),
            "t": pd.Series(["one two three", "four five six", "seven", None], dtype="str"),
        }
    )
    columns = (
        Column(name="n", kind="number"),
        Column(name="c", kind="category"),
        Column(name="d", kind="date"),
        Column(name="t", kind="text"),
    )
    families: tuple[Family, ...] = ("boosting", "forest", "linear")
    for family in families:
        features = preprocessing(columns, family, classes=2)
        matrix = features.fit_transform(frame, np.array([0, 1, 0, 1]))
        sources = features.sources()
        assert len(sources) == matrix.shape[1]
        assert list(dict.fromkeys(sources)) == ["c", "n", "d", "t"]
        assert sources.count("n") == (2 if family == "linear" else 1)
        assert features.transform(frame).shape == matrix.shape


def test_large_numbers_fit_into_single_precision() -> None:
    features = preprocessing((Column(name="x", kind="number"),), "forest", dtype="float32")
    found = features.fit_transform(pd.DataFrame({"x": [1e300, -1e300, np.nan, 1.0]}))
    assert found.dtype == np.float32
    assert np.isfinite(found[[0, 1, 3]]).all()
    assert np.isnan(found[2, 0])


def test_bins_keep_gaps_and_the_unknown_apart() -> None:
    matrix = np.array([[0, 1.0], [1, 2.0], [np.nan, np.nan], [1, 9.0]])
    bins = Bins(categories=1, bins=2).fit(matrix)
    assert bins.transform(matrix).tolist() == [[1, 1], [2, 1], [0, 0], [2, 2]]
    assert bins.sizes_.tolist() == [3, 3]
    assert bins.transform(np.array([[np.nan, -1e9], [0, 1e9]])).tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize(
    "values", [[1e300, -1e300, 1e299], [1e-300, 2e-300, 0.0], [1.7e9, 1.7e9 + 1, 1.7e9 + 2], [1.7e308, 1.0, -1.7e308]]
)
def test_extreme_targets_are_scaled_and_come_back(values: list[float]) -> None:
    scale = learned_scale(np.array(values))
    assert scale is not None
    learned = scale.apply(np.array(values)).astype(np.float32)
    assert 0.5 < np.abs(learned).max() < 3
    spread = max(values) / 2 - min(values) / 2
    np.testing.assert_allclose(scale.undo(learned), values, rtol=0, atol=1e-6 * spread)
    assert np.isfinite(scale.undo(np.array([np.inf, -np.inf]))).all()


def test_ordinary_targets_are_left_alone() -> None:
    assert learned_scale(np.random.default_rng(0).normal(100, 20, 50)) is None
    assert learned_scale(np.arange(100.0)) is None


def test_a_logarithm_is_taken_where_it_helps_and_only_there() -> None:
    rng = np.random.default_rng(0)
    causes = rng.normal(size=(1000, 2))
    grown = np.exp(2 * causes[:, 0] + causes[:, 1] + 0.1 * rng.normal(size=1000))
    unit = logarithm_unit(grown, causes, seed=0)
    assert unit > 0
    scale = learned_scale(grown, unit=unit)
    assert scale is not None
    np.testing.assert_allclose(scale.undo(scale.apply(grown)), grown)
    assert scale.undo(np.array([1e9]))[0] < grown.max() * 10  # no answer is far beyond what was seen
    assert logarithm_unit(grown, grown[:, None], seed=0) == 0  # skewed, but straight in its cause
    assert logarithm_unit(causes[:, 0], causes, seed=0) == 0
    assert logarithm_unit(-grown, causes, seed=0) == 0


def test_categories_are_one_value_of_a_saved_model() -> None:
    codes = Codes(at_most=3, unknown=-1.0, missing=-2.0).fit(texts(["ä", 'a"b', "ä", None]))
    assert json.loads(codes.packed_[0]) == ["ä", 'a"b'] == codes.categories_[0]


def test_a_table_without_rows_is_transformed() -> None:
    features: TableFeatures = preprocessing(
        (Column(name="x", kind="number"), Column(name="c", kind="category")), "linear"
    )
    frame = pd.DataFrame({"x": [1.0, 2.0], "c": pd.Series(["a", "b"], dtype="str")})
    assert features.fit(frame).transform(frame.iloc[:0]).shape == (0, 3)


def test_a_scaler_learns_columns_one_by_one() -> None:
    scaler = Scaler(squash=False)
    scaler.learn(np.array([1.0, 3.0]))
    scaler.learn(np.array([np.nan, 10.0]))
    assert scaler.scaled(np.array([1.0, 3.0]), 0).tolist() == [-1, 1]
    assert scaler.scaled(np.array([np.nan, 10.0]), 1).tolist() == [0, 0]
    assert scaler.has_gaps_.tolist() == [False, True]
