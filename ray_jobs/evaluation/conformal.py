"""Prediction intervals of a regression from the residuals of rows that the model has not seen: split conformal.

Of new rows like these at least `level` fall within, whatever the model and the shape of the errors (Vovk et al.,
Algorithmic Learning in a Random World, 2005; Lei et al., JASA 113, 2018). One width for all rows.
"""

from __future__ import annotations

import math

import numpy as np

from ray_jobs.evaluation.outcome import Floats
from ray_jobs.manifest import Interval

LEVEL = 0.9
#: With fewer rows the interval can't be checked on one half: 9 are the fewest that hold 90 %.
FEWEST_ROWS = 18
#: From so many on each end has its own distance; below, the tail of one side has too few rows.
_FEWEST_FOR_ENDS = 200


def interval_of(residuals: Floats, level: float = LEVEL) -> Interval | None:
    """The interval from all of `residuals` (true less predicted); None for fewer than 18, and where it would be wider
    than floating point has numbers.
    """
    if len(residuals) < FEWEST_ROWS:
        return None
    below, above = _distances(residuals, level, ends=len(residuals) >= _FEWEST_FOR_ENDS)
    return Interval(level=level, below=below, above=above) if np.isfinite(below + above) else None


def coverage_of(residuals: Floats, level: float = LEVEL, seed: int = 0) -> float | None:
    """The share of rows inside an interval that they had no part in: one half makes it and the other is counted, both
    ways. None for fewer than 18.
    """
    if len(residuals) < FEWEST_ROWS:
        return None
    mixed = np.random.default_rng(seed).permutation(residuals)
    halves = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
    inside = 0
    for made, counted in (halves, halves[::-1]):
        below, above = _distances(made, level, ends=len(residuals) >= _FEWEST_FOR_ENDS)
        inside += int(np.count_nonzero((counted >= -below) & (counted <= above)))
    return inside / len(residuals)


def _distances(residuals: Floats, level: float, *, ends: bool) -> tuple[float, float]:
    """How far the interval reaches below and above a prediction, never less than to the prediction itself."""
    count = len(residuals)
    if not ends:
        rank = min(count, math.ceil((count + 1) * level))
        distance = float(np.partition(np.abs(residuals), rank - 1)[rank - 1])
        return distance, distance
    outside = (1 - level) / 2
    low, high = max(1, math.floor((count + 1) * outside)), min(count, math.ceil((count + 1) * (1 - outside)))
    parted = np.partition(residuals, (low - 1, high - 1))
    return max(0.0, -float(parted[low - 1])), max(0.0, float(parted[high - 1]))
