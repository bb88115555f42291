"""Ridge regression, scikit-learn's: linear, with coefficients held small."""

from __future__ import annotations

from pydantic import Field

from ray_jobs.catalogue import Entry, Fit, Parameters, Real, Step, Training


class RidgeParameters(Parameters):
    alpha: float = Field(default=1.0, gt=0, le=1e9, description="Above 0; the larger, the smaller the coefficients.")


def fit(training: Training) -> Fit:
    from sklearn.linear_model import Ridge

    from ray_jobs.preparation import learning, prepared

    yield Step(name="training")
    rows = prepared(training, "linear", standardise=True, logarithm=True)
    model = Ridge(alpha=training.parameters.alpha, copy_X=False, random_state=training.seed)
    with learning():
        model.fit(rows.matrix, rows.values)
    return rows.model(model)


ENTRY = Entry(
    name="ridge",
    title="Ridge regression",
    family="linear",
    good_for="Many columns that say much the same; steadier than plain linear regression.",
    tasks=("regression",),
    parameters=RidgeParameters,
    fit=fit,
    space={"alpha": Real(low=1e-3, high=1e3, log=True)},
)
