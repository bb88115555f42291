"""Estimators in front of scikit-learn's: what they lack to say probabilities, and numbers in the target's own scale.

Each keeps what it learned in plain attributes, so that skops can save it. Like ray_jobs.features it knows of nothing
else here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]  # SciPy has no types
from scipy.special import log_softmax, softmax  # type: ignore[import-untyped]
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone

Floats = NDArray[np.float64]

#: Share of the rows by which probabilities are fitted.
_ASIDE = 0.25


class ScaledTarget(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A regressor that learned a target scaled by `scale` (features.targets.TargetScale)."""

    def __init__(self, regressor: Any, scale: Any) -> None:
        self.regressor = regressor
        self.scale = scale

    def fit(self, matrix: Any, values: Floats) -> ScaledTarget:
        self.regressor.fit(matrix, self.scale.apply(values))
        return self

    def predict(self, matrix: Any) -> Floats:
        return np.asarray(self.scale.undo(self.regressor.predict(matrix)), dtype=np.float64)

    def __sklearn_is_fitted__(self) -> bool:
        return True


class MarginProbabilities(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that only says distances from its borders: probabilities by a softmax of them, sharpened by one
    number, the inverse temperature (Guo et al. 2017).

    That number is fitted on a quarter of the rows, which a first machine has not learned; the machine that is kept
    then learns all. Not scikit-learn's CalibratedClassifierCV, which fits it once more for each of five folds and
    refuses classes with fewer rows than folds.
    """

    def __init__(self, classifier: Any, seed: int) -> None:
        self.classifier = classifier
        self.seed = seed

    def fit(self, matrix: NDArray[Any], values: NDArray[Any]) -> MarginProbabilities:
        order = np.random.default_rng(self.seed).permutation(len(values))
        aside, learned = np.split(order, [int(len(order) * _ASIDE)])
        present = np.unique(values[learned])
        aside = aside[np.isin(values[aside], present)]
        self.sharpness_ = 1.0
        if len(present) > 1 and len(aside):
            trial = clone(self.classifier).fit(matrix[learned], values[learned])
            self.sharpness_ = _fitted_sharpness(_margins(trial, matrix[aside]), np.searchsorted(present, values[aside]))
        self.classifier.fit(matrix, values)
        return self

    @property
    def classes_(self) -> NDArray[Any]:
        return np.asarray(self.classifier.classes_)

    def predict_proba(self, matrix: NDArray[Any]) -> Floats:
        return np.asarray(softmax(self.sharpness_ * _margins(self.classifier, matrix), axis=1), dtype=np.float64)

    def predict(self, matrix: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self.classes_[self.predict_proba(matrix).argmax(axis=1)])

    def __sklearn_is_fitted__(self) -> bool:
        return True


class SmoothedVotes(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose neighbours vote: one more vote is shared out as the classes are in training, so that no class
    is ever impossible.
    """

    def __init__(self, classifier: Any) -> None:
        self.classifier = classifier

    def fit(self, matrix: NDArray[Any], values: NDArray[Any]) -> SmoothedVotes:
        self.classifier.fit(matrix, values)
        counts = np.unique(values, return_counts=True)[1]
        self.shares_ = counts / counts.sum()
        return self

    @property
    def classes_(self) -> NDArray[Any]:
        return np.asarray(self.classifier.classes_)

    def predict_proba(self, matrix: NDArray[Any]) -> Floats:
        votes = self.classifier.n_neighbors
        return np.asarray((votes * self.classifier.predict_proba(matrix) + self.shares_) / (votes + 1))

    def predict(self, matrix: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self.classes_[self.predict_proba(matrix).argmax(axis=1)])

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _margins(classifier: Any, matrix: NDArray[Any]) -> Floats:
    """(rows, classes): how far on the side of each class."""
    # A machine compares each two classes: all rows at once might not fit.
    parts = [classifier.decision_function(matrix[start : start + 4096]) for start in range(0, len(matrix), 4096)]
    found = np.concatenate(parts)
    return np.column_stack([-found, found]) if found.ndim == 1 else found


def _fitted_sharpness(found: Floats, places: NDArray[Any]) -> float:
    """The factor on margins for which the softmax gives the true classes (`places` are columns) the least log loss.

    One row more is thought of that could be of any class, as Platt (1999) does it: else few rows, all on their right
    side, would make it as sharp as can be.
    """
    doubt = 1 / (len(places) + 1)

    def loss(exponent: float) -> float:
        told = log_softmax(np.exp(exponent) * found, axis=1)
        right = told[np.arange(len(places)), places].mean()
        return float(-(1 - doubt) * right - doubt * told.mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x))
