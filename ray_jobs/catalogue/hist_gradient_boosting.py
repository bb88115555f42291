"""Histogram gradient boosting, scikit-learn's: fast on most tables, takes gaps and categories as they are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ray_jobs.catalogue import Entry, Fit, Parameters, Step, Training


class BoostingParameters(Parameters):
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    max_iter: int = Field(default=100, ge=1, le=10_000)
    max_leaf_nodes: int = Field(default=31, ge=2, le=10_000)
    max_depth: int | None = Field(default=None, ge=1, le=1000)
    min_samples_leaf: int = Field(default=20, ge=1)
    l2_regularization: float = Field(default=0.0, ge=0)
    class_weight: Literal["balanced"] | None = None


def fit(training: Training) -> Fit:
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import Pipeline

    from ray_jobs.features import category_count, preprocessing
    from ray_jobs.models import PipelineModel

    # One step for the whole fit: with warm_start in pieces scikit-learn would bin the table again for every piece.
    yield Step(name="training")
    features = preprocessing(training.columns, "boosting")
    matrix = features.fit_transform(training.frame)
    categorical = np.arange(matrix.shape[1]) < category_count(training.columns)
    settings = training.parameters.model_dump(exclude={"class_weight"})
    settings |= {"categorical_features": categorical, "random_state": training.seed}
    if training.task == "classification":
        # Early stopping splits off rows by class, which a class with one row does not survive.
        if np.bincount(training.values).min() < 2:
            settings["early_stopping"] = False
        model = HistGradientBoostingClassifier(class_weight=training.parameters.class_weight, **settings)
    else:
        model = HistGradientBoostingRegressor(**settings)
    model.fit(matrix, training.values)
    return PipelineModel(pipeline=Pipeline([("features", features), ("model", model)]))


ENTRY = Entry(
    name="hist_gradient_boosting",
    title="Histogram gradient boosting",
    family="boosting",
    good_for="Most tables: fast, takes missing values and categories as they are.",
    tasks=("classification", "regression"),
    parameters=BoostingParameters,
    fit=fit,
)
