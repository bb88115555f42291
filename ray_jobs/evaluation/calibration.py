"""Whether a probability of 80 % comes true in 80 of 100 rows."""

from __future__ import annotations

import numpy as np

from ray_jobs.evaluation.outcome import Calibration, Codes, Floats

_MOST_BINS = 10
_FEWEST_IN_BIN = 20


def calibration(truth: Codes, probabilities: Floats) -> Calibration | None:
    """Quantile bins, so that each has about as many rows: at most 10, of 20 rows or more; None for fewer than 40 rows.

    Rows of an unknown label (-1) count as not come true. Equal probabilities share a bin.
    """
    bins = min(_MOST_BINS, len(truth) // _FEWEST_IN_BIN)
    if bins < 2:
        return None
    code = None
    if probabilities.shape[1] == 2:
        code = int(np.count_nonzero(truth == 1) <= np.count_nonzero(truth == 0))
        told, came = probabilities[:, code], truth == code
    else:
        told, came = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    edges = np.unique(np.quantile(told, np.arange(1, bins) / bins))
    part = np.searchsorted(edges, told, side="left")
    rows = np.bincount(part, minlength=len(edges) + 1)
    full = rows > 0
    predicted = np.bincount(part, weights=told, minlength=len(rows))[full] / rows[full]
    observed = np.bincount(part, weights=came, minlength=len(rows))[full] / rows[full]
    error = float(np.average(np.abs(predicted - observed), weights=rows[full]))
    counts = rows[full].astype(np.int64)
    return Calibration(code=code, predicted=predicted, observed=observed, rows=counts, error=error)
