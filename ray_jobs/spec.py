"""What passes between the rooms about a job: specs, events, results, the catalogue's descriptions.

The one module of `ray_jobs` that `head` may import; it needs pydantic alone and loads neither ray nor pandas.
Everything here may come out of a box, so every field is bounded and unknown keys are refused.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

#: Ids are made by us, never by a box; this pattern keeps them out of every path and query trick.
ID_PATTERN = r"^[a-z0-9]{4,32}$"

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Name = Annotated[str, Field(max_length=256)]
Text = Annotated[str, Field(max_length=2000)]
PathText = Annotated[str, Field(min_length=1, max_length=4096)]
Task = Literal["classification", "regression"]
Whole = Annotated[int, Field(ge=0, lt=2**63)]


def _most(count: int) -> Any:
    """At most so many entries. The first wrong one is enough: hostile lists must not be gone through to the end."""
    return Field(max_length=count, fail_fast=True)


Metrics = Annotated[dict[Name, float], Field(max_length=50)]

#: Bytes of one event as JSON. What is larger is refused, so an agent shortens what it tells (ray_jobs.shortening).
EVENT_LIMIT = 256 * 1024


class Frozen(BaseModel):
    """Base of everything that crosses a socket: immutable, unknown keys refused, NaN and infinity refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# --- what to do -------------------------------------------------------------------------------------------------


class PathData(Frozen):
    """A file named by its path on the machine that runs the job."""

    kind: Literal["path"] = "path"
    path: PathText


class UploadData(Frozen):
    """A file that was sent in the chat; it lies in the inbox of the machine or of the pool."""

    kind: Literal["upload"] = "upload"
    upload_id: Id
    name: Name


Data = Annotated[PathData | UploadData, Field(discriminator="kind")]

_Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Parameter = Name | _Integer | float | bool | None | Annotated[list[_Integer], _most(100)]


class TrainSpec(Frozen):
    """Train one model on one table."""

    kind: Literal["train"] = "train"
    data: Data
    target: Name
    model: Name = "hist_gradient_boosting"
    task: Task | None = None  #: None: inferred from the target
    parameters: dict[Name, Parameter] = Field(default_factory=dict, max_length=50)
    test_fraction: float = Field(default=0.25, gt=0.0, lt=0.9)
    seed: int = Field(default=0, ge=0, lt=2**31)
    time_limit: int = Field(default=600, ge=1, le=7 * 86400)  #: seconds


class PredictSpec(Frozen):
    """Apply a model to one table, on the machine where the model lives."""

    kind: Literal["predict"] = "predict"
    data: Data
    model_id: Id
    time_limit: int = Field(default=300, ge=1, le=7 * 86400)  #: seconds


Spec = Annotated[TrainSpec | PredictSpec, Field(discriminator="kind")]

# --- what came of it --------------------------------------------------------------------------------------------


class ProblemCode(StrEnum):
    """Closed list of what a job or an inspection can refuse. The chat has one text with a remedy for each."""

    FILE_MISSING = "file_missing"  #: nothing is at that path on that machine
    FILE_IS_FOLDER = "file_is_folder"
    FILE_NOT_REGULAR = "file_not_regular"  #: a FIFO, socket or device
    FILE_EMPTY = "file_empty"  #: zero bytes
    FILE_UNREADABLE = "file_unreadable"  #: no permission, or an I/O error
    NO_ROWS = "no_rows"  #: a header and nothing below it
    NOT_THIS_FORMAT = "not_this_format"  #: the content is not what the ending says
    UNKNOWN_FORMAT = "unknown_format"  #: an ending we don't read
    OUTSIDE_ALLOWED = "outside_allowed"  #: outside the allowed folders, after resolving links and ..
    TARGET_MISSING = "target_missing"  #: no column of that name
    TARGET_CONSTANT = "target_constant"  #: the target has one value only
    TARGET_EMPTY = "target_empty"  #: every value of the target is missing
    NO_FEATURES = "no_features"  #: nothing but the target
    TOO_FEW_ROWS = "too_few_rows"
    COLUMN_MISSING = "column_missing"  #: the model needs a column that the file lacks
    UNKNOWN_MODEL = "unknown_model"  #: no such entry in the catalogue
    MODEL_NOT_FOR_TASK = "model_not_for_task"  #: a classifier for a number, a regressor for classes
    BAD_PARAMETER = "bad_parameter"
    MODEL_NOT_FOUND = "model_not_found"  #: no such trained model on that machine
    MODEL_DAMAGED = "model_damaged"  #: a hash differs, or a type outside the allow-list
    TENSORFLOW_MISSING = "tensorflow_missing"
    NO_SPACE = "no_space"  #: the box's disk quota is used up
    OUT_OF_MEMORY = "out_of_memory"
    UPLOAD_MISSING = "upload_missing"
    CRASHED = "crashed"  #: a bug of ours; the id finds the machine's log line
    INTERRUPTED = "interrupted"  #: the machine restarted while the job ran


class Problem(Frozen):
    """Why something was refused or ended: a code for programs, and what it was about for people."""

    code: ProblemCode
    message: Text  #: one English sentence with the particulars; no path of the server, no traceback
    subject: Text = ""  #: the path, column or parameter that it is about
    suggestions: Annotated[tuple[Name, ...], _most(10)] = ()  #: e.g. nearest column names
    log_id: Annotated[str, Field(max_length=32)] = ""


class ColumnFacts(Frozen):
    """One column as a person would describe it."""

    name: Name
    kind: Literal["number", "boolean", "category", "date", "text", "constant"]
    missing: Whole
    distinct: Whole


class DataFacts(Frozen):
    """What the form card shows before Run."""

    path: PathText  #: as the owner of the machine knows it
    bytes: Whole
    rows: Whole
    columns: Annotated[tuple[ColumnFacts, ...], _most(2000)]
    target: Name | None = None
    task: Task | None = None
    classes: Whole | None = None
    warnings: Annotated[tuple[Text, ...], _most(20)] = ()


class Preview(Frozen):
    """At most 10 rows, as text; empty where the owner shares no rows."""

    columns: Annotated[tuple[Name, ...], _most(100)] = ()
    rows: Annotated[tuple[Annotated[tuple[Name, ...], _most(100)], ...], _most(10)] = ()


class TrainResult(Frozen):
    """A trained model and how good it is on rows it has not seen."""

    kind: Literal["train"] = "train"
    model_id: Id
    model: Name
    task: Task
    target: Name
    rows_train: Whole
    rows_test: Whole
    #: accuracy, balanced_accuracy, f1_macro, roc_auc, log_loss; or rmse, mae, r2; errors are positive
    metrics: Metrics
    baseline_metrics: Metrics
    features: Annotated[tuple[Name, ...], _most(2000)]
    classes: Annotated[tuple[Name, ...], _most(1000)] = ()
    warnings: Annotated[tuple[Text, ...], _most(20)] = ()
    pictures: Annotated[tuple[Name, ...], _most(10)] = ()  #: names of the job's files, PNG
    train_seconds: float = Field(ge=0)


class PredictResult(Frozen):
    """Predictions written beside the model."""

    kind: Literal["predict"] = "predict"
    model_id: Id
    path: PathText  #: as the owner of the machine knows it
    file: Name  #: the same file's name among the job's files
    rows: Whole
    counts: dict[Name, Whole] = Field(
        default_factory=dict, max_length=1000
    )  #: rows of each class; empty for regression
    warnings: Annotated[tuple[Text, ...], _most(20)] = ()
    preview: Preview = Preview()
    metrics: Metrics = Field(default_factory=dict)  #: where the file holds the true target
    predict_seconds: float = Field(ge=0)


Result = Annotated[TrainResult | PredictResult, Field(discriminator="kind")]

# --- what is going on -------------------------------------------------------------------------------------------


class _Event(Frozen):
    n: int = Field(ge=1, lt=2**31)  #: 1, 2, 3, ... within the job
    at: float = Field(ge=0)  #: seconds since the epoch, by the machine's clock


class Accepted(_Event):
    """The agent has the job in its journal."""

    kind: Literal["accepted"] = "accepted"


class Started(_Event):
    """The task runs; what it sees of the place where it runs."""

    kind: Literal["started"] = "started"
    node_ip: Annotated[str, Field(max_length=64)]  #: ray.util.get_node_ip_address() of the task
    sealed: bool  #: observed by the task: no host process, no network but loopback


class Progress(_Event):
    """A step of the work. `fraction` only where it is known."""

    kind: Literal["progress"] = "progress"
    step: Name
    fraction: float | None = Field(default=None, ge=0, le=1)
    metrics: Metrics = Field(default_factory=dict)


class Completed(_Event):
    kind: Literal["completed"] = "completed"
    result: Result


class Failed(_Event):
    kind: Literal["failed"] = "failed"
    problem: Problem


class Cancelled(_Event):
    kind: Literal["cancelled"] = "cancelled"


class TimedOut(_Event):
    kind: Literal["timed_out"] = "timed_out"
    limit: int = Field(ge=0, lt=2**31)  #: seconds


Ending = Completed | Failed | Cancelled | TimedOut
Event = Annotated[
    Accepted | Started | Progress | Completed | Failed | Cancelled | TimedOut, Field(discriminator="kind")
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
SPEC: TypeAdapter[Spec] = TypeAdapter(Spec)


def is_ending(event: Event) -> bool:
    """Whether no further event of the job can follow."""
    return isinstance(event, Completed | Failed | Cancelled | TimedOut)


# --- what can be trained ----------------------------------------------------------------------------------------


class ModelDescription(Frozen):
    """A catalogue entry as the chat shows it; the fitting itself stands in ray_jobs.catalogue."""

    name: Name
    title: Name
    tasks: tuple[Task, ...]
    good_for: Text
    needs: Name = ""  #: what has to be installed for it, e.g. "tensorflow"


CATALOGUE: tuple[ModelDescription, ...] = (
    ModelDescription(
        name="hist_gradient_boosting",
        title="Histogram gradient boosting",
        tasks=("classification", "regression"),
        good_for="Most tables: fast, takes missing values and categories as they are.",
    ),
    ModelDescription(
        name="random_forest",
        title="Random forest",
        tasks=("classification", "regression"),
        good_for="Small and noisy tables; hard to get wrong.",
    ),
    ModelDescription(
        name="logistic_regression",
        title="Logistic regression",
        tasks=("classification",),
        good_for="Few rows or a nearly straight relation; easy to explain.",
    ),
    ModelDescription(
        name="linear_regression",
        title="Linear regression",
        tasks=("regression",),
        good_for="Few rows or a nearly straight relation; easy to explain.",
    ),
    ModelDescription(
        name="keras",
        title="Neural network (Keras)",
        tasks=("classification", "regression"),
        good_for="Many rows with smooth patterns; slower.",
        needs="tensorflow",
    ),
)
