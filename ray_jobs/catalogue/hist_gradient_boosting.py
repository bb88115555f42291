"""Histogram gradient boosting, scikit-learn's: fast on most tables, takes gaps and categories as they are."""

from __future__ import annotations

import time
from typing import Any

from pydantic import Field

from ray_jobs.catalogue import Count, Entry, Fit, Real, Step, Training
from ray_jobs.catalogue.parameters import Weighted, leaf_rows

#: Rounds of the trial by which a fit with a deadline is timed.
_TRIAL = 5
#: Cells of a matrix below which a fit is too quick for a trial to be worth it.
_QUICK = 1_000_000


class BoostingParameters(Weighted):
    learning_rate: float = Field(default=0.1, gt=0, le=1, description="Above 0; what each tree may change.")
    max_iter: int = Field(default=100, ge=1, le=10_000, description="How many trees follow each other at most.")
    max_leaf_nodes: int = Field(default=31, ge=2, le=10_000, description="Final groups of each tree at most.")
    max_depth: int | None = Field(default=None, ge=1, le=1000, description="Questions in a row at most. None: no end.")
    min_samples_leaf: int = Field(
        default=20, ge=1, le=10**9, description="Rows that each final group has at least; fewer in small tables."
    )
    l2_regularization: float = Field(default=0.0, ge=0, le=1e9, description="The larger, the more cautious.")
    max_features: float = Field(
        default=1.0, gt=0, le=1, description="Share of the columns (above 0) that each division looks at."
    )


def fit(training: Training) -> Fit:
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    from ray_jobs.features import category_count
    from ray_jobs.preparation import learning, prepared
    from ray_jobs.rounds import Rounds

    # One step for the whole fit: with warm_start in pieces scikit-learn would bin the table again for every piece.
    yield Step(name="training")
    rows = prepared(training, "boosting")
    held = rows.held(training)
    rounds = Rounds(training, training.parameters.max_iter, "max_iter")
    settings = training.parameters.model_dump(exclude={"class_weight", "max_iter"})
    settings |= {"random_state": training.seed, "max_iter": rounds.most}
    if "min_samples_leaf" not in training.parameters.model_fields_set:
        settings["min_samples_leaf"] = leaf_rows(settings["min_samples_leaf"], len(rows.values), training.classes)
    settings["categorical_features"] = np.arange(rows.matrix.shape[1]) < category_count(training.columns)
    against: dict[str, Any] = {}
    if held:
        settings |= {"early_stopping": True, "n_iter_no_change": rounds.patience}
        against = {"X_val": held[0], "y_val": held[1]}
    elif training.rounds is not None or _has_rare_class(training):
        settings["early_stopping"] = False
    if training.task == "classification":
        model = HistGradientBoostingClassifier(class_weight=training.parameters.class_weight, **settings)
    else:
        model = HistGradientBoostingRegressor(**settings)
    if training.deadline is not None and training.rounds is None and rows.matrix.size > _QUICK:
        yield Step(name="timing a trial")
        model.set_params(max_iter=_rounds_in_time(model, rows.matrix, rows.values, training.deadline))
        yield Step(name="training")
    with learning():
        model.fit(rows.matrix, rows.values, **against)
    # It codes categories once more, and would bring functions into the model's file. Ours are 0, 1, 2, ... and stand
    # first already, so its own step changes nothing.
    model._preprocessor = None
    if held:
        # The rounds after the best one are taken off again. The first score is that before any round.
        del model._predictors[int(np.argmax(model.validation_score_[1:])) + 1 :]
    return rows.model(model, rounds=int(model.n_iter_))


def _has_rare_class(training: Training) -> bool:
    """Early stopping splits off rows by class, which a class with one row does not survive."""
    import numpy as np

    return training.task == "classification" and int(np.bincount(training.values).min()) < 2


def _rounds_in_time(model: Any, matrix: Any, values: Any, deadline: float) -> int:
    """Rounds that fit before the deadline, as a trial of a few makes expect: this library can't be stopped within."""
    from sklearn.base import clone

    spent = []
    for rounds in (1, 1 + _TRIAL):
        begun = time.monotonic()
        clone(model).set_params(max_iter=rounds, early_stopping=False).fit(matrix, values)
        spent.append(time.monotonic() - begun)
    most: int = model.max_iter
    each = max(1e-4, (spent[1] - spent[0]) / _TRIAL)
    return max(1, min(most, int((deadline - time.monotonic() - spent[0]) / each)))


ENTRY = Entry(
    name="hist_gradient_boosting",
    title="Histogram gradient boosting",
    family="boosting",
    good_for="Most tables: fast, takes missing values and categories as they are.",
    tasks=("classification", "regression"),
    parameters=BoostingParameters,
    fit=fit,
    space={
        "learning_rate": Real(low=1e-2, high=0.3, log=True),
        "max_leaf_nodes": Count(low=4, high=200, log=True),
        "min_samples_leaf": Count(low=1, high=100, log=True),
        "l2_regularization": Real(low=1e-4, high=10.0, log=True),
        "max_features": Real(low=0.4, high=1.0),
    },
)
