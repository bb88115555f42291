"""From which probability the second of two classes should be predicted, where 0.5 is a poor choice.

The threshold maximises the balanced accuracy, not F1. F1 looks at one class, and which of two is the second depends on
nothing but their names; its best threshold also moves with the share that the classes happen to have. Balanced accuracy
counts the rows that are found of either class alike, so swapping the names changes nothing, and it is what 0.5 fails:
where one class is rare, its rows are seldom more likely than not. The price, more false alarms, is told beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ray_jobs.evaluation.outcome import Codes, Floats, Threshold
from ray_jobs.evaluation.ranking import rank

#: A sample of this many rows chooses and checks; more would not move the third digit.
_MOST_ROWS = 1_000_000
_FEWEST_OF_CLASS = 20
#: What makes a threshold worth a word: so much more balanced accuracy, and twice what chance would give.
_LEAST_GAIN = 0.02
_ERRORS = 2.0


def better_threshold(truth: Codes, probabilities: Floats, seed: int = 0) -> Threshold | None:
    """The proposal for two classes; None where 0.5 does as well, or a class has fewer than 20 rows."""
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(truth >= 0)
    if len(known) > _MOST_ROWS:
        known = rng.choice(known, _MOST_ROWS, replace=False)
    second, score = truth[known] == 1, probabilities[known, 1]
    if min(second.sum(), (~second).sum()) < _FEWEST_OF_CLASS:
        return None
    value = _best(second, score)
    half = _halves(second, rng)
    before, after = score > 0.5, np.empty(len(score), dtype=bool)
    for part in (half, ~half):
        after[part] = score[part] >= _best(second[~part], score[~part])
    if not _is_worth(second, before, after):
        return None
    return _told(value, second, before, after)


def _best(second: NDArray[np.bool_], score: Floats) -> float:
    """The threshold of the highest balanced accuracy, half-way to the next score, in three digits; of equally good
    ones the nearest to 0.5.
    """
    ranking = rank(second, score)
    if ranking is None or len(ranking.scores) < 2:
        return 0.5
    balanced = (ranking.recall + 1 - ranking.false_alarms)[:-1]
    between = (ranking.scores[:-1] + ranking.scores[1:]) / 2
    best = np.flatnonzero(balanced >= balanced.max() - 1e-12)
    value = float(between[best[np.argmin(np.abs(between[best] - 0.5))]])
    return min(max(float(f"{value:.3g}"), 1e-9), 1 - 1e-9)


def _halves(second: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Half of the rows of each class."""
    half = np.zeros(len(second), dtype=bool)
    for is_class in (second, ~second):
        half[rng.permutation(np.flatnonzero(is_class))[::2]] = True
    return half


def _is_worth(second: NDArray[np.bool_], before: NDArray[np.bool_], after: NDArray[np.bool_]) -> bool:
    gain = variance = 0.0
    for is_class in (second, ~second):
        changed = (after == second)[is_class].astype(np.float64) - (before == second)[is_class]
        gain += float(changed.mean()) / 2
        variance += float(changed.var()) / len(changed) / 4
    return gain >= max(_LEAST_GAIN, _ERRORS * float(np.sqrt(variance)))


def _told(value: float, second: NDArray[np.bool_], before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Threshold:
    def recall(predicted: NDArray[np.bool_]) -> tuple[float, float]:
        return float(np.mean(~predicted[~second])), float(np.mean(predicted[second]))

    return Threshold(
        value=value,
        balanced_accuracy=sum(recall(after)) / 2,
        accuracy=float(np.mean(after == second)),
        recall=recall(after),
        precision=float(np.mean(second[after])) if after.any() else None,
        balanced_accuracy_before=sum(recall(before)) / 2,
        accuracy_before=float(np.mean(before == second)),
        recall_before=recall(before),
        precision_before=float(np.mean(second[before])) if before.any() else None,
    )
