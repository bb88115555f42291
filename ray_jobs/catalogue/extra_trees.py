"""Extremely randomized trees, scikit-learn's: a forest whose divisions are drawn at random."""

from __future__ import annotations

from ray_jobs.catalogue import Choice, Count, Entry, Fit, Training
from ray_jobs.catalogue.forest import ForestParameters, fit_forest


def fit(training: Training) -> Fit:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    return fit_forest(training, ExtraTreesClassifier, ExtraTreesRegressor, bootstrap=False)


ENTRY = Entry(
    name="extra_trees",
    title="Extra trees",
    family="tree",
    good_for="Small and noisy tables; quicker and smoother than a random forest.",
    tasks=("classification", "regression"),
    parameters=ForestParameters,
    fit=fit,
    # After TabArena (Erickson et al. 2025).
    space={
        "max_features": Choice(values=("sqrt", 0.5, 0.75, 1.0)),
        "min_samples_split": Count(low=2, high=32, log=True),
        "min_samples_leaf": Count(low=1, high=20, log=True),
    },
)
