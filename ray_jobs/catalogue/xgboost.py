"""XGBoost: grows trees level by level, takes gaps and categories as they are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ray_jobs.catalogue import Choice, Count, Entry, Fit, Real, Step, Training
from ray_jobs.catalogue.parameters import Weighted


class XGBoostParameters(Weighted):
    n_estimators: int = Field(default=100, ge=1, le=100_000, description="How many trees follow each other.")
    learning_rate: float = Field(default=0.3, gt=0, le=1, description="Above 0; what each tree may change.")
    max_depth: int = Field(default=6, ge=0, le=100, description="Questions in a row at most; 0: no end.")
    max_leaves: int = Field(default=0, ge=0, le=100_000, description="Final groups of each tree at most; 0: no end.")
    grow_policy: Literal["depthwise", "lossguide"] = Field(
        default="depthwise", description="Whether trees grow level by level, or where it helps most."
    )
    min_child_weight: float = Field(
        default=1.0, ge=0, le=1e9, description="The weight of rows that each final group has at least."
    )
    gamma: float = Field(default=0.0, ge=0, le=1e9, description="What a division has to gain at least.")
    subsample: float = Field(default=1.0, gt=0, le=1, description="Share of the rows (above 0) for each tree.")
    colsample_bytree: float = Field(
        default=1.0, gt=0, le=1, description="Share of the columns (above 0) for each tree."
    )
    colsample_bylevel: float = Field(
        default=1.0, gt=0, le=1, description="Share of those (above 0) for each level of a tree."
    )
    colsample_bynode: float = Field(default=1.0, gt=0, le=1, description="Share of those (above 0) for each division.")
    reg_alpha: float = Field(default=0.0, ge=0, le=1e9, description="The larger, the more answers stay at zero.")
    reg_lambda: float = Field(default=1.0, ge=0, le=1e9, description="The larger, the more cautious.")
    max_bin: int = Field(default=256, ge=2, le=65_535, description="Into how many steps a number is put.")
    max_cat_to_onehot: int = Field(
        default=4, ge=1, le=100_000, description="Columns of so few categories are divided one category at a time."
    )


def fit(training: Training) -> Fit:
    from ray_jobs.features import category_count
    from ray_jobs.libraries import library
    from ray_jobs.models import BoosterModel
    from ray_jobs.preparation import learning, prepared, row_weights
    from ray_jobs.rounds import Rounds, grown

    yield Step(name="training", fraction=0.0)
    xgboost = library("xgboost")
    rows = prepared(training, "boosting", dtype="float32")
    held = rows.held(training)
    rounds = Rounds(training, training.parameters.n_estimators, "n_estimators")
    settings = _settings(training)
    coded = category_count(training.columns)
    given = {
        "feature_types": ["c"] * coded + ["q"] * (rows.matrix.shape[1] - coded),
        "enable_categorical": True,
        "max_bin": settings["max_bin"],
        "nthread": training.threads,
    }
    with learning(xgboost.core.XGBoostError):
        data = xgboost.QuantileDMatrix(rows.matrix, rows.values, weight=row_weights(training), **given)
        watched = [(xgboost.QuantileDMatrix(held[0], held[1], ref=data, **given), "held")] if held else []
        booster = xgboost.Booster(settings, [data, *(matrix for matrix, _ in watched)])

        def add(number: int) -> bool:
            booster.update(data, number)
            return False

        def loss() -> float:
            # "[12]\theld-logloss:0.345"
            return float(booster.eval_set(watched, rounds.done).rsplit(":", 1)[1])

        kept = yield from grown(rounds, add, loss if watched else None)
    # As bytes and back: without the data, and with the trees that are kept alone; just what will be loaded.
    whole = xgboost.Booster()
    whole.load_model(booster[:kept].save_raw("ubj"))
    whole.set_param({"nthread": training.threads})
    return BoosterModel(
        preprocessing=rows.features,
        booster=whole,
        classes=training.classes,
        target=rows.target,
        rounds=kept,
        notes=rows.notes,
    )


def _settings(training: Training) -> dict[str, Any]:
    settings: dict[str, Any] = training.parameters.model_dump(exclude={"n_estimators", "class_weight"})
    if training.classes == 2:
        settings |= {"objective": "binary:logistic", "eval_metric": "logloss"}
    elif training.classes:
        settings |= {"objective": "multi:softprob", "num_class": training.classes, "eval_metric": "mlogloss"}
    else:
        settings |= {"objective": "reg:squarederror", "eval_metric": "rmse"}
    return settings | {"tree_method": "hist", "seed": training.seed, "nthread": training.threads, "verbosity": 0}


ENTRY = Entry(
    name="xgboost",
    title="XGBoost",
    family="boosting",
    good_for="Most tables, small and large; takes missing values and categories as they are.",
    tasks=("classification", "regression"),
    parameters=XGBoostParameters,
    fit=fit,
    needs="xgboost",
    # TabArena's (Erickson et al. 2025).
    space={
        "learning_rate": Real(low=5e-3, high=0.1, log=True),
        "max_depth": Count(low=4, high=10, log=True),
        "min_child_weight": Real(low=1e-3, high=5.0, log=True),
        "subsample": Real(low=0.6, high=1.0),
        "colsample_bylevel": Real(low=0.6, high=1.0),
        "colsample_bynode": Real(low=0.6, high=1.0),
        "reg_alpha": Real(low=1e-4, high=5.0),
        "reg_lambda": Real(low=1e-4, high=5.0),
        "grow_policy": Choice(values=("depthwise", "lossguide")),
        "max_cat_to_onehot": Count(low=8, high=100, log=True),
        "max_leaves": Count(low=8, high=1024, log=True),
    },
)
