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
#: Folds that rows are dealt to.
FOLDS = 5
#: Rows below which they are dealt again, so many times in all, since one dealing says too little.
_DEALT_AGAIN, _DEALS = 1_000, 3
#: Rows up to which all five folds count at first: with fewer, losses would be chance.
SMALL = 5_000
#: What one fit of every candidate may take of the budget, and what all folds may.
_FIRST_SHARE, _FOLDS_SHARE = 0.5, 0.5
#: Rows that are checked: more tell candidates apart no better.
_CHECKED = 40_000
_SAMPLE_ROWS = (5_000, 50_000)


def parts_of(order: AutoOrder, size: Size, models: tuple[str, ...], slots: int) -> Parts:
    """The folds. Rows are dealt to five; if the budget does not pay for all of these, one to three count. Few rows are
    dealt several times. Raises Refused(BAD_SPLIT).
    """
    found = folds(order.keys, size.rows, FOLDS, order.seed)
    if order.keys.times is not None:
        found.reverse()  # the newest first: it is fitted on the most rows
    elif size.rows < _DEALT_AGAIN:
        for again in range(1, _DEALS):
            found += folds(order.keys, size.rows, FOLDS, order.seed + again)
    if size.rows > SMALL:
        once = sum(size.seconds(model, len(found[0][0])) for model in models)
        pays_for = int(_FOLDS_SHARE * order.budget * slots / once)
        found = found[: FOLDS if pays_for >= FOLDS else min(max(1, pays_for), 3)]
    return {f"fold-{each}": (fit, _some(check, _CHECKED, order.seed)) for each, (fit, check) in enumerate(found)}


def sample_of(order: AutoOrder, size: Size, models: tuple[str, ...], parts: Parts, slots: int) -> Parts:
    """A part of fewer rows for a race before the race; {} where the budget pays for every candidate on all rows."""
    fit, check = next(iter(parts.values()))
    share = order.budget * slots / sum(size.seconds(model, len(fit)) for model in models) * _FIRST_SHARE
    if share >= 1:
        return {}
    least, most = _SAMPLE_ROWS
    rows = int(min(max(least, share / 2 * len(fit)), most))
    return {SAMPLE: (_some(fit, rows, order.seed), _some(check, rows, order.seed))} if rows < len(fit) / 2 else {}


def _some(rows: Positions, most: int, seed: int) -> Positions:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
