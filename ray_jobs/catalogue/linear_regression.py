"""Linear regression by least squares, scikit-learn's: for few rows or a nearly straight relation."""

from __future__ import annotations

from pydantic import Field

from ray_jobs.catalogue import Entry, Fit, Parameters, Step, Training


class LinearParameters(Parameters):
    fit_intercept: bool = Field(default=True, description="Whether the line may cross zero anywhere.")
    positive: bool = Field(default=False, description="Only coefficients of zero and more.")


def fit(training: Training) -> Fit:
    from sklearn.linear_model import LinearRegression

    from ray_jobs.preparation import learning, prepared

    yield Step(name="training")
    # Numbers are not squashed: a straight line stays one, however far it reaches.
    rows = prepared(training, "linear", squash=False, logarithm=True)
    model = LinearRegression(**training.parameters.model_dump(), copy_X=False)
    with learning():
        model.fit(rows.matrix, rows.values)
    return rows.model(model)


ENTRY = Entry(
    name="linear_regression",
    title="Linear regression",
    family="linear",
    good_for="Few rows or a nearly straight relation; easy to explain.",
    tasks=("regression",),
    parameters=LinearParameters,
    fit=fit,
)
