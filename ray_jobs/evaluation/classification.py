"""How often and how surely classes are told."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as scores

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def classification_metrics(truth: Codes, probabilities: Floats, weights: Floats | None = None) -> dict[str, float]:
    """accuracy, balanced_accuracy, f1_macro, roc_auc (one against the rest, mean over classes), log_loss.

    `truth` are positions of classes, -1 for a label that the model does not know: such rows count as wrong, and are
    left out of roc_auc and log_loss. A metric that is not defined for these rows is left out.
    `weights`: how often each row counts.
    """
    predicted = probabilities.argmax(axis=1)
    known = truth >= 0
    counted = None if weights is None else weights[known]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that are only predicted, or only true: both are meant
        found = {
            "accuracy": scores.accuracy_score(truth, predicted, sample_weight=weights),
            "balanced_accuracy": scores.balanced_accuracy_score(truth, predicted, sample_weight=weights),
            "f1_macro": scores.f1_score(truth, predicted, average="macro", zero_division=0, sample_weight=weights),
            "roc_auc": _roc_auc(truth[known], probabilities[known], counted),
        }
        if known.any():
            positions = np.arange(probabilities.shape[1])
            found["log_loss"] = scores.log_loss(
                truth[known], probabilities[known], labels=positions, sample_weight=counted
            )
    return _finite(found)


def baseline_classification(train: Codes, truth: Codes, classes: int) -> dict[str, float]:
    """Metrics of always answering with the shares that the classes have in the training rows."""
    shares = np.bincount(train, minlength=classes) / len(train)
    # The answer is the same for every row, so one weighted row for each class that occurs says it all.
    present, counts = np.unique(truth, return_counts=True)
    return classification_metrics(present, np.tile(shares, (len(present), 1)), counts.astype(np.float64))


def _roc_auc(truth: Codes, probabilities: Floats, weights: Floats | None) -> float:
    """Mean over the classes that some rows have and others have not; two classes: of the second. NaN for none."""
    columns = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    found = []
    for column in columns:
        is_class = truth == column
        if is_class.any() and not is_class.all():
            found.append(scores.roc_auc_score(is_class, probabilities[:, column], sample_weight=weights))
    return float(np.mean(found)) if found else float("nan")


def _finite(found: dict[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}
