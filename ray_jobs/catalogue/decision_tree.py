"""A single decision tree, scikit-learn's: rules that can be read."""

from __future__ import annotations

from pydantic import Field

from ray_jobs.catalogue import Count, Entry, Fit, Real, Step, Training
from ray_jobs.catalogue.parameters import Weighted


class TreeParameters(Weighted):
    max_depth: int | None = Field(default=None, ge=1, le=1000, description="Questions in a row at most. None: no end.")
    min_samples_split: int = Field(default=2, ge=2, le=10**9, description="Rows that a group needs to be divided.")
    min_samples_leaf: int = Field(default=5, ge=1, le=10**9, description="Rows that each final group has at least.")
    ccp_alpha: float = Field(default=0.0, ge=0, le=1e9, description="The larger, the more branches are cut off again.")


def fit(training: Training) -> Fit:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    from ray_jobs.preparation import learning, prepared

    yield Step(name="training")
    rows = prepared(training, "forest", dtype="float32")
    settings = training.parameters.model_dump(exclude={"class_weight"}) | {"random_state": training.seed}
    if training.task == "classification":
        model = DecisionTreeClassifier(class_weight=training.parameters.class_weight, **settings)
    else:
        model = DecisionTreeRegressor(**settings)
    with learning():
        model.fit(rows.matrix, rows.values)
    return rows.model(model)


ENTRY = Entry(
    name="decision_tree",
    title="Decision tree",
    family="tree",
    good_for="Rules that can be read; less exact than many trees together.",
    tasks=("classification", "regression"),
    parameters=TreeParameters,
    fit=fit,
    space={
        "max_depth": Count(low=2, high=30, log=True),
        "min_samples_leaf": Count(low=1, high=100, log=True),
        "ccp_alpha": Real(low=1e-6, high=1e-2, log=True),
    },
)
