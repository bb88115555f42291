"""What can be trained, as the chat shows it."""

from __future__ import annotations

from typing import Annotated, Literal

from ray_jobs.spec.base import Frozen, Name, Task, Text
from ray_jobs.spec.base import most as at_most

Family = Literal["auto", "baseline", "linear", "tree", "boosting", "neighbours", "kernel", "bayes", "network"]


class ParameterDescription(Frozen):
    """One parameter of a model. `least` and `most` are inclusive, unless the sentence says otherwise."""

    name: Name
    type: Literal["integer", "number", "boolean", "choice", "text", "layers"]
    default: Text  #: as it is typed; "" for none
    sentence: Text
    least: float | None = None
    most: float | None = None
    choices: Annotated[tuple[Name, ...], at_most(30)] = ()
    optional: bool = False  #: may be left empty ("none")


class ModelDescription(Frozen):
    """A catalogue entry; the fitting itself stands in ray_jobs.catalogue."""

    name: Name
    title: Name
    family: Family
    tasks: Annotated[tuple[Task, ...], at_most(2)]
    good_for: Text
    parameters: Annotated[tuple[ParameterDescription, ...], at_most(50)] = ()
    needs: Name = ""  #: what has to be installed for it, e.g. "tensorflow"
