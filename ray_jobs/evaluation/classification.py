"""How often and how surely classes are told."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ray_jobs.evaluation.outcome import ClassScore, Codes, Floats
from ray_jobs.evaluation.ranking import Areas, areas

#: A probability of zero for what came true would cost infinitely much; scikit-learn's bound.
_LEAST = float(np.finfo(np.float64).eps)


def classification_metrics(truth: Codes, probabilities: Floats, weights: Floats | None = None) -> dict[str, float]:
    """accuracy, balanced_accuracy, f1_macro, roc_auc, pr_auc, log_loss, brier; the predicted class is the likeliest.

    `truth` are positions of classes, -1 for a label that the model does not know: such rows count as wrong, and are
    left out of roc_auc, pr_auc, log_loss and brier. A metric that is not defined for these rows is left out.
    `weights`: how often each row counts.

    roc_auc, and pr_auc (average precision): each class against the rest, mean over the classes; of two classes, the
    second against the first. brier: mean over the rows of the squared error of the probabilities, added up over the
    classes; of two classes half of it, which is the squared error of one of them.
    """
    counts = confusion(truth, probabilities.argmax(axis=1), probabilities.shape[1], weights)
    return all_metrics(truth, probabilities, counts, weights)[0]


def all_metrics(
    truth: Codes, probabilities: Floats, counts: Floats, weights: Floats | None = None, shown: Collection[int] = ()
) -> tuple[dict[str, float], Areas]:
    """The metrics, and what was found on the way to them. `counts`: the confusion; `shown`: classes with a curve."""
    known = truth >= 0
    every = bool(known.all())  # then nothing needs to be copied
    codes, given = (truth, probabilities) if every else (truth[known], probabilities[known])
    counted = weights if weights is None or every else weights[known]
    ranked = areas(codes, given, counted, shown)
    found = _of_confusion(counts)
    if ranked.roc_auc is not None and ranked.pr_auc is not None:
        found |= {"roc_auc": ranked.roc_auc, "pr_auc": ranked.pr_auc}
    if len(codes):
        found |= {"log_loss": log_loss(codes, given, counted), "brier": _brier(codes, given, counted)}
    return found, ranked


def baseline_classification(train: Codes, truth: Codes, classes: int) -> dict[str, float]:
    """Metrics of always answering with the shares that the classes have in the training rows: the best answer without
    looking at a column for accuracy, log_loss and brier.
    """
    shares = np.bincount(train, minlength=classes) / len(train)
    # The answer is the same for every row, so one weighted row for each class that occurs says it all.
    present, counts = np.unique(truth, return_counts=True)
    return classification_metrics(present, np.tile(shares, (len(present), 1)), counts.astype(np.float64))


def confusion(truth: Codes, predicted: Codes, classes: int, weights: Floats | None = None) -> Floats:
    """(classes + 1, classes): the weight of the rows by true and predicted class; the last row are unknown labels."""
    true = np.where(truth < 0, classes, truth)
    cells = np.bincount(true * classes + predicted, weights=weights, minlength=(classes + 1) * classes)
    return cells.reshape(classes + 1, classes).astype(np.float64)


def per_class(counts: Floats, names: Sequence[str]) -> tuple[ClassScore, ...]:
    """A line for each class, in the order of `names`."""
    lines = []
    for code, name in enumerate(names):
        right, rows, predicted = counts[code, code], counts[code].sum(), counts[:, code].sum()
        lines.append(
            ClassScore(
                name=name,
                rows=int(rows),
                predicted=int(predicted),
                precision=float(right / predicted) if predicted else None,
                recall=float(right / rows) if rows else None,
                f1=float(2 * right / (rows + predicted)) if rows else None,
            )
        )
    return tuple(lines)


def log_loss(truth: Codes, probabilities: Floats, weights: Floats | None = None) -> float:
    """Mean of -log of the probability that the true class was given."""
    given = np.clip(probabilities[np.arange(len(truth)), truth], _LEAST, 1.0)
    return float(np.average(-np.log(given), weights=weights))


def _brier(truth: Codes, probabilities: Floats, weights: Floats | None) -> float:
    given = probabilities[np.arange(len(truth)), truth]
    squares = np.einsum("ij,ij->i", probabilities, probabilities) - 2 * given + 1
    return float(np.average(squares, weights=weights)) / (2 if probabilities.shape[1] == 2 else 1)


def _of_confusion(counts: Floats) -> dict[str, float]:
    right = np.append(np.diagonal(counts), 0.0)  # an unknown label is never right
    rows, predicted = counts.sum(axis=1), np.append(counts.sum(axis=0), 0.0)
    occurs, told = rows > 0, rows + predicted > 0
    return {
        "accuracy": float(right.sum() / rows.sum()),
        "balanced_accuracy": float(np.mean(right[occurs] / rows[occurs])),
        "f1_macro": float(np.mean(2 * right[told] / (rows + predicted)[told])),
    }
