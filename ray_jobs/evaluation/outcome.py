"""What an evaluation finds: plain values, everything of rows that the model has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ray_jobs.manifest import Interval
from ray_jobs.spec import Task

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
#: Of what pictures show.
LARGEST_DRAWN = 1e306


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """One line of the per-class table. `precision` is None where the class was never predicted, `recall` and `f1`
    where no row has it.
    """

    name: str
    rows: int
    predicted: int  #: rows for which the class was predicted
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A curve of one class against the rest, thinned to at most 200 points, from left to right."""

    code: int  #: the class's position
    x: Floats
    y: Floats
    area: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Whether a probability means what it says. Each bin holds about equally many rows.

    Two classes: the probability of the rarer one, and how often it was that. More: the probability of the predicted
    class, and how often that was right.
    """

    code: int | None  #: the rarer class's position; None: of the predicted class
    predicted: Floats  #: mean probability of each bin, ascending
    observed: Floats  #: share of the bin's rows for which it came true
    rows: Codes
    error: (
        float  #: ECE: mean of |predicted - observed| over the rows; with few rows it is not zero even for a perfect one
    )


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A better probability than 0.5 from which the second of two classes is predicted. A proposal: the metrics are
    those without it.

    `value` is chosen on all held-out rows. The other numbers are not of the rows that chose: one half of the held-out
    rows chooses and the other is counted, both ways.
    """

    value: float
    balanced_accuracy: float
    accuracy: float
    recall: tuple[float, float]  #: of the first and of the second class
    precision: float | None  #: of the second class
    balanced_accuracy_before: float  #: the same rows at 0.5
    accuracy_before: float
    recall_before: tuple[float, float]
    precision_before: float | None


@dataclass(frozen=True, kw_only=True)
class Classified:
    """Of a classification."""

    names: tuple[str, ...]
    per_class: tuple[ClassScore, ...]
    confusion: Codes  #: (classes + 1, classes): true class, predicted class; the last row: labels the model never saw
    roc: tuple[Curve, ...] = ()  #: x false positive rate, y recall; the second of two classes, the 6 commonest of more
    precision_recall: tuple[Curve, ...] = ()  #: x recall, y precision; and of the first of two where it is the rarer
    calibration: Calibration | None = None
    threshold: Threshold | None = None  #: None where 0.5 does as well


def drawable(*values: Floats) -> bool:
    """Whether numbers can be the ends of an axis: beyond them there must be others, also for a margin."""
    return all(float(np.abs(each).max(initial=0.0)) <= LARGEST_DRAWN for each in values)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of a regression. Residual: what was true, less what was predicted."""

    actual: Floats  #: at most 5,000 rows, drawn at random
    predicted: Floats  #: of the same rows
    quantiles: Floats  #: of the residuals of all rows: minimum, 5 %, quartiles, 95 %, maximum
    bias: float  #: mean residual of all rows
    interval: Interval | None = None  #: None: too few rows


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How good a model is on rows that it has not seen, beside a baseline that looks at no column."""

    task: Task
    rows: int
    metrics: dict[str, float]
    baseline_metrics: dict[str, float]
    notes: tuple[str, ...] = ()  #: for people: what was sampled, left out or not defined
    classified: Classified | None = None  #: of a classification
    measured: Measured | None = None  #: of a regression

    @property
    def interval(self) -> Interval | None:
        return self.measured.interval if self.measured else None

    @property
    def threshold(self) -> Threshold | None:
        return self.classified.threshold if self.classified else None
