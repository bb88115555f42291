"""The baseline: looks at no column. Every other model has to be better than it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ray_jobs.catalogue import Entry, Fit, Parameters, Step, Training


class DummyParameters(Parameters):
    strategy: Literal["mean", "median"] = Field(
        default="mean", description="What is answered for a number; for classes it is always their shares."
    )


def fit(training: Training) -> Fit:
    import numpy as np
    from sklearn.dummy import DummyClassifier, DummyRegressor

    from ray_jobs.estimators import ScaledTarget
    from ray_jobs.features import learned_scale
    from ray_jobs.models import PipelineModel

    yield Step(name="training")
    if training.task == "classification":
        return PipelineModel(pipeline=DummyClassifier(strategy="prior").fit(training.frame, training.values))
    values = np.asarray(training.values, dtype=np.float64)
    model = DummyRegressor(strategy=training.parameters.strategy)
    if (target := learned_scale(values)) is not None:  # a sum of them might overflow
        return PipelineModel(pipeline=ScaledTarget(model, target).fit(training.frame, values))
    return PipelineModel(pipeline=model.fit(training.frame, values))


ENTRY = Entry(
    name="dummy",
    title="Baseline",
    family="baseline",
    good_for="To compare with: always the mean, or the shares that the classes have.",
    tasks=("classification", "regression"),
    parameters=DummyParameters,
    fit=fit,
)
