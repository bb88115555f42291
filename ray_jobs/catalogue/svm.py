"""Support vector machine, scikit-learn's: a smooth border with a wide margin."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ray_jobs.catalogue import Choice, Entry, Fit, Real, Step, Training
from ray_jobs.catalogue.parameters import Weighted
from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode

_MOST_CLASSES = 100


class MachineParameters(Weighted):
    C: float = Field(default=1.0, gt=0, le=1e6, description="Above 0; the larger, the closer it follows single rows.")
    kernel: Literal["rbf", "linear", "poly"] = Field(default="rbf", description="The shape of the border: rbf is any.")
    gamma: Annotated[float, Field(gt=0, le=1e6)] | Literal["scale", "auto"] = Field(
        default="scale",
        description="Above 0; the larger, the more local. 'scale' and 'auto' fit it to the columns.",
    )
    epsilon: float = Field(
        default=0.1, ge=0, le=100, description="Of a number: errors below this share of its spread do not count."
    )
    max_rows: int = Field(
        default=10_000,
        ge=100,
        le=100_000,
        description="Of more training rows so many are learned from, at random: time grows with their square.",
    )


def fit(training: Training) -> Fit:
    from dataclasses import replace

    from sklearn.svm import SVC, SVR

    from ray_jobs.estimators import MarginProbabilities
    from ray_jobs.preparation import learning, prepared, sampled

    yield Step(name="training")
    if training.classes > _MOST_CLASSES:
        raise Refused(
            ProblemCode.TOO_MANY_CLASSES,
            f"A support vector machine compares each two of the {training.classes} classes, which takes too long. "
            f"It can learn {_MOST_CLASSES} at most.",
            suggestions=("lightgbm", "random_forest"),
        )
    frame, values, notes = sampled(training, training.parameters.max_rows)
    training = replace(training, frame=frame, values=values)
    rows = prepared(training, "linear", standardise=True, logarithm=True)
    settings = training.parameters.model_dump(include={"C", "kernel", "gamma"})
    model: Any
    if training.task == "classification":
        machine = SVC(class_weight=training.parameters.class_weight, **settings)
        model = MarginProbabilities(machine, training.seed)
    else:
        model = SVR(epsilon=training.parameters.epsilon, **settings)
    with learning():
        model.fit(rows.matrix, rows.values)
    return rows.model(model, notes=notes)


ENTRY = Entry(
    name="svm",
    title="Support vector machine",
    family="kernel",
    good_for="Up to some thousand rows with a smooth border between the classes.",
    tasks=("classification", "regression"),
    parameters=MachineParameters,
    fit=fit,
    space={
        "C": Real(low=1e-2, high=1e2, log=True),
        "gamma": Real(low=1e-4, high=1.0, log=True),
        "kernel": Choice(values=("rbf",)),
    },
)
