"""What auto minimises: log loss for classes, the root of the mean squared error for numbers.

Of a prediction one number a row is kept: the probability of the true class, or the predicted value. Both the loss of a
candidate and that of any weighted mean of candidates follow from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ray_jobs.spec import Task

Floats = NDArray[np.float64]

#: A probability of nothing costs 36: scikit-learn's log_loss clips there too.
_LEAST = float(np.finfo(np.float64).eps)


def told(task: Task, outputs: Floats, truth: NDArray[Any]) -> Floats:
    """The one number of each row, from a model's outputs. Not a number: as wrong as can be."""
    if task == "classification":
        found = outputs[np.arange(len(truth)), truth]
        return np.nan_to_num(np.asarray(found, dtype=np.float64), nan=0.0)
    worst = min(float(np.abs(truth).max(initial=1.0)) * 1e3, float(np.finfo(np.float64).max))
    return np.clip(np.nan_to_num(np.asarray(outputs, dtype=np.float64), nan=worst), -worst, worst)


def row_losses(task: Task, said: Floats, truth: NDArray[Any]) -> Floats:
    """Of each row; their mean is what is compared. `said`: as `told` gave it, or a weighted mean of such; the last
    axis is that of the rows.
    """
    if task == "classification":
        return np.asarray(-np.log(np.clip(said, _LEAST, 1.0)))
    return np.asarray((said - truth) ** 2)


def shown(task: Task, mean: float) -> float:
    """The loss as people know it, from the mean of the rows' losses."""
    return float(mean) if task == "classification" else float(np.sqrt(mean))
