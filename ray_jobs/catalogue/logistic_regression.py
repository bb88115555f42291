"""Logistic regression, scikit-learn's: for few rows or a nearly straight relation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ray_jobs.catalogue import Entry, Fit, Parameters, Step, Training


class LogisticParameters(Parameters):
    C: float = Field(default=1.0, gt=0)  #: the smaller, the smoother
    max_iter: int = Field(default=500, ge=1, le=100_000)
    class_weight: Literal["balanced"] | None = None


def fit(training: Training) -> Fit:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    from ray_jobs.features import preprocessing
    from ray_jobs.models import PipelineModel

    yield Step(name="training")
    model = LogisticRegression(**training.parameters.model_dump(), random_state=training.seed)
    pipeline = Pipeline([("features", preprocessing(training.columns, "linear")), ("model", model)])
    return PipelineModel(pipeline=pipeline.fit(training.frame, training.values))


ENTRY = Entry(
    name="logistic_regression",
    title="Logistic regression",
    family="linear",
    good_for="Few rows or a nearly straight relation; easy to explain.",
    tasks=("classification",),
    parameters=LogisticParameters,
    fit=fit,
)
