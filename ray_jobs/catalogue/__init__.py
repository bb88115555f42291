"""What can be trained. Each entry is one module of this package with an `ENTRY`, registered here by its name.

An entry's module loads its library only when it fits, so that parameters can be checked before anything is read or
imported. The descriptions that the chat shows stand in ray_jobs.spec.CATALOGUE, under the same names.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from ray_jobs.problems import Refused, listed, nearest
from ray_jobs.spec import CATALOGUE, Parameter, ProblemCode, Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ray_jobs.models import FittedModel
    from ray_jobs.schema import Column

#: Entry name -> module.
ENTRIES: dict[str, str] = {
    "hist_gradient_boosting": "ray_jobs.catalogue.hist_gradient_boosting",
    "random_forest": "ray_jobs.catalogue.random_forest",
    "logistic_regression": "ray_jobs.catalogue.logistic_regression",
    "linear_regression": "ray_jobs.catalogue.linear_regression",
    "keras": "ray_jobs.catalogue.keras_network",
}


class Parameters(BaseModel):
    """Base of every entry's parameters: unknown names refused, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True)
class Step:
    """Progress within a fit. `fraction` is of the fit, where it is known."""

    name: str
    fraction: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


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


Fit = Generator[Step, None, "FittedModel"]


class FitFunction(Protocol):
    def __call__(self, training: Training) -> Fit: ...


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One kind of model. `fit` is a generator so that it can report progress from the task's own thread, where a cancel
    lands.
    """

    name: str
    tasks: tuple[Task, ...]
    parameters: type[Parameters]
    fit: FitFunction
    needs: str = ""  #: a library that may be missing


def entry_of(name: str) -> Entry:
    """The entry of that name. Raises Refused(UNKNOWN_MODEL)."""
    if name not in ENTRIES:
        raise Refused(
            ProblemCode.UNKNOWN_MODEL,
            f"There is no model '{name}' in the catalogue.",
            subject=name,
            suggestions=nearest(name, ENTRIES) or ENTRIES,
        )
    entry = importlib.import_module(ENTRIES[name]).ENTRY
    assert isinstance(entry, Entry)
    return entry


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
        suggestions=[description.name for description in CATALOGUE if task in description.tasks],
    )
