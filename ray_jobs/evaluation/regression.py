"""How far off predicted numbers are."""

from __future__ import annotations

import numpy as np

from ray_jobs.evaluation.outcome import Floats

#: MAPE is told where all true values have the same sign and none is nearer to zero than this share of their median:
#: next to zero a small error is an endless percentage.
_NEAR_ZERO = 0.01


def regression_metrics(truth: Floats, predicted: Floats) -> dict[str, float]:
    """rmse, mae, r2, mape (a fraction: 0.1 is 10 %). What is not defined is left out: r2 of one row or of the same
    value in all; mape where a true value is zero, nearly zero (below a hundredth of the median), or of another sign.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is left out
        errors = truth - predicted
        found = {"rmse": root_mean_square(errors), "mae": float(np.mean(np.abs(errors)))}
        spread = root_mean_square(truth - truth.mean())
        if len(truth) > 1 and np.ptp(truth) > 0 and spread > 0:
            share = found["rmse"] / spread
            found["r2"] = 1 - share * share  # a power of floats raises OverflowError, a product does not
        if _has_percentages(truth):
            found["mape"] = float(np.mean(np.abs(errors) / np.abs(truth)))
    return {name: value for name, value in found.items() if np.isfinite(value)}


def baseline_regression(train: Floats, truth: Floats) -> dict[str, float]:
    """Metrics of always answering with one number: for each metric the mean or the median of the training rows,
    whichever does better on these rows.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is left out
        answered = (train.mean(), np.median(train))
    answers = [regression_metrics(truth, np.full(len(truth), answer)) for answer in answered]
    return {
        name: (max if name == "r2" else min)(found[name] for found in answers if name in found)
        for name in {**answers[0], **answers[1]}
    }


def root_mean_square(values: Floats) -> float:
    """Scaled, so that large values do not overflow when squared."""
    scale = float(np.max(np.abs(values)))
    if scale == 0 or not np.isfinite(scale):
        return scale
    scaled = values / scale
    return scale * float(np.sqrt(np.mean(scaled * scaled)))


def _has_percentages(truth: Floats) -> bool:
    sizes = np.abs(truth)
    same_sign = bool((truth > 0).all() or (truth < 0).all())
    return same_sign and float(sizes.min()) >= _NEAR_ZERO * float(np.median(sizes))
