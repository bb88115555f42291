"""LightGBM: quick on large tables, takes gaps and categories as they are."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ray_jobs.catalogue import Choice, Count, Entry, Fit, Real, Step, Training
from ray_jobs.catalogue.parameters import Weighted, leaf_rows

#: More columns than this are not held twice.
_NARROW = 500


class LightGBMParameters(Weighted):
    n_estimators: int = Field(default=100, ge=1, le=100_000, description="How many trees follow each other.")
    learning_rate: float = Field(default=0.1, gt=0, le=1, description="Above 0; what each tree may change.")
    num_leaves: int = Field(default=31, ge=2, le=10_000, description="Final groups of each tree at most.")
    max_depth: int = Field(default=-1, ge=-1, le=1000, description="Questions in a row at most; -1: no end.")
    min_child_samples: int = Field(
        default=20, ge=1, le=10**9, description="Rows that each final group has at least; fewer in small tables."
    )
    subsample: float = Field(default=1.0, gt=0, le=1, description="Share of the rows (above 0) for each tree.")
    colsample_bytree: float = Field(
        default=1.0, gt=0, le=1, description="Share of the columns (above 0) for each tree."
    )
    reg_alpha: float = Field(default=0.0, ge=0, le=1e9, description="The larger, the more answers stay at zero.")
    reg_lambda: float = Field(default=0.0, ge=0, le=1e9, description="The larger, the more cautious.")
    extra_trees: bool = Field(default=False, description="Borders are drawn at random: quicker, smoother.")
    max_bin: int = Field(default=255, ge=2, le=65_535, description="Into how many steps a number is put.")
    min_data_per_group: int = Field(default=100, ge=1, le=10**9, description="Rows that a group of categories needs.")
    cat_l2: float = Field(default=10.0, ge=0, le=1e9, description="The larger, the more cautious with categories.")
    cat_smooth: float = Field(default=10.0, ge=0, le=1e9, description="The larger, the less rare categories count.")
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
    lightgbm = library("lightgbm")
    rows = prepared(training, "boosting")
    held = rows.held(training)
    rounds = Rounds(training, training.parameters.n_estimators, "n_estimators")
    categorical = list(range(category_count(training.columns)))
    # Row by row was never slower (1,000 to 330,000 rows, 18 to 200 columns), on flights by a third quicker.
    narrow = rows.matrix.shape[1] <= _NARROW
    settings = booster_settings(training, len(rows.values), row_wise=narrow)
    with learning(lightgbm.basic.LightGBMError):
        data = lightgbm.Dataset(
            rows.matrix, rows.values, weight=row_weights(training), categorical_feature=categorical, params=settings
        )
        booster = lightgbm.Booster(settings, data)
        loss = None
        if held:
            booster.add_valid(data.create_valid(held[0], held[1], params=settings), "held")
            loss = lambda: float(booster.eval_valid()[0][2])  # noqa: E731
        kept = yield from grown(rounds, lambda _: bool(booster.update()), loss)
    # As text and back: without the data, and with the trees that are kept alone; just what will be loaded.
    whole = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=kept))
    return BoosterModel(
        preprocessing=rows.features,
        booster=whole,
        classes=training.classes,
        target=rows.target,
        rounds=kept,
        notes=rows.notes,
    )


def booster_settings(training: Training, rows: int, *, row_wise: bool = False) -> dict[str, Any]:
    """LightGBM's own parameters. Also for `rows` that are streamed into it: row_wise holds them twice."""
    settings: dict[str, Any] = training.parameters.model_dump(exclude={"n_estimators", "class_weight"})
    if "min_child_samples" not in training.parameters.model_fields_set:
        settings["min_child_samples"] = leaf_rows(settings["min_child_samples"], rows, training.classes)
    if training.classes == 2:
        settings["objective"] = "binary"
    elif training.classes:
        settings |= {"objective": "multiclass", "num_class": training.classes}
    else:
        settings |= {"objective": "regression", "metric": "rmse"}
    settings |= {
        "subsample_freq": 1 if training.parameters.subsample < 1 else 0,
        "seed": training.seed,
        "num_threads": training.threads,
        "verbosity": -1,
        # The same seed gives the same trees: LightGBM must not choose the kind of histogram by the clock.
        "deterministic": True,
        "force_row_wise" if row_wise else "force_col_wise": True,
    }
    return settings


ENTRY = Entry(
    name="lightgbm",
    title="LightGBM",
    family="boosting",
    good_for="Large tables: quick, takes missing values and categories as they are.",
    tasks=("classification", "regression"),
    parameters=LightGBMParameters,
    fit=fit,
    needs="lightgbm",
    # TabArena's (Erickson et al. 2025), by scikit-learn's names.
    space={
        "learning_rate": Real(low=5e-3, high=0.1, log=True),
        "colsample_bytree": Real(low=0.4, high=1.0),
        "subsample": Real(low=0.7, high=1.0),
        "num_leaves": Count(low=2, high=200, log=True),
        "min_child_samples": Count(low=1, high=64, log=True),
        "extra_trees": Choice(values=(False, True)),
        "min_data_per_group": Count(low=2, high=100, log=True),
        "cat_l2": Real(low=5e-3, high=2.0, log=True),
        "cat_smooth": Real(low=1e-3, high=100.0, log=True),
        "max_cat_to_onehot": Count(low=8, high=100, log=True),
        "reg_alpha": Real(low=1e-4, high=1.0),
        "reg_lambda": Real(low=1e-4, high=2.0),
    },
)
