"""Logistic regression, scikit-learn's: for few rows or a nearly straight border."""

from __future__ import annotations

from pydantic import Field

from ray_jobs.catalogue import Entry, Fit, Real, Step, Training
from ray_jobs.catalogue.parameters import Weighted


class LogisticParameters(Weighted):
    C: float = Field(default=1.0, gt=0, le=1e9, description="Above 0; the smaller, the smaller the coefficients.")
    max_iter: int = Field(default=500, ge=1, le=100_000, description="Steps at most.")


def fit(training: Training) -> Fit:
    from sklearn.linear_model import LogisticRegression

    from ray_jobs.catalogue.solver import logistic_solver
    from ray_jobs.preparation import learning, prepared

    yield Step(name="training")
    rows = prepared(training, "linear")
    solver = logistic_solver(len(rows.matrix), rows.matrix.shape[1], training.classes)
    model = LogisticRegression(**training.parameters.model_dump(), solver=solver, random_state=training.seed)
    with learning():
        model.fit(rows.matrix, rows.values)
    return rows.model(model)


ENTRY = Entry(
    name="logistic_regression",
    title="Logistic regression",
    family="linear",
    good_for="Few rows or a nearly straight border between the classes; easy to explain.",
    tasks=("classification",),
    parameters=LogisticParameters,
    fit=fit,
    # The range of TabArena's linear model (Erickson et al. 2025), a little wider to the smooth side.
    space={"C": Real(low=1e-2, high=1e3, log=True)},
)
