"""What stands beside a model's files: the columns it needs, what it predicts, what made it, and the hashes of its
files.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from ray_jobs.schema import Column
from ray_jobs.shelf import LATEST
from ray_jobs.spec import Frozen, Id, Metrics, Name, Parameter, Task, TrainSpec
from ray_jobs.target import Classes

FORMAT = 1

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Seen(Frozen):
    """What the training rows held in one column: what predict warns by, and drift is measured against."""

    name: Name
    missing: float = Field(ge=0, le=1)  #: share of the rows
    #: of numbers, and of dates in seconds since 1970: minimum, the nine deciles, maximum; () where there were none
    quantiles: tuple[float, ...] = Field(default=(), max_length=11)
    #: share of the known values that are at or below each quantile: more than its level where a value is common
    at_or_below: tuple[float, ...] = Field(default=(), max_length=11)
    #: of categories and booleans: value -> share of the rows, the commonest first
    categories: tuple[tuple[Name, float], ...] = Field(default=(), max_length=100)
    complete: bool = True  #: whether `categories` are all there were


class Interval(Frozen):
    """A prediction interval, split conformal: from `value - below` to `value + above` holds `level` of the rows."""

    level: float = Field(gt=0, lt=1)
    below: float
    above: float


class RecordedCandidate(Frozen):
    """One model of an auto run, so that it can be made again without a clock."""

    name: Name
    model: Name
    parameters: dict[Name, Parameter]
    rounds: int | None = None
    weight: float = Field(ge=0, le=1)


class Manifest(Frozen):
    """manifest.json of one model."""

    format: int = FORMAT
    model_id: Id
    job_id: Id
    model: Name  #: the catalogue entry, or auto
    name: Name = ""  #: what its owner calls it; with `version` unique in the store
    version: int = Field(default=1, ge=1, lt=2**31)
    task: Task
    target: Name
    columns: tuple[Column, ...] = Field(min_length=1)  #: in the order in which the model takes them
    classes: Classes | None = None  #: labels as they were
    rows_train: int = Field(ge=1)
    metrics: Metrics = Field(default_factory=dict)
    baseline_metrics: Metrics = Field(default_factory=dict)
    spec: TrainSpec  #: as it was asked for
    seen: tuple[Seen, ...] = ()  #: of each of `columns`
    interval: Interval | None = None  #: of a regression
    threshold: float | None = None  #: proposed for two classes: from which probability to predict the second
    recorded: tuple[RecordedCandidate, ...] = ()  #: of auto
    data: Name  #: the plain name of the file it was trained on
    data_hash: Hash  #: of that file's bytes
    created: float = Field(ge=0, le=LATEST)  #: seconds since the epoch
    versions: dict[Name, Name]  #: of Python and of the libraries that made the files
    files: dict[Name, Hash] = Field(min_length=1)  #: name -> SHA-256

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Manifest:
        """A classification has two labels or more, a regression none."""
        labels = None if self.classes is None else len(self.classes.labels)
        if (labels is None) != (self.task == "regression") or (labels is not None and labels < 2):
            raise ValueError("its classes are not those of its task")
        return self
