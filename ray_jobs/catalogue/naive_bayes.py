"""Naive Bayes, scikit-learn's: counts how often each value goes with each class.

Numbers are put into bins of equally many rows, so that numbers of any distribution, categories and gaps can be counted
alike; that is better than taking numbers for normally distributed (Dougherty, Kohavi, Sahami 1995).
"""

from __future__ import annotations

from pydantic import Field

from ray_jobs.catalogue import Count, Entry, Fit, Real, Step, Training
from ray_jobs.catalogue.parameters import Weighted


class BayesParameters(Weighted):
    alpha: float = Field(default=1.0, gt=0, le=1e6, description="Above 0; rows added to each count: more are smoother.")
    bins: int = Field(default=10, ge=2, le=100, description="Into how many bins each number is put.")


def fit(training: Training) -> Fit:
    import numpy as np
    from sklearn.naive_bayes import CategoricalNB
    from sklearn.pipeline import make_pipeline

    from ray_jobs.features import Bins, category_count
    from ray_jobs.preparation import prepared

    yield Step(name="training")
    parameters = training.parameters
    rows = prepared(training, "boosting")
    bins = Bins(categories=category_count(training.columns), bins=parameters.bins)
    counted = bins.fit_transform(rows.matrix)
    present = len(np.unique(rows.values))
    prior = np.full(present, 1 / present) if parameters.class_weight else None
    model = CategoricalNB(alpha=parameters.alpha, class_prior=prior, min_categories=bins.sizes_)
    model.fit(counted, rows.values)
    return rows.model(make_pipeline(bins, model))


ENTRY = Entry(
    name="naive_bayes",
    title="Naive Bayes",
    family="bayes",
    good_for="Very quick; columns that each say something of their own.",
    tasks=("classification",),
    parameters=BayesParameters,
    fit=fit,
    space={"alpha": Real(low=1e-2, high=1e2, log=True), "bins": Count(low=3, high=50, log=True)},
)
