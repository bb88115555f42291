"""Polynomial regression: products and powers of the numbers, then ridge or logistic regression."""

from __future__ import annotations

from math import comb

from pydantic import Field

from ray_jobs.catalogue import Count, Entry, Fit, Real, Step, Training
from ray_jobs.catalogue.parameters import Weighted
from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode

_MOST_TERMS = 3000
#: Numbers in the expanded matrix: 1.6 GB.
_MOST_CELLS = 200_000_000


class PolynomialParameters(Weighted):
    degree: int = Field(default=2, ge=2, le=4, description="The highest power, and how many columns are multiplied.")
    interaction_only: bool = Field(default=False, description="Products of different columns only, no powers.")
    alpha: float = Field(default=10.0, gt=0, le=1e9, description="Above 0; the larger, the smaller the coefficients.")


def fit(training: Training) -> Fit:
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    from ray_jobs.preparation import learning, prepared

    yield Step(name="training")
    parameters = training.parameters
    rows = prepared(training, "linear", standardise=True, logarithm=True)
    categories = {column.name for column in training.columns if column.kind == "category"}
    numbers = np.array([name not in categories for name in rows.features.sources()], dtype=bool)
    _check_size(int(numbers.sum()), parameters.degree, len(rows.values))
    powers = PolynomialFeatures(parameters.degree, interaction_only=parameters.interaction_only, include_bias=False)
    terms = ColumnTransformer(
        [
            ("powers", make_pipeline(powers, StandardScaler()), np.flatnonzero(numbers)),
            ("others", "passthrough", np.flatnonzero(~numbers)),
        ]
    )
    if training.task == "classification":
        last = LogisticRegression(C=1 / parameters.alpha, class_weight=parameters.class_weight, max_iter=500)
    else:
        last = Ridge(alpha=parameters.alpha, random_state=training.seed)
    model = make_pipeline(terms, last)
    with learning():
        model.fit(rows.matrix, rows.values)
    return rows.model(model)


def _check_size(numbers: int, degree: int, rows: int) -> None:
    """Raises Refused(BAD_PARAMETER) where the terms would be too many."""
    terms = comb(numbers + degree, degree)
    if terms <= _MOST_TERMS and terms * rows <= _MOST_CELLS:
        return
    raise Refused(
        ProblemCode.BAD_PARAMETER,
        f"Degree {degree} makes {terms:,} terms of {numbers} numbers, too many for {rows:,} rows. "
        "Choose fewer columns or a lower degree.",
        subject="degree",
    )


ENTRY = Entry(
    name="polynomial",
    title="Polynomial regression",
    family="linear",
    good_for="A few numbers that act together or along a curve.",
    tasks=("classification", "regression"),
    parameters=PolynomialParameters,
    fit=fit,
    space={"degree": Count(low=2, high=3), "alpha": Real(low=1e-2, high=1e4, log=True)},
)
