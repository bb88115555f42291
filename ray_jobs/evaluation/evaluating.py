"""Everything that is told of a model's quality, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ray_jobs.evaluation.calibration import calibration
from ray_jobs.evaluation.classification import all_metrics, baseline_classification, confusion, per_class
from ray_jobs.evaluation.conformal import FEWEST_ROWS, coverage_of, interval_of
from ray_jobs.evaluation.outcome import Classified, Codes, Evaluation, Floats, Measured, drawable
from ray_jobs.evaluation.ranking import ranked_rows
from ray_jobs.evaluation.regression import baseline_regression, regression_metrics
from ray_jobs.evaluation.thresholds import better_threshold
from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode, Task

_MOST_POINTS = 5000
#: Curves of more classes could not be told apart in a picture.
_MOST_CURVES = 6
_FARTHEST = float(np.finfo(np.float64).max)
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def evaluate(
    task: Task,
    truth: NDArray[np.float64] | NDArray[np.int64],
    outputs: Floats,
    train_truth: NDArray[np.float64] | NDArray[np.int64],
    names: Sequence[str] = (),
) -> Evaluation:
    """Judges `outputs`, what `FittedModel.outputs` said of the held-out rows, by their `truth`.

    Classification: `truth` and `train_truth` are positions in `names`; -1 in `truth` is a label that training never
    saw, and counts as wrong. `train_truth` feeds the baseline alone, so a sample of the training rows will do.
    Raises Refused(NOT_LEARNED) where an output is not a finite number.
    """
    if strange := int(np.count_nonzero(~np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1))):
        raise Refused(
            ProblemCode.NOT_LEARNED,
            f"The model gave no number for {strange:,} of {len(outputs):,} held-out rows: what it computes left the "
            "range of floating point, so it learned nothing. Choose another model, or a smaller learning rate.",
        )
    if task == "classification":
        return _classification(truth.astype(np.int64), outputs, train_truth.astype(np.int64), tuple(names))
    return _regression(truth.astype(np.float64), outputs, train_truth.astype(np.float64))


def _classification(truth: Codes, outputs: Floats, train: Codes, names: tuple[str, ...]) -> Evaluation:
    counts = confusion(truth, outputs.argmax(axis=1), len(names))
    rows = counts.sum(axis=1)
    commonest = np.argsort(-rows[:-1], kind="stable").tolist()
    shown = {1, commonest[-1]} if len(names) == 2 else commonest[:_MOST_CURVES]
    metrics, found = all_metrics(truth, outputs, counts, shown=shown)
    notes = []
    if unknown := int(rows[-1]):
        notes.append(f"{unknown:,} held-out rows have a class that training never saw; they count as wrong.")
    sample = ranked_rows(len(truth) - unknown, len(names))
    if sample is not None:
        notes.append(f"ROC AUC and PR AUC are of {len(sample):,} held-out rows drawn at random.")
    return Evaluation(
        task="classification",
        rows=len(truth),
        metrics=metrics,
        baseline_metrics=baseline_classification(train, truth, len(names)),
        notes=tuple(notes),
        classified=Classified(
            names=names,
            per_class=per_class(counts, names),
            confusion=counts.astype(np.int64),
            roc=found.roc,
            precision_recall=found.precision_recall,
            calibration=calibration(truth, outputs),
            threshold=better_threshold(truth, outputs) if len(names) == 2 else None,
        ),
    )


def _regression(truth: Floats, outputs: Floats, train: Floats) -> Evaluation:
    residuals = _less(truth, outputs)
    metrics, notes = regression_metrics(truth, outputs), []
    baseline = baseline_regression(train, truth)
    metrics |= _interval_metrics(residuals)
    baseline |= _interval_metrics(_less(truth, 2 * np.median(train / 2)))  # of two halves the mean is a number
    if len(truth) < FEWEST_ROWS:
        notes.append(f"Prediction intervals need {FEWEST_ROWS} held-out rows; there are {len(truth)}.")
    if not drawable(truth, outputs):
        notes.append("The numbers are too large for pictures.")
    drawn = np.arange(len(truth))
    if len(truth) > _MOST_POINTS:
        drawn = np.sort(np.random.default_rng(0).choice(len(truth), _MOST_POINTS, replace=False))
    return Evaluation(
        task="regression",
        rows=len(truth),
        metrics=metrics,
        baseline_metrics=baseline,
        notes=tuple(notes),
        measured=Measured(
            actual=truth[drawn],
            predicted=outputs[drawn],
            quantiles=np.quantile(residuals / 2, _QUANTILES) * 2,  # halves: between two no distance overflows
            bias=float((residuals / (2 * len(residuals))).sum()) * 2,
            interval=interval_of(residuals),
        ),
    )


def _less(truth: Floats, outputs: Floats | np.floating[Any]) -> Floats:
    """The differences; those that leave the range of floating point stay at its end."""
    with np.errstate(over="ignore"):
        return np.clip(truth - outputs, -_FARTHEST, _FARTHEST)


def _interval_metrics(residuals: Floats) -> dict[str, float]:
    interval, coverage = interval_of(residuals), coverage_of(residuals)
    if interval is None or coverage is None:
        return {}
    return {"interval_coverage": coverage, "interval_width": interval.below + interval.above}
