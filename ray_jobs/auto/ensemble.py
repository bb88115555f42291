"""Weights for a mean of models: greedy selection with replacement (Caruana et al., Ensemble Selection from Libraries of
Models, ICML 2004), bagged and crossed.

The weights are found once for each fold left out, and judged on that fold: so the ensemble's loss is of rows that
neither its members nor its weights have seen. While rows are few, each time is the mean of several, on rows drawn anew
with replacement: what the paper advises against overfitting. The mean of all is the ensemble's weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ray_jobs.auto.losses import Floats, row_losses
from ray_jobs.spec import Task

_STEPS = 30
#: Steps without a better loss.
_PATIENCE = 8
#: Rows up to which they are drawn anew, and how often: with more rows the weights hardly differ.
_BAGGED, _BAGS = 5_000, 10
#: A member with less is not worth its time and place.
_LEAST_WEIGHT = 0.05
#: Rows that weights are found on: more change them no more.
_ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """`weights`: one for each model, they sum to 1. `losses`: of each row, by weights that had not seen its fold.
    `alone`: of each row, by whoever was the best on the other folds: whoever is the best on all of them looks better
    than that, by luck.
    """

    weights: Floats
    losses: Floats
    alone: Floats


def weigh(task: Task, said: Floats, truth: NDArray[Any], folds: NDArray[Any]) -> Weighed:
    """`said`: (models, rows), as ray_jobs.auto.losses keeps them. `folds`: of each row, at least two different."""
    each = row_losses(task, said, truth)
    losses, alone = np.empty(len(truth)), np.empty(len(truth))
    found = []
    for fold in np.unique(folds):
        inside = folds == fold
        found.append(_bagged(task, said[:, ~inside], truth[~inside]))
        losses[inside] = row_losses(task, found[-1] @ said[:, inside], truth[inside])
        alone[inside] = each[np.argmin(each[:, ~inside].mean(axis=1)), inside]
    weights = np.mean(found, axis=0)
    weights[weights < min(_LEAST_WEIGHT, weights.max())] = 0.0
    return Weighed(weights=weights / weights.sum(), losses=losses, alone=alone)


def _bagged(task: Task, said: Floats, truth: NDArray[Any]) -> Floats:
    count = len(truth)
    if count > _BAGGED:
        some = slice(None, None, max(1, count // _ROWS))
        return greedy(task, said[:, some], truth[some])
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, count, count) for _ in range(_BAGS)]
    return np.asarray(np.mean([greedy(task, said[:, rows], truth[rows]) for rows in drawn], axis=0))


def greedy(task: Task, said: Floats, truth: NDArray[Any]) -> Floats:
    """Weights that sum to 1: step by step the model is added with which the mean is best; the best step counts."""
    total, counts = np.zeros(said.shape[1]), np.zeros(len(said))
    best, least, since = counts, float("inf"), 0
    for step in range(1, _STEPS + 1):
        losses = row_losses(task, (total + said) / step, truth).mean(axis=1)
        chosen = int(np.argmin(losses))
        total, since = total + said[chosen], since + 1
        counts[chosen] += 1
        if losses[chosen] < least:
            best, least, since = counts / step, float(losses[chosen]), 0
        if since >= _PATIENCE:
            break
    return best
