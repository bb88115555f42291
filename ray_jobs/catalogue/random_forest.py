"""Random forest, scikit-learn's: hard to get wrong on small and noisy tables."""

from __future__ import annotations

from pydantic import Field

from ray_jobs.catalogue import Choice, Count, Entry, Fit, Real, Training
from ray_jobs.catalogue.forest import ForestParameters, fit_forest


class RandomForestParameters(ForestParameters):
    bootstrap: bool = Field(default=True, description="Each tree learns from rows drawn anew, not from all.")


def fit(training: Training) -> Fit:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    return fit_forest(training, RandomForestClassifier, RandomForestRegressor, bootstrap=training.parameters.bootstrap)


ENTRY = Entry(
    name="random_forest",
    title="Random forest",
    family="tree",
    good_for="Small and noisy tables; hard to get wrong.",
    tasks=("classification", "regression"),
    parameters=RandomForestParameters,
    fit=fit,
    # After TabArena (Erickson et al. 2025), with the leaves' size in place of the least gain.
    space={
        "max_features": Real(low=0.4, high=1.0),
        "min_samples_split": Count(low=2, high=4, log=True),
        "min_samples_leaf": Count(low=1, high=20, log=True),
        "bootstrap": Choice(values=(False, True)),
    },
)
