"""Elastic net, scikit-learn's: between lasso and ridge."""

from __future__ import annotations

from pydantic import Field

from ray_jobs.catalogue import Entry, Fit, Parameters, Real, Training
from ray_jobs.catalogue.sparse import fit_sparse


class ElasticNetParameters(Parameters):
    alpha: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        description="Above 0; the larger, the smaller and fewer the coefficients. None: found by cross-validation.",
    )
    l1_ratio: float = Field(default=0.5, gt=0, le=1, description="Above 0; 1 is lasso, near 0 is almost ridge.")
    max_iter: int = Field(default=2000, ge=1, le=1_000_000, description="Passes over the columns at most.")


def fit(training: Training) -> Fit:
    return fit_sparse(training, l1_ratio=training.parameters.l1_ratio)


ENTRY = Entry(
    name="elastic_net",
    title="Elastic net",
    family="linear",
    good_for="Many columns, some of them in groups that say the same.",
    tasks=("regression",),
    parameters=ElasticNetParameters,
    fit=fit,
    space={"alpha": Real(low=1e-4, high=1.0, log=True), "l1_ratio": Real(low=0.05, high=1.0)},
)
