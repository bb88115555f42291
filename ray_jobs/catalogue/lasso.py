"""Lasso, scikit-learn's: linear, and most coefficients exactly zero."""

from __future__ import annotations

from pydantic import Field

from ray_jobs.catalogue import Entry, Fit, Parameters, Real, Training
from ray_jobs.catalogue.sparse import fit_sparse


class LassoParameters(Parameters):
    alpha: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        description="Above 0; the larger, the fewer columns are used. None: found by cross-validation.",
    )
    max_iter: int = Field(default=2000, ge=1, le=1_000_000, description="Passes over the columns at most.")


def fit(training: Training) -> Fit:
    return fit_sparse(training, l1_ratio=1.0)


ENTRY = Entry(
    name="lasso",
    title="Lasso",
    family="linear",
    good_for="Many columns of which few matter: it leaves the others out.",
    tasks=("regression",),
    parameters=LassoParameters,
    fit=fit,
    space={"alpha": Real(low=1e-4, high=1.0, log=True)},
)
