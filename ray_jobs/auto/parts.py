"""Which rows each candidate is fitted on and checked on."""

from __future__ import annotations

import numpy as np

from ray_jobs.auto.candidates import Size
from ray_jobs.auto.order import AutoOrder
from ray_jobs.auto.table import Positions
from ray_jobs.splitting import folds

Parts = dict[str, tuple[Positions, Positions]]

#: The sample on which too many candidates for a large table race first.
SAMPLE = "sample"
#: Folds that rows are dealt to, unless that is too many for the budget.
FOLDS = 5
#: Rows below which they are dealt again, so many times in all, since one dealing says too little.
_DEALT_AGAIN, _DEALS = 1_000, 3
#: Rows up to which there are always five folds at first: with fewer, losses would be chance.
SMALL = 5_000
#: What the first fits may take of the budget, and what all folds of three quick candidates may.
_FIRST_SHARE, _FOLDS_SHARE = 0.5, 0.4
_QUICK = ("hist_gradient_boosting", "lightgbm", "xgboost")
#: Rows that are checked: more tell candidates apart no better.
_CHECKED = 40_000
_SAMPLE_ROWS = (5_000, 50_000)


def parts_of(order: AutoOrder, size: Size, models: tuple[str, ...], slots: int) -> Parts:
    """The folds: five, three or one, by what the budget pays for; few rows are dealt several times. The race
    can do with the first of them. Raises
    Refused(BAD_SPLIT).
    """
    number = _number(order, size, models, slots)
    found = folds(order.keys, size.rows, max(number, FOLDS), order.seed)
    if order.keys.times is not None:
        found.reverse()  # the newest first: it is fitted on the most rows
    elif number >= FOLDS:
        for again in range(1, _DEALS if size.rows < _DEALT_AGAIN else 1):
            found += folds(order.keys, size.rows, FOLDS, order.seed + again)
    elif number == 3:
        found = folds(order.keys, size.rows, 3, order.seed)
    chosen = found if number > 1 else found[:1]
    return {f"fold-{each}": (fit, _some(check, _CHECKED, order.seed)) for each, (fit, check) in enumerate(chosen)}


def sample_of(order: AutoOrder, size: Size, models: tuple[str, ...], parts: Parts, slots: int) -> Parts:
    """A part of fewer rows for a race before the race; {} where the budget pays for every candidate on all rows."""
    fit, check = next(iter(parts.values()))
    share = order.budget * slots / sum(size.seconds(model, len(fit)) for model in models) * _FIRST_SHARE
    if share >= 1:
        return {}
    least, most = _SAMPLE_ROWS
    rows = int(min(max(least, share / 2 * len(fit)), most))
    return {SAMPLE: (_some(fit, rows, order.seed), _some(check, rows, order.seed))} if rows < len(fit) / 2 else {}


def _number(order: AutoOrder, size: Size, models: tuple[str, ...], slots: int) -> int:
    if size.rows <= SMALL:
        return FOLDS
    quick = [model for model in _QUICK if model in models] or list(models)
    fit = sum(size.seconds(model, size.rows) for model in quick)
    pays_for = _FOLDS_SHARE * order.budget * slots / fit
    return next((number for number in (FOLDS, 3) if number <= pays_for), 1)


def _some(rows: Positions, most: int, seed: int) -> Positions:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
