"""Gradient boosting, scikit-learn's exact one: for small tables."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ray_jobs.catalogue import Count, Entry, Fit, Real, Step, Training
from ray_jobs.catalogue.parameters import Weighted

if TYPE_CHECKING:
    from ray_jobs.preparation import Prepared

#: Trees grown between two reports and two looks at the held-out rows.
_TREES_A_STEP = 10
#: Where held-out rows say when to stop: trees without improvement, and trees in all.
_PATIENCE, _MOST_WATCHED = 50, 1000


class ExactBoostingParameters(Weighted):
    n_estimators: int = Field(default=100, ge=1, le=10_000, description="How many trees follow each other.")
    learning_rate: float = Field(default=0.1, gt=0, le=1, description="Above 0; what each tree may change.")
    max_depth: int = Field(default=3, ge=1, le=100, description="Questions in a row at most, in each tree.")
    min_samples_leaf: int = Field(default=1, ge=1, le=10**9, description="Rows that each final group has at least.")
    subsample: float = Field(default=1.0, gt=0, le=1, description="Share of the rows (above 0) for each tree.")
    max_features: float | None = Field(
        default=None, gt=0, le=1, description="Share of the columns (above 0) that each division looks at. None: all."
    )


def fit(training: Training) -> Fit:
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    from ray_jobs.preparation import prepared

    yield Step(name="training", fraction=0.0)
    # This one knows no gaps: they are filled and marked. Trees don't mind that the rest is scaled.
    rows = prepared(training, "linear", dtype="float32", order="F")
    settings = training.parameters.model_dump(exclude={"class_weight", "n_estimators"})
    settings |= {"random_state": training.seed, "warm_start": True}
    model = (GradientBoostingClassifier if training.task == "classification" else GradientBoostingRegressor)(**settings)
    rounds = yield from _grow(model, rows, training)
    model.set_params(warm_start=False)
    return rows.model(model, rounds=rounds)


def _grow(model: Any, rows: Prepared, training: Training) -> Generator[Step, None, int]:
    from sklearn.metrics import log_loss, mean_squared_error

    from ray_jobs.preparation import learning, row_weights
    from ray_jobs.rounds import Rounds

    held, weights = rows.held(training), row_weights(training)
    rounds = Rounds(training, training.parameters.n_estimators, "n_estimators", patience=_PATIENCE)
    # Each look asks all trees so far again.
    if held:
        rounds.most = min(rounds.most, max(_MOST_WATCHED, training.parameters.n_estimators))
    while not rounds.over:
        trees = min(rounds.most, rounds.done + _TREES_A_STEP)
        model.set_params(n_estimators=trees)
        with learning():
            model.fit(rows.matrix, rows.values, sample_weight=weights)
        loss = None
        if held and training.task == "classification":
            loss = log_loss(held[1], model.predict_proba(held[0]), labels=model.classes_)
        elif held:
            loss = mean_squared_error(held[1], model.predict(held[0]))
        for _ in range(trees - rounds.done):
            rounds.count(loss)
        if step := rounds.report("tree", loss):
            yield step
    # The trees after the best round are taken off again.
    kept = min(rounds.done, -(-rounds.best // _TREES_A_STEP) * _TREES_A_STEP)
    model.estimators_ = model.estimators_[:kept]
    model.n_estimators_ = kept
    return kept


ENTRY = Entry(
    name="gradient_boosting",
    title="Gradient boosting",
    family="boosting",
    good_for="Small tables; slow on large ones, where histogram gradient boosting does the same.",
    tasks=("classification", "regression"),
    parameters=ExactBoostingParameters,
    fit=fit,
    space={
        "learning_rate": Real(low=1e-2, high=0.3, log=True),
        "max_depth": Count(low=2, high=8),
        "min_samples_leaf": Count(low=1, high=50, log=True),
        "subsample": Real(low=0.5, high=1.0),
        "max_features": Real(low=0.3, high=1.0),
    },
)
