"""Numbers to be predicted, in the form in which a model learns them, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: A distribution with more than this leans strongly: an exponential one has 2, a normal one 0.
_SKEWED = 1.0
#: Rows that the trial of a logarithm takes at most, and the share of them that it is judged by.
_TRIAL_ROWS, _TRIAL_TESTED = 10_000, 0.25
#: Logarithms are not undone farther than this share of the training range beyond its ends.
_BEYOND = 0.1
#: Where rounding to single precision would take away more than this of the target's spread, it is scaled first.
_ROUNDED = 1e-4
_FARTHEST = float(np.finfo(np.float64).max)


class TargetScale:
    """`(f(value) - shift) / scale`, and back; f is log(1 + value / unit), or nothing where `unit` is 0."""

    def __init__(self, *, unit: float, shift: float, scale: float, low: float, high: float) -> None:
        self.unit = unit
        self.shift = shift
        self.scale = scale
        self.low = low
        self.high = high

    def apply(self, values: Floats) -> Floats:
        found = np.log1p(values / self.unit) if self.unit else values
        return np.asarray(found / self.scale - self.shift / self.scale)

    def undo(self, values: Any) -> Floats:
        """Always finite: what would leave the range of floating point stays at its end."""
        with np.errstate(over="ignore"):
            found = np.clip(np.asarray(values, dtype=np.float64), self.low, self.high) * self.scale + self.shift
            if self.unit:
                found = np.expm1(found) * self.unit
        return np.clip(found, -_FARTHEST, _FARTHEST)


def learned_scale(values: Floats, *, always: bool = False, unit: float = 0.0) -> TargetScale | None:
    """Shift by the mean, scale by the spread, where that is needed: `always`; or where the numbers are so large, so
    small or so close together that single precision, in which many models work, would not keep them apart.
    """
    if not (always or unit or _is_extreme(values)):
        return None
    shown = np.log1p(values / unit) if unit else values
    largest = float(np.abs(shown).max()) or 1.0
    shift, scale = float((shown / largest).mean() * largest), float((shown / largest).std() * largest)
    if not (scale > 0 and np.isfinite(1 / scale)):
        scale = 1.0
    found = TargetScale(unit=unit, shift=shift, scale=scale, low=-np.inf, high=np.inf)
    if unit:
        learned = found.apply(values)
        margin = _BEYOND * float(np.ptp(learned))
        found.low, found.high = float(learned.min()) - margin, float(learned.max()) + margin
    return found


def logarithm_unit(values: Floats, matrix: NDArray[Any], seed: int) -> float:
    """The unit of a logarithm that helps, else 0.

    It is tried where no target is negative and their skewness is above 1. A ridge regression learns three quarters of
    the rows (of at most 10,000) with and without it, and the smaller error on the others decides: a target that leans
    only because its causes do is better left as it is.
    """
    if values.min() < 0 or len(values) < 20 or _skewness(values) <= _SKEWED:
        return 0.0
    unit = float(np.quantile(values[values > 0], 0.25))
    if values.max() >= min(1.0, unit) * _FARTHEST:  # the quotient would leave the range of floating point
        return 0.0
    rows = np.random.default_rng(seed).permutation(len(values))[:_TRIAL_ROWS]
    tested, learned = np.split(rows, [int(len(rows) * _TRIAL_TESTED)])
    errors = []
    for scale in (learned_scale(values[learned], always=True), learned_scale(values[learned], unit=unit)):
        assert scale is not None
        predicted = scale.undo(_ridge(matrix[learned], scale.apply(values[learned]), matrix[tested]))
        errors.append(float(np.mean((predicted / unit - values[tested] / unit) ** 2)))
    return unit if errors[1] < errors[0] else 0.0


def _ridge(matrix: NDArray[Any], values: Floats, asked: NDArray[Any]) -> Floats:
    from sklearn.linear_model import Ridge

    return np.asarray(Ridge(alpha=1.0).fit(matrix, values).predict(asked), dtype=np.float64)


def _skewness(values: Floats) -> float:
    shown = values / (float(np.abs(values).max()) or 1.0)
    spread = float(shown.std())
    return float((((shown - shown.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def _is_extreme(values: Floats) -> bool:
    largest = float(np.abs(values).max())
    if not 1e-15 < largest < 1e15:
        return largest > 0
    lost = np.abs(values - values.astype(np.float32)).max()
    return bool(lost > _ROUNDED * values.std())
