"""Random forest, scikit-learn's: hard to get wrong on small and noisy tables."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ray_jobs.catalogue import Entry, Fit, Parameters, Step, Training

#: Trees grown between two reports. The forest is the same as if grown at once: each tree has its own seed.
_TREES_A_STEP = 20


class ForestParameters(Parameters):
    n_estimators: int = Field(default=100, ge=1, le=10_000)
    max_depth: int | None = Field(default=None, ge=1, le=1000)
    min_samples_leaf: int = Field(default=1, ge=1)
    max_features: float | Literal["sqrt", "log2"] | None = None  #: None: sqrt for classes, all for a number
    class_weight: Literal["balanced"] | None = None


def fit(training: Training) -> Fit:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.pipeline import Pipeline

    from ray_jobs.features import preprocessing
    from ray_jobs.models import PipelineModel

    yield Step(name="training", fraction=0.0)
    features = preprocessing(training.columns, "forest")
    matrix = features.fit_transform(training.frame)
    parameters = training.parameters
    settings = parameters.model_dump(include={"max_depth", "min_samples_leaf"})
    settings |= {"random_state": training.seed, "n_jobs": training.threads, "warm_start": True}
    if training.task == "classification":
        model = RandomForestClassifier(
            class_weight=parameters.class_weight, max_features=parameters.max_features or "sqrt", **settings
        )
    else:
        model = RandomForestRegressor(max_features=parameters.max_features or 1.0, **settings)
    total = parameters.n_estimators
    for trees in [*range(_TREES_A_STEP, total, _TREES_A_STEP), total]:
        model.set_params(n_estimators=trees)
        model.fit(matrix, training.values)
        yield Step(name="training", fraction=trees / total)
    model.set_params(warm_start=False)
    return PipelineModel(pipeline=Pipeline([("features", features), ("model", model)]))


ENTRY = Entry(
    name="random_forest",
    title="Random forest",
    family="tree",
    good_for="Small and noisy tables; hard to get wrong.",
    tasks=("classification", "regression"),
    parameters=ForestParameters,
    fit=fit,
)
