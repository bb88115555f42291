"""Linear regression by least squares, scikit-learn's: for few rows or a nearly straight relation."""

from __future__ import annotations

from ray_jobs.catalogue import Entry, Fit, Parameters, Step, Training


class LinearParameters(Parameters):
    fit_intercept: bool = True
    positive: bool = False  #: only coefficients of zero and more


def fit(training: Training) -> Fit:
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import Pipeline

    from ray_jobs.features import preprocessing
    from ray_jobs.models import PipelineModel

    yield Step(name="training")
    model = LinearRegression(**training.parameters.model_dump())
    pipeline = Pipeline([("features", preprocessing(training.columns, "linear")), ("model", model)])
    return PipelineModel(pipeline=pipeline.fit(training.frame, training.values))


ENTRY = Entry(
    name="linear_regression",
    title="Linear regression",
    family="linear",
    good_for="Few rows or a nearly straight relation; easy to explain.",
    tasks=("regression",),
    parameters=LinearParameters,
    fit=fit,
)
