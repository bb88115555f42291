"""CatBoost: careful with categories, very good with its defaults, slower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from ray_jobs.catalogue import Choice, Count, Entry, Fit, Real, Step, Training
from ray_jobs.catalogue.parameters import Weighted

if TYPE_CHECKING:
    from ray_jobs.rounds import Rounds

#: AutoGluon's learning rate where held-out rows say when to stop. CatBoost's own rule looks at the number of rounds,
#: so a model could not be made again from its rounds.
_STOPPED_RATE = 0.05
_CATEGORIES_AT_MOST = 10_000


class CatBoostParameters(Weighted):
    iterations: int = Field(default=1000, ge=1, le=100_000, description="How many trees follow each other.")
    learning_rate: float | None = Field(
        default=None, gt=0, le=1, description="Above 0; what each tree may change. None: found from rows and trees."
    )
    depth: int = Field(default=6, ge=1, le=12, description="Questions that each tree asks.")
    l2_leaf_reg: float = Field(default=3.0, ge=0, le=1e9, description="The larger, the more cautious.")
    colsample_bylevel: float = Field(
        default=1.0, gt=0, le=1, description="Share of the columns (above 0) for each level of a tree."
    )
    subsample: float | None = Field(
        default=None, gt=0, le=1, description="Share of the rows (above 0) for each tree. None: rows are weighed."
    )
    leaf_estimation_iterations: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Steps in which the answers of a tree are found. None: CatBoost's choice.",
    )
    one_hot_max_size: int | None = Field(
        default=None,
        ge=2,
        le=255,
        description="Columns of so few categories get a column each. None: CatBoost's choice.",
    )
    model_size_reg: float = Field(
        default=0.5, ge=0, le=1e6, description="The larger, the less it combines categories into a large model."
    )
    max_ctr_complexity: int = Field(default=4, ge=1, le=8, description="How many category columns are combined.")


class _Watch:
    """What CatBoost asks after each tree: whether to go on."""

    def __init__(self, rounds: Rounds) -> None:
        self.rounds = rounds

    def after_iteration(self, info: Any) -> bool:
        self.rounds.count()
        return not self.rounds.over


def fit(training: Training) -> Fit:
    from ray_jobs.features.table import coded_frame
    from ray_jobs.libraries import library
    from ray_jobs.models import CatBoostModel
    from ray_jobs.preparation import learning, prepared, row_weights
    from ray_jobs.rounds import Rounds

    yield Step(name="training")  # it can't be left between two trees, so this is all that is told
    catboost = library("catboost")
    rows = prepared(training, "forest", dtype="float32", at_most=_CATEGORIES_AT_MOST)
    held = rows.held(training)
    rounds = Rounds(training, training.parameters.iterations, "iterations", watched=held is not None)
    coded = len(rows.features.categories)
    settings = _settings(training) | {"iterations": rounds.most, "cat_features": list(range(coded))}
    against: dict[str, Any] = {}
    if held:
        against = {
            "eval_set": (coded_frame(held[0], coded), held[1]),
            "use_best_model": True,
            "early_stopping_rounds": rounds.patience,
        }
    # The loss of held-out rows is CatBoost's to watch, the clock is ours.
    rounds.patience = rounds.most + 1
    booster = catboost.CatBoost(settings)
    with learning(catboost.CatBoostError):
        booster.fit(
            coded_frame(rows.matrix, coded),
            rows.values,
            sample_weight=row_weights(training),
            callbacks=[_Watch(rounds)],
            **against,
        )
    return CatBoostModel(
        preprocessing=rows.features,
        booster=booster,
        classes=training.classes,
        target=rows.target,
        rounds=int(booster.tree_count_),
        notes=rows.notes,
    )


def _settings(training: Training) -> dict[str, Any]:
    parameters = training.parameters.model_dump(exclude={"iterations", "class_weight"})
    settings = {name: value for name, value in parameters.items() if value is not None}
    if training.held is not None or training.rounds is not None:
        settings.setdefault("learning_rate", _STOPPED_RATE)
    if "subsample" in settings:
        settings["bootstrap_type"] = "Bernoulli"
    if training.classes > 2:
        settings |= {"loss_function": "MultiClass", "classes_count": training.classes}
    else:
        settings["loss_function"] = "Logloss" if training.classes else "RMSE"
    return settings | {
        "random_seed": training.seed,
        "thread_count": training.threads,
        "allow_writing_files": False,
        "logging_level": "Silent",
    }


ENTRY = Entry(
    name="catboost",
    title="CatBoost",
    family="boosting",
    good_for="Tables with many categories; very good as it is, slower than the others.",
    tasks=("classification", "regression"),
    parameters=CatBoostParameters,
    fit=fit,
    needs="catboost",
    # TabArena's (Erickson et al. 2025), symmetric trees alone.
    space={
        "learning_rate": Real(low=5e-3, high=0.1, log=True),
        "subsample": Real(low=0.7, high=1.0),
        "depth": Count(low=4, high=8),
        "colsample_bylevel": Real(low=0.85, high=1.0),
        "l2_leaf_reg": Real(low=1e-4, high=5.0, log=True),
        "leaf_estimation_iterations": Count(low=1, high=20, log=True),
        "one_hot_max_size": Count(low=8, high=100, log=True),
        "model_size_reg": Real(low=0.1, high=1.5, log=True),
        "max_ctr_complexity": Choice(values=(2, 3, 4, 5)),
    },
)
