"""K nearest neighbours, scikit-learn's: what the most similar training rows had."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ray_jobs.catalogue import Choice, Count, Entry, Fit, Parameters, Step, Training


class NeighbourParameters(Parameters):
    n_neighbors: int = Field(default=15, ge=1, le=10_000, description="How many similar rows are asked.")
    weights: Literal["uniform", "distance"] = Field(
        default="distance", description="Whether all of them count the same, or nearer ones more."
    )
    p: int = Field(
        default=2, ge=1, le=2, description="1: distances along the axes are summed; 2: the straight distance."
    )
    max_rows: int = Field(
        default=50_000,
        ge=100,
        le=10_000_000,
        description="Of more training rows so many are kept, at random: each answer compares with all that are kept.",
    )


def fit(training: Training) -> Fit:
    from dataclasses import replace

    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    from ray_jobs.estimators import SmoothedVotes
    from ray_jobs.preparation import prepared, sampled

    yield Step(name="training")
    parameters = training.parameters
    frame, values, notes = sampled(training, parameters.max_rows)
    rows = prepared(replace(training, frame=frame, values=values), "linear", dtype="float32")
    settings = parameters.model_dump(include={"weights", "p"})
    settings |= {"n_neighbors": min(parameters.n_neighbors, len(values)), "n_jobs": training.threads}
    if training.task == "regression":
        return rows.model(KNeighborsRegressor(**settings).fit(rows.matrix, rows.values), notes=notes)
    model = SmoothedVotes(KNeighborsClassifier(**settings)).fit(rows.matrix, rows.values)
    return rows.model(model, notes=notes)


ENTRY = Entry(
    name="k_nearest_neighbors",
    title="K nearest neighbours",
    family="neighbours",
    good_for="Few columns, where similar rows have similar answers; predicting is slow.",
    tasks=("classification", "regression"),
    parameters=NeighbourParameters,
    fit=fit,
    # After TabArena (Erickson et al. 2025).
    space={
        "n_neighbors": Count(low=1, high=200, log=True),
        "weights": Choice(values=("distance", "uniform")),
        "p": Choice(values=(2, 1)),
    },
)
