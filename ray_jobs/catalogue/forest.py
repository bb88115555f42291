"""What random forest and extra trees share: parameters, and growing the trees a few at a time."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from pydantic import Field

from ray_jobs.catalogue import Fit, Step, Training
from ray_jobs.catalogue.parameters import Weighted

#: Trees grown between two reports. The forest is the same as if grown at once: each tree has its own seed.
_TREES_A_STEP = 20
_MOST_BYTES = 2 * 10**9


class ForestParameters(Weighted):
    n_estimators: int = Field(default=100, ge=1, le=10_000, description="How many trees.")
    max_depth: int | None = Field(default=None, ge=1, le=1000, description="Questions in a row at most. None: no end.")
    min_samples_split: int = Field(default=2, ge=2, le=10**9, description="Rows that a group needs to be divided.")
    min_samples_leaf: int = Field(default=1, ge=1, le=10**9, description="Rows that each final group has at least.")
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt", "log2"] | None = Field(
        default=None,
        description="Share of the columns (above 0), or sqrt or log2 of their number, that each division looks at. "
        "None: sqrt for classes, all for a number.",
    )


def fit_forest(training: Training, classifier: Any, regressor: Any, *, bootstrap: bool) -> Fit:
    """classifier, regressor: the classes of scikit-learn."""
    from ray_jobs.preparation import learning, prepared, row_weights
    from ray_jobs.rounds import fewer

    yield Step(name="training", fraction=0.0)
    rows = prepared(training, "forest", dtype="float32")
    parameters = training.parameters
    settings = parameters.model_dump(include={"max_depth", "min_samples_split", "min_samples_leaf"})
    settings |= {"random_state": training.seed, "n_jobs": training.threads, "warm_start": True, "bootstrap": bootstrap}
    if training.task == "classification":
        features = parameters.max_features or "sqrt"
        model = classifier(max_features=features, **settings)
    else:
        model = regressor(max_features=parameters.max_features or 1.0, **settings)
    planned = parameters.n_estimators
    if "n_estimators" not in parameters.model_fields_set:
        planned = fewer(planned, training.classes)
    total = training.rounds or planned
    weights = row_weights(training)  # scikit-learn warns of class_weight where a forest grows in steps
    leaves = most_leaves(planned, training.classes)
    if len(rows.values) > leaves:
        model.set_params(max_leaf_nodes=leaves)
    deadline = None if training.rounds else training.deadline
    for trees in [*range(_TREES_A_STEP, total, _TREES_A_STEP), total]:
        model.set_params(n_estimators=trees)
        with learning():
            model.fit(rows.matrix, rows.values, sample_weight=weights)
        yield Step(name=f"tree {trees} of {total}", fraction=trees / total)
        if deadline is not None and time.monotonic() >= deadline:
            break
    # Trees that answer side by side are summed in any order, so the last digit would not be the same each time.
    model.set_params(warm_start=False, n_jobs=None)
    notes: tuple[str, ...] = ()
    if any(tree.tree_.n_leaves >= leaves for tree in model.estimators_):
        notes = (f"Trees were stopped at {leaves:,} final groups, so that the model fits into memory.",)
    return rows.model(model, rounds=len(model.estimators_), notes=notes)


def most_leaves(trees: int, classes: int) -> int:
    """Final groups of each tree for which the whole model stays below 2 GB: two nodes for each, of 64 bytes and 8 for
    each class.
    """
    return max(2, _MOST_BYTES // (2 * (64 + 8 * max(1, classes)) * trees))
