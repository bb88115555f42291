"""What can be trained. Each entry is one module of this package with an `ENTRY`, registered here by its name.

An entry's module loads its library only when it fits: importing this package and all of its entries needs pydantic
alone. So parameters can be checked before anything is read, and the control plane can describe every model
(`descriptions`).
"""

from __future__ import annotations

import importlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from ray_jobs.catalogue.parameters import Parameters as Parameters
from ray_jobs.catalogue.parameters import described_parameters
from ray_jobs.problems import Refused, listed, nearest
from ray_jobs.spec import Candidate, Family, ModelDescription, Parameter, ProblemCode, Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ray_jobs.models import FittedModel
    from ray_jobs.schema import Column

#: The model that a spec names where the best of all is to be found.
AUTO = "auto"
#: The modules of this package that hold an `ENTRY`, in the order in which the chat lists them.
MODULES: tuple[str, ...] = (
    "dummy",
    "linear_regression",
    "ridge",
    "lasso",
    "elastic_net",
    "polynomial",
    "logistic_regression",
    "decision_tree",
    "random_forest",
    "extra_trees",
    "gradient_boosting",
    "hist_gradient_boosting",
    "lightgbm",
    "xgboost",
    "catboost",
    "k_nearest_neighbors",
    "svm",
    "naive_bayes",
    "mlp",
    "keras_network",
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """Progress within a fit. `fraction` is of the fit, where it is known."""

    name: str
    fraction: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    leaderboard: tuple[Candidate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Held:
    """Rows that are not learned from; they say when to stop."""

    frame: pd.DataFrame
    values: NDArray[np.float64] | NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Training:
    """What an entry fits on: the training rows alone."""

    frame: pd.DataFrame  #: conformed to `columns`
    columns: tuple[Column, ...]
    values: NDArray[np.float64] | NDArray[np.int64]  #: numbers, or positions of classes, each of them present
    task: Task
    classes: int  #: 0 for regression
    parameters: Any  #: an instance of the entry's own `parameters`
    seed: int
    threads: int
    held: Held | None = None  #: for entries that learn in rounds: stop when these get no better
    rounds: int | None = None  #: exactly so many, whatever the parameters say: a recorded model is repeated
    deadline: float | None = None  #: `time.monotonic()` at which to stop with what there is, where that is possible


Fit = Generator[Step, None, "FittedModel"]


class FitFunction(Protocol):
    def __call__(self, training: Training) -> Fit: ...


@dataclass(frozen=True, kw_only=True)
class Real:
    """A range that auto searches."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class Count:
    """Whole numbers that auto searches, both ends included."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Values among which auto chooses."""

    values: tuple[Parameter, ...]


Range = Real | Count | Choice


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One kind of model. `fit` is a generator so that it can report progress from the task's own thread, where a cancel
    lands.
    """

    name: str
    title: str
    family: Family
    tasks: tuple[Task, ...]
    good_for: str  #: one sentence
    parameters: type[Parameters]
    fit: FitFunction
    space: Mapping[str, Range] = field(default_factory=dict)  #: what auto tunes, by parameter
    needs: str = ""  #: a library that may be missing


def _load(module: str) -> Entry:
    entry = importlib.import_module(f"ray_jobs.catalogue.{module}").ENTRY
    assert isinstance(entry, Entry)
    return entry


@cache
def entries() -> dict[str, Entry]:
    """Every entry by its name."""
    return {entry.name: entry for entry in map(_load, MODULES)}


def entry_of(name: str) -> Entry:
    """The entry of that name. Raises Refused(UNKNOWN_MODEL)."""
    known = entries()
    if name not in known:
        raise Refused(
            ProblemCode.UNKNOWN_MODEL,
            f"There is no model '{name}' in the catalogue.",
            subject=name,
            suggestions=nearest(name, (AUTO, *known)) or known,
        )
    return known[name]


def checked_parameters(entry: Entry, given: Mapping[str, Parameter]) -> Parameters:
    """The entry's parameters with `given` put in. Raises Refused(BAD_PARAMETER) that names the first bad one."""
    try:
        return entry.parameters.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        known = list(entry.parameters.model_fields)
        if first["type"] == "extra_forbidden":
            message = f"{entry.name} has no parameter '{name}'; it has {listed(known, 20)}."
        else:
            message = f"The parameter '{name}' of {entry.name} can't be {given.get(name)!r}: {first['msg']}."
        raise Refused(
            ProblemCode.BAD_PARAMETER,
            message,
            subject=name,
            suggestions=nearest(name, known) if name not in known else (),
        ) from error


def check_task(entry: Entry, task: Task, target: str) -> None:
    """Raises Refused(MODEL_NOT_FOR_TASK) where the entry can't do the task."""
    if task in entry.tasks:
        return
    what = "classes" if task == "classification" else "a number"
    raise Refused(
        ProblemCode.MODEL_NOT_FOR_TASK,
        f"'{target}' is {what}, and {entry.name} can't learn that.",
        subject=target,
        suggestions=[other.name for other in entries().values() if task in other.tasks],
    )


def described(entry: Entry) -> ModelDescription:
    """The entry as the chat shows it."""
    return ModelDescription(
        name=entry.name,
        title=entry.title,
        family=entry.family,
        tasks=entry.tasks,
        good_for=entry.good_for,
        parameters=described_parameters(entry.parameters),
        needs=entry.needs,
    )


_AUTOMATIC = ModelDescription(
    name=AUTO,
    title="Automatic",
    family="auto",
    tasks=("classification", "regression"),
    good_for="Compares what suits the table within the budget, tunes the best and combines them.",
)


@cache
def descriptions() -> tuple[ModelDescription, ...]:
    """The catalogue as the chat shows it, auto first."""
    return (_AUTOMATIC, *map(described, entries().values()))
