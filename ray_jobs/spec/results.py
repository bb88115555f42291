"""What came of a job."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ray_jobs.spec.base import Frozen, Id, Metrics, Name, PathText, Seconds, Task, Text, Whole, most
from ray_jobs.spec.tables import Profile, Warnings

FileNames = Annotated[tuple[Name, ...], most(20)]


class Preview(Frozen):
    """At most 10 rows, as text; empty where the owner shares no rows."""

    columns: Annotated[tuple[Name, ...], most(100)] = ()
    rows: Annotated[tuple[Annotated[tuple[Name, ...], most(100)], ...], most(10)] = ()


class Candidate(Frozen):
    """One line of auto's leaderboard. The loss is of rows that the candidate has not seen, in cross-validation."""

    name: Name  #: unique in its leaderboard: "lightgbm", "lightgbm tuned 3", "ensemble"
    model: Name  #: the catalogue entry, or "ensemble"
    loss: float | None = None  #: None: it failed, or was stopped; smaller is better
    seconds: Seconds = 0.0
    weight: float = Field(default=0.0, ge=0, le=1)  #: in the final ensemble
    note: Text = ""


Leaderboard = Annotated[tuple[Candidate, ...], most(50)]


class TrainResult(Frozen):
    """A trained model and how good it is on rows it has not seen."""

    kind: Literal["train"] = "train"
    model_id: Id
    model: Name  #: as the spec had it
    name: Name = ""  #: under which the machine keeps it
    version: Annotated[int, Field(ge=1, lt=2**31)] = 1
    task: Task
    target: Name
    rows_train: Whole
    rows_test: Whole
    #: accuracy, balanced_accuracy, f1_macro, roc_auc, pr_auc, log_loss, brier; or rmse, mae, r2, mape, and of the
    #: prediction intervals interval_coverage, interval_width; errors are positive
    metrics: Metrics
    baseline_metrics: Metrics
    fold_metrics: Metrics = Field(default_factory=dict)  #: means over the folds of a cross-validation
    fold_spread: Metrics = Field(default_factory=dict)  #: and their standard deviations
    features: Annotated[tuple[Name, ...], most(2000)]
    classes: Annotated[tuple[Name, ...], most(1000)] = ()
    leaderboard: Leaderboard = ()
    #: how much worse the metric gets when a column is shuffled, the most important first
    importance: Annotated[tuple[tuple[Name, float], ...], most(30)] = ()
    threshold: float | None = None  #: proposed for two classes: the probability from which to predict the second
    how: Text = ""  #: how it was learned, where it is not the plain way: streamed, from a sample
    warnings: Warnings = ()
    pictures: Annotated[tuple[Name, ...], most(10)] = ()  #: names of the job's files, PNG, the most telling first
    card: Name = ""  #: the model card's name among the job's files, HTML
    train_seconds: Seconds
    peak_memory: Whole = 0  #: bytes of the job's processes together


class CompareResult(Frozen):
    """What one machine's share of auto's candidates came to on the training rows."""

    kind: Literal["compare"] = "compare"
    data_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  #: of the table, as manifests have it
    #: only those judged: with a loss, the best first; without one where it was given up because it was far behind
    leaderboard: Leaderboard


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
    warnings: Warnings = ()
    preview: Preview = Preview()
    metrics: Metrics = Field(default_factory=dict)  #: where the file holds the true target
    drift: Annotated[tuple[tuple[Name, float], ...], most(30)] = ()  #: columns that differ from training, most first
    predict_seconds: Seconds


class ProfileResult(Frozen):
    """What a table is like."""

    kind: Literal["profile"] = "profile"
    profile: Profile
    pictures: FileNames = ()


class ExportResult(Frozen):
    """A model written for use elsewhere."""

    kind: Literal["export"] = "export"
    model_id: Id
    form: Name
    path: PathText  #: as the owner of the machine knows it
    file: Name  #: among the job's files
    bytes: Whole
    warnings: Warnings = ()


Result = Annotated[
    TrainResult | CompareResult | PredictResult | ProfileResult | ExportResult, Field(discriminator="kind")
]
