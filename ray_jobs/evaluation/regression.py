"""How far off predicted numbers are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as scores

Floats = NDArray[np.float64]


def regression_metrics(truth: Floats, predicted: Floats) -> dict[str, float]:
    """rmse, mae, r2. r2 is left out where it is not defined: one row, or the same value in all."""
    found = {
        "rmse": float(scores.root_mean_squared_error(truth, predicted)),
        "mae": float(scores.mean_absolute_error(truth, predicted)),
    }
    if len(truth) > 1 and np.ptp(truth) > 0:
        found["r2"] = float(scores.r2_score(truth, predicted))
    return {name: value for name, value in found.items() if np.isfinite(value)}


def baseline_regression(train: Floats, truth: Floats) -> dict[str, float]:
    """Metrics of always answering with the mean of the training rows."""
    return regression_metrics(truth, np.full(len(truth), train.mean()))
