"""Metrics, also where classes are rare."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as scores

from ray_jobs import evaluation
from ray_jobs.pictures import draw_confusion, draw_predicted


def test_metrics_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    chances = rng.dirichlet(np.ones(3), 300)
    found = evaluation.classification_metrics(truth, chances)
    assert found["roc_auc"] == pytest.approx(scores.roc_auc_score(truth, chances, multi_class="ovr"))
    assert found["log_loss"] == pytest.approx(scores.log_loss(truth, chances))
    assert found["balanced_accuracy"] == pytest.approx(scores.balanced_accuracy_score(truth, chances.argmax(axis=1)))


def test_metrics_that_are_not_defined_are_left_out() -> None:
    one_class = evaluation.classification_metrics(np.zeros(5, dtype=np.int64), np.full((5, 2), 0.5))
    assert "roc_auc" not in one_class
    assert set(evaluation.regression_metrics(np.ones(1), np.ones(1))) == {"rmse", "mae"}


def test_labels_never_seen_count_as_wrong() -> None:
    chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1]])
    assert evaluation.classification_metrics(np.array([0, 1, -1]), chances)["accuracy"] == pytest.approx(2 / 3)


def test_the_baseline_knows_the_shares_only() -> None:
    codes = np.array([0] * 75 + [1] * 25)
    found = evaluation.baseline_classification(codes, codes, 2)
    assert (found["accuracy"], found["roc_auc"]) == (0.75, 0.5)
    assert evaluation.baseline_regression(np.array([0.0, 2.0]), np.array([1.0, 1.0]))["rmse"] == 0


def test_pictures_take_any_names(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    rng = np.random.default_rng(0)
    for count in (2, 40):
        names = [f"$x_{n}^{{2$ 日本 {n}" for n in range(count)]
        truth, predicted = rng.integers(0, count, 500), rng.integers(0, count, 500)
        draw_confusion(folder / "a.png", truth, predicted, names)
        assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")
    draw_predicted(folder / "b.png", rng.normal(size=20_000), rng.normal(size=20_000), "$price_in_$")
    assert 5_000 < (folder / "b.png").stat().st_size < 300_000


def test_the_weighted_baseline_is_the_one_over_all_rows() -> None:
    rng = np.random.default_rng(0)
    train, truth = rng.integers(0, 4, 500), rng.integers(0, 4, 300)
    rows = np.tile(np.bincount(train) / len(train), (300, 1))
    assert evaluation.baseline_classification(train, truth, 4) == pytest.approx(
        evaluation.classification_metrics(truth, rows)
    )
