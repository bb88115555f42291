"""Metrics, curves, calibration, threshold and intervals: scikit-learn's values, closed forms, and real data."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as scores
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.inspection import permutation_importance as scikit_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ray_jobs import evaluation
from ray_jobs.evaluation import evaluate, permutation_importance, ranking
from ray_jobs.evaluation.calibration import calibration
from ray_jobs.evaluation.conformal import coverage_of, interval_of
from ray_jobs.evaluation.thresholds import better_threshold
from ray_jobs.models import PipelineModel
from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode


def two_classes(log_odds: np.ndarray[Any, Any], rng: np.random.Generator) -> tuple[Any, Any]:
    """Probabilities that are true, and what came of them."""
    chance = 1 / (1 + np.exp(-log_odds))
    return (rng.random(len(chance)) < chance).astype(np.int64), np.column_stack([1 - chance, chance])


@pytest.fixture(scope="module")
def diabetes() -> tuple[Any, Any, Any]:
    """True values of the held-out half, what a linear model says of them, and the values that it learned from."""
    features, values = load_diabetes(return_X_y=True)
    train, test, known, truth = train_test_split(features, values, test_size=0.5, random_state=0)
    return truth, LinearRegression().fit(train, known).predict(test), known


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits])
def test_metrics_are_scikit_learns(load: Any) -> None:
    features, codes = load(return_X_y=True)
    train, test, known, truth = train_test_split(features, codes, random_state=0)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01)).fit(train, known)
    chances = model.predict_proba(test)
    found = evaluation.classification_metrics(truth, chances)
    two = chances.shape[1] == 2
    scored = chances[:, 1] if two else chances
    told = chances.argmax(axis=1)
    assert found == pytest.approx(
        {
            "accuracy": scores.accuracy_score(truth, told),
            "balanced_accuracy": scores.balanced_accuracy_score(truth, told),
            "f1_macro": scores.f1_score(truth, told, average="macro"),
            "roc_auc": scores.roc_auc_score(truth, scored, multi_class="ovr"),
            "pr_auc": scores.average_precision_score(truth if two else np.eye(10)[truth], scored, average="macro"),
            "log_loss": scores.log_loss(truth, chances),
            "brier": scores.brier_score_loss(truth, scored),
        }
    )


@given(
    truth=st.lists(st.integers(0, 1), min_size=2, max_size=40),
    seed=st.integers(0, 1000),
    digits=st.integers(0, 3),
)
def test_areas_with_ties_and_weights_are_scikit_learns(truth: list[int], seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    is_class, score = np.array(truth) == 1, rng.random(len(truth)).round(digits)
    weights = rng.random(len(truth)) + 0.1
    found = ranking.rank(is_class, score, weights)
    if is_class.all() or not is_class.any():
        assert found is None
        return
    assert found is not None
    assert found.roc_auc() == pytest.approx(scores.roc_auc_score(is_class, score, sample_weight=weights))
    expected = scores.average_precision_score(is_class, score, sample_weight=weights)
    assert found.average_precision() == pytest.approx(expected)


def test_metrics_that_are_not_defined_are_left_out() -> None:
    one_class = evaluation.classification_metrics(np.zeros(5, dtype=np.int64), np.full((5, 2), 0.5))
    assert {"roc_auc", "pr_auc"}.isdisjoint(one_class)
    assert set(evaluation.regression_metrics(np.zeros(1), np.ones(1))) == {"rmse", "mae"}


@pytest.mark.parametrize(
    ("truth", "told"),
    [([1.0, 2.0], True), ([-1.0, -2.0], True), ([-1.0, 2.0], False), ([0.0, 1.0], False), ([0.001, 1.0, 2.0], False)],
)
def test_percentages_are_told_away_from_zero(truth: list[float], told: bool) -> None:
    found = evaluation.regression_metrics(np.array(truth), 1.1 * np.array(truth))
    assert ("mape" in found) is told
    if told:
        assert found["mape"] == pytest.approx(0.1)


def test_huge_numbers_do_not_overflow() -> None:
    truth = np.array([1e300, -1e300, 2e300])
    assert evaluation.regression_metrics(truth, np.zeros(3))["rmse"] == pytest.approx(np.sqrt(2) * 1e300)


def test_labels_never_seen_count_as_wrong() -> None:
    chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1]])
    truth = np.array([0, 1, -1])
    assert evaluation.classification_metrics(truth, chances)["accuracy"] == pytest.approx(2 / 3)
    found = evaluate("classification", truth, chances, np.array([0, 1]), ("no", "yes"))
    assert found.classified is not None
    assert found.classified.confusion.tolist() == [[1, 0], [0, 1], [1, 0]]
    assert "1 held-out rows" in found.notes[0]


def test_the_baseline_knows_the_shares_only() -> None:
    codes = np.array([0] * 75 + [1] * 25)
    found = evaluation.baseline_classification(codes, codes, 2)
    assert (found["accuracy"], found["roc_auc"], found["pr_auc"]) == (0.75, 0.5, 0.25)
    assert found["brier"] == pytest.approx(0.75 * 0.25)


def test_the_weighted_baseline_is_the_one_over_all_rows() -> None:
    rng = np.random.default_rng(0)
    train, truth = rng.integers(0, 4, 500), rng.integers(0, 4, 300)
    rows = np.tile(np.bincount(train) / len(train), (300, 1))
    assert evaluation.baseline_classification(train, truth, 4) == pytest.approx(
        evaluation.classification_metrics(truth, rows)
    )


def test_the_baseline_of_a_number_is_the_better_of_mean_and_median() -> None:
    skewed = np.array([1.0, 1.0, 1.0, 1.0, 96.0])
    found = evaluation.baseline_regression(skewed, skewed)
    assert found["mae"] == pytest.approx(19.0)  # the median's
    assert found["rmse"] == pytest.approx(38.0)  # the mean's
    assert found["r2"] == pytest.approx(0.0)


def test_the_table_of_classes_is_scikit_learns() -> None:
    features, codes = load_wine(return_X_y=True)
    chances = GaussianNB().fit(features[::2, :2], codes[::2]).predict_proba(features[1::2, :2])
    found = evaluate("classification", codes[1::2], chances, codes[::2], ("a", "b", "c")).classified
    assert found is not None
    expected = scores.precision_recall_fscore_support(codes[1::2], chances.argmax(axis=1))
    for line, precision, recall, f1, rows in zip(found.per_class, *expected, strict=True):
        assert (line.precision, line.recall, line.f1, line.rows) == pytest.approx((precision, recall, f1, rows))
    nothing = evaluation.classification.per_class(np.zeros((3, 2)), ("a", "b"))[0]
    assert (nothing.precision, nothing.recall, nothing.f1) == (None, None, None)


def test_curves_are_thinned_and_keep_their_area() -> None:
    rng = np.random.default_rng(0)
    truth, chances = two_classes(rng.normal(size=20_000) * 2 - 1, rng)
    found = evaluate("classification", truth, chances, truth, ("no", "yes"))
    assert found.classified is not None
    (roc,), (recalls,) = found.classified.roc, found.classified.precision_recall
    assert (len(roc.x) <= 200, len(recalls.x) <= 200) == (True, True)
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(roc.y, roc.x) == pytest.approx(found.metrics["roc_auc"], abs=0.001)
    assert np.trapezoid(recalls.y, recalls.x) == pytest.approx(found.metrics["pr_auc"], abs=0.005)


def test_large_tables_are_ranked_by_a_sample_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    truth, chances = two_classes(rng.normal(size=40_000) * 2, rng)
    whole = evaluate("classification", truth, chances, truth, ("no", "yes"))
    monkeypatch.setattr(ranking, "MOST_ROWS", 20_000)
    part = evaluate("classification", truth, chances, truth, ("no", "yes"))
    assert part.metrics["roc_auc"] == pytest.approx(whole.metrics["roc_auc"], abs=0.01)
    assert part.metrics["accuracy"] == whole.metrics["accuracy"]
    assert (whole.notes, part.notes) == ((), ("ROC AUC and PR AUC are of 20,000 held-out rows drawn at random.",))


def test_true_probabilities_are_calibrated_and_too_sure_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(size=20_000)
    truth, chances = two_classes(odds, rng)
    right = calibration(truth, chances)
    too_sure = calibration(truth, two_classes(3 * odds, rng)[1])
    assert right is not None
    assert too_sure is not None
    assert len(right.rows) == 10
    assert right.rows.sum() == 20_000
    assert right.rows.min() >= 1990
    assert right.error < 0.02 < 0.1 < too_sure.error
    assert calibration(truth[:30], chances[:30]) is None


def test_calibration_of_equal_probabilities_is_one_bin() -> None:
    found = calibration(np.array([0, 1] * 50), np.full((100, 2), 0.5))
    assert found is not None
    assert (found.rows.tolist(), found.error) == ([100], 0.0)


def test_many_classes_are_calibrated_by_the_predicted_one() -> None:
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.ones(4), 20_000)
    truth = (rng.random((20_000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    found = calibration(truth, chances)
    assert found is not None
    assert found.error < 0.02
    assert found.predicted.min() > 0.25


def test_a_rare_class_gets_a_lower_threshold_and_an_honest_gain() -> None:
    rng = np.random.default_rng(0)
    truth, chances = two_classes(1.5 * rng.normal(size=4000) - 3, rng)
    found = better_threshold(truth, chances)
    assert found is not None
    # Of true probabilities, the share of the class is the threshold that balances best.
    assert found.value == pytest.approx(truth.mean(), rel=0.5)
    new_truth, new_chances = two_classes(1.5 * rng.normal(size=200_000) - 3, rng)
    really = scores.balanced_accuracy_score(new_truth, new_chances[:, 1] >= found.value)
    assert found.balanced_accuracy == pytest.approx(really, abs=0.02)
    assert found.balanced_accuracy > found.balanced_accuracy_before + 0.1
    assert found.accuracy < found.accuracy_before


def test_no_threshold_is_proposed_where_a_half_does() -> None:
    rng = np.random.default_rng(0)
    truth, chances = two_classes(2 * rng.normal(size=1000), rng)
    assert better_threshold(truth, chances) is None
    assert better_threshold(truth[:30], chances[:30]) is None
    assert better_threshold(truth, np.full((1000, 2), 0.5)) is None
    # Noise: whatever is best on these rows is of no use on others.
    assert better_threshold(rng.integers(0, 2, 200), rng.dirichlet(np.ones(2), 200)) is None


def test_names_the_other_way_round_mirror_the_threshold() -> None:
    rng = np.random.default_rng(0)
    truth, chances = two_classes(1.5 * rng.normal(size=4000) - 3, rng)
    found, mirrored = better_threshold(truth, chances), better_threshold(1 - truth, chances[:, ::-1])
    assert found is not None
    assert mirrored is not None
    assert mirrored.value == pytest.approx(1 - found.value, abs=0.005)


@pytest.fixture(scope="module")
def areas_of_tumours() -> Any:
    """True less predicted areas, skewed and with large ones further off, of rows that a linear model did not see."""
    frame = load_breast_cancer(as_frame=True).data
    columns = ["mean smoothness", "mean texture", "mean concavity", "radius error"]
    model = LinearRegression().fit(frame[columns][::4], frame["mean area"][::4])
    rest = np.arange(len(frame)) % 4 > 0
    return (frame["mean area"] - model.predict(frame[columns])).to_numpy()[rest]


@pytest.mark.parametrize(("data", "rows"), [("diabetes", 120), ("areas_of_tumours", 120), ("areas_of_tumours", 240)])
def test_intervals_hold_what_they_promise_on_real_data(data: str, rows: int, request: pytest.FixtureRequest) -> None:
    residuals = request.getfixturevalue(data)
    if data == "diabetes":
        residuals = residuals[0] - residuals[1]
    covered, told = [], list[float]()
    for seed in range(200):
        mixed = np.random.default_rng(seed).permutation(residuals)
        interval = interval_of(mixed[:rows])
        assert interval is not None
        covered.append(np.mean((mixed[rows:] >= -interval.below) & (mixed[rows:] <= interval.above)))
        told.append(coverage_of(mixed[:rows]) or 0.0)
    assert np.mean(covered) == pytest.approx(0.9, abs=0.015)
    assert np.mean(told) == pytest.approx(np.mean(covered), abs=0.01)


def test_skewed_errors_get_a_distance_for_each_end() -> None:
    rng = np.random.default_rng(0)
    errors = rng.exponential(size=10_000) - 1
    interval, new = interval_of(errors), rng.exponential(size=10_000) - 1
    assert interval is not None
    assert (interval.below, interval.above) == pytest.approx((1 + np.log(0.95), -np.log(0.05) - 1), abs=0.1)
    assert np.mean((new >= -interval.below) & (new <= interval.above)) == pytest.approx(0.9, abs=0.02)
    assert coverage_of(errors) == pytest.approx(0.9, abs=0.02)


def test_an_interval_holds_its_prediction_and_needs_rows() -> None:
    always_above = interval_of(np.linspace(5, 6, 500))
    assert always_above is not None
    assert always_above.below == 0
    assert always_above.above == pytest.approx(5.95, abs=0.01)
    assert interval_of(np.ones(17)) is None
    assert coverage_of(np.ones(17)) is None


def test_a_regression_is_evaluated_beside_its_baseline(diabetes: tuple[Any, Any, Any]) -> None:
    truth, predicted, known = diabetes
    found = evaluate("regression", truth, predicted, known)
    assert found.metrics["rmse"] == pytest.approx(scores.root_mean_squared_error(truth, predicted))
    assert found.metrics["mae"] == pytest.approx(scores.mean_absolute_error(truth, predicted))
    assert found.metrics["r2"] == pytest.approx(scores.r2_score(truth, predicted))
    assert found.metrics["mape"] == pytest.approx(scores.mean_absolute_percentage_error(truth, predicted))
    assert set(found.baseline_metrics) == set(found.metrics)
    assert found.metrics["interval_width"] < 0.85 * found.baseline_metrics["interval_width"]
    assert found.metrics["interval_coverage"] == pytest.approx(0.9, abs=0.05)
    assert found.interval is not None
    assert found.measured is not None
    assert found.measured.quantiles[[0, -1]].tolist() == [(truth - predicted).min(), (truth - predicted).max()]
    few = evaluate("regression", truth[:8], predicted[:8], known)
    assert (few.interval, "interval_width" in few.metrics) == (None, False)
    assert "need 18 held-out rows" in few.notes[0]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_outputs_that_are_no_numbers_are_refused(task: Any) -> None:
    outputs = np.array([[0.5, 0.5], [np.nan, 0.5]]) if task == "classification" else np.array([1.0, np.inf])
    with pytest.raises(Refused, match="1 of 2 held-out rows") as caught:
        evaluate(task, np.array([0, 1]), outputs, np.array([0, 1]), ("no", "yes"))
    assert caught.value.problem.code is ProblemCode.NOT_LEARNED


@given(classes=st.integers(2, 30), rows=st.integers(1, 60), seed=st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_any_classification_can_be_evaluated(classes: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(-1, classes, rows)
    chances = rng.dirichlet(np.ones(classes), rows)
    found = evaluate("classification", truth, chances, rng.integers(0, classes, 50), [str(n) for n in range(classes)])
    assert all(np.isfinite(value) for value in (*found.metrics.values(), *found.baseline_metrics.values()))
    assert found.classified is not None
    assert len(found.classified.per_class) == classes
    assert found.classified.confusion.sum() == rows


@dataclass
class Counted:
    """A model that counts its calls, and may take its time."""

    model: PipelineModel
    seconds: float = 0.0
    calls: list[int] = field(default_factory=list)
    rounds: int | None = None
    notes: tuple[str, ...] = ()

    def outputs(self, frame: pd.DataFrame) -> Any:
        self.calls.append(len(frame))
        time.sleep(self.seconds)
        return self.model.outputs(frame)

    def save(self, folder: Any) -> tuple[str, ...]:
        return self.model.save(folder)


@pytest.fixture(scope="module")
def linear() -> tuple[PipelineModel, pd.DataFrame, Any]:
    features, values = load_diabetes(return_X_y=True, as_frame=True)
    model = PipelineModel(pipeline=LinearRegression().fit(features[::2], values[::2]))
    return model, features[1::2], values[1::2].to_numpy()


def test_importance_is_scikit_learns_in_few_calls(linear: tuple[PipelineModel, pd.DataFrame, Any]) -> None:
    model, frame, truth = linear
    counted = Counted(model)
    found = permutation_importance(counted, frame, "regression", truth, seed=0, repeats=100)
    assert (len(counted.calls), sum(counted.calls)) == (6, 221 + 1000 * 221)
    expected = scikit_importance(
        model.pipeline, frame, truth, n_repeats=100, random_state=0, scoring="neg_root_mean_squared_error"
    ).importances_mean
    by_name = dict(found)
    assert [by_name[name] for name in frame.columns] == pytest.approx(list(expected), rel=0.05, abs=0.5)
    assert [value for _, value in found] == sorted(by_name.values(), reverse=True)
    assert dict(found) == pytest.approx(
        dict(permutation_importance(model, frame, "regression", truth, seed=0, repeats=100))
    )


def test_importance_of_mixed_columns_shuffles_one_at_a_time() -> None:
    rng = np.random.default_rng(0)
    plan = pd.Series(rng.choice(["free", "pro"], 500))
    frame = pd.DataFrame(
        {
            "plan": plan.where(rng.random(500) > 0.1),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, 500), unit="D"),
            "noise": rng.normal(size=500),
        },
        index=rng.permutation(500),
    )

    class ByPlan:
        rounds, notes = None, ()

        def outputs(self, frame: pd.DataFrame) -> Any:
            assert frame["plan"].dtype == "str"
            assert frame["day"].dtype.kind == "M"
            pro = (frame["plan"] == "pro").to_numpy()
            return np.where(pro[:, None], [0.1, 0.9], [0.9, 0.1])

        def save(self, folder: Any) -> tuple[str, ...]:
            return ()

    truth = (frame["plan"] == "pro").to_numpy().astype(np.int64)
    truth[:20] = -1
    found = permutation_importance(ByPlan(), frame, "classification", truth, seed=0)
    assert found[0][0] == "plan"
    assert found[0][1] == pytest.approx(0.495 * np.log(9), rel=0.15)
    assert dict(found[1:]) == {"day": 0.0, "noise": 0.0}


def test_importance_keeps_to_its_deadline(linear: tuple[PipelineModel, pd.DataFrame, Any]) -> None:
    model, frame, truth = linear
    slow = Counted(model, seconds=0.02)
    found = permutation_importance(
        slow, frame, "regression", truth, seed=0, deadline=time.monotonic() + 0.1, repeats=1000
    )
    assert len(slow.calls) <= 9
    assert len(found) <= 10
    quick = Counted(model)
    deadline = time.monotonic() + 3600
    unhurried = permutation_importance(quick, frame, "regression", truth, seed=0, deadline=deadline)
    assert dict(unhurried) == pytest.approx(dict(permutation_importance(model, frame, "regression", truth, seed=0)))
    assert len(quick.calls) < 10
    assert permutation_importance(slow, frame, "regression", truth, seed=0, deadline=time.monotonic()) == ()
