"""What to do: the specs of jobs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ray_jobs.spec.base import Frozen, Id, Name, Task, most
from ray_jobs.spec.data import Data, Patterns, PredictData
from ray_jobs.spec.results import Leaderboard

_Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
#: One layer of a network, say: a flat object of plain values.
_Flat = Annotated[dict[Name, Name | _Integer | float | bool | None], Field(max_length=20)]
Parameter = (
    Name | _Integer | float | bool | None | Annotated[list[_Integer], most(100)] | Annotated[list[_Flat], most(50)]
)

_TestFraction = Annotated[float, Field(gt=0.0, lt=0.9)]
_TimeLimit = Annotated[int, Field(ge=1, le=7 * 86400)]


class RandomSplit(Frozen):
    """Rows at random; each class gives its share."""

    kind: Literal["random"] = "random"
    test_fraction: _TestFraction = 0.25


class GroupSplit(Frozen):
    """All rows of a group (a customer, a patient) on the same side."""

    kind: Literal["group"] = "group"
    column: Name
    test_fraction: _TestFraction = 0.25


class TimeSplit(Frozen):
    """Train on the past, test on the newest rows."""

    kind: Literal["time"] = "time"
    column: Name
    test_fraction: _TestFraction = 0.25


class FileSplit(Frozen):
    """Test on a table of its own."""

    kind: Literal["file"] = "file"
    data: Data


Split = Annotated[RandomSplit | GroupSplit | TimeSplit | FileSplit, Field(discriminator="kind")]


class TrainSpec(Frozen):
    """Train a model on one table."""

    kind: Literal["train"] = "train"
    data: Data
    target: Name
    model: Name = "auto"  #: a catalogue entry, or auto: compare, tune and combine within the budget
    task: Task | None = None  #: None: inferred from the target
    parameters: dict[Name, Parameter] = Field(default_factory=dict, max_length=50)
    include: Patterns = ()  #: columns to learn from, as names or patterns (`price_*`); (): every useful one
    exclude: Patterns = ()  #: columns to leave out
    split: Split = RandomSplit()
    folds: int = Field(default=0, ge=0, le=20)  #: 2 or more: cross-validation besides, mean and spread are told
    budget: int = Field(default=120, ge=5, le=86400)  #: seconds that auto may compare and tune
    repeats: Id | None = None  #: auto again as this model's recorded candidates and rounds, without a clock
    compared: Leaderboard = ()  #: what several machines found of auto's candidates on the same table before
    memory: int | None = Field(
        default=None, ge=100 * 2**20, lt=2**63
    )  #: bytes that the job may use; None: what is free
    name: Name = ""  #: of the model; the same name again is its next version; "": made from target and model
    seed: int = Field(default=0, ge=0, lt=2**31)
    time_limit: _TimeLimit = 600  #: seconds


class CompareSpec(Frozen):
    """One machine's share of what auto compares: nobody asks for it, the head deals a training out. Nothing is kept."""

    kind: Literal["compare"] = "compare"
    training: TrainSpec  #: of auto; its budget is what this share may take
    share: int = Field(ge=0, lt=100)  #: which of them, from 0
    shares: int = Field(ge=1, le=100)
    time_limit: _TimeLimit = 600  #: seconds

    @property
    def data(self) -> Data:
        return self.training.data


#: Of a result: that of the input, or another one.
OutputFormat = Literal["same", "csv", "parquet", "feather", "jsonl", "xlsx"]


class PredictSpec(Frozen):
    """Apply a model to one table, on the machine where the model lives."""

    kind: Literal["predict"] = "predict"
    data: PredictData
    model_id: Id
    output: OutputFormat = "same"
    reasons: int = Field(default=0, ge=0, le=5)  #: columns that mattered most for each row
    threshold: float | None = Field(default=None, gt=0, lt=1)  #: of the second of two classes; None: the likelier class
    time_limit: _TimeLimit = 300  #: seconds


class ProfileSpec(Frozen):
    """Look at a table closely."""

    kind: Literal["profile"] = "profile"
    data: Data
    target: Name | None = None
    time_limit: _TimeLimit = 300  #: seconds


class ExportSpec(Frozen):
    """Write a model for use without Hayride: `card` (HTML), `onnx`, `python` (a snippet beside the model's files)."""

    kind: Literal["export"] = "export"
    model_id: Id
    form: Literal["card", "onnx", "python"]
    time_limit: _TimeLimit = 300  #: seconds


#: What people ask for.
Spec = Annotated[TrainSpec | PredictSpec | ProfileSpec | ExportSpec, Field(discriminator="kind")]
#: What an agent does.
Work = Annotated[TrainSpec | CompareSpec | PredictSpec | ProfileSpec | ExportSpec, Field(discriminator="kind")]
