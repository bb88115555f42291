"""The choice, when the race is over: one model, or several combined.

0. A tuned entry takes part only where it is better than its entry's default by more than `_SURE_OF_TUNED` standard
   errors: of many trials on few rows the best is the luckiest.
1. The best is whoever has the least loss in cross-validation.
2. Several combined win where they are better than taking the best alone, each judged on folds by which it was not
   found (ray_jobs.auto.ensemble), by more than `_SURE_OF_MANY` standard errors of the difference, row by row.
3. A simple model with its default parameters wins over whatever came out of that, where it is behind by no more than
   noise (`_SURE_OF_COMPLEX` standard errors): the one-standard-error rule of Breiman et al. (1984), paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ray_jobs.auto.board import Board, Difference, Entrant, difference
from ray_jobs.auto.candidates import simple
from ray_jobs.auto.ensemble import Weighed, weigh
from ray_jobs.auto.losses import Floats

_SURE_OF_MANY = 0.0
_SURE_OF_COMPLEX = 1.0
_SURE_OF_TUNED = 0.5
#: Of the best entrants so many are considered, and of one entry so many.
_POOL, _OF_ONE = 12, 3
#: Parts of the rows where there was one fold only, to find weights on some and judge them on the others.
_PIECES = 4


Members = tuple[tuple[Entrant, float], ...]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Members with their weights, the heaviest first; and why."""

    members: Members
    reason: str
    combined: float | None = None  #: the loss of several combined, as people know it, chosen or not
    others: tuple[Entrant, ...] = field(default=())  #: whom to take where all members fail, the best first


def choose(board: Board, in_time: Callable[[Sequence[Entrant]], bool] = lambda entrants: True) -> Choice | None:
    """`in_time`: whether there is time to fit them on all rows; where there is for nobody, it is taken. None where
    nobody but the baseline is complete.
    """
    complete = board.complete()
    if all(one.name == board.baseline for one in complete):
        return None
    complete = [one for one in complete if one.trial is None or _worth_tuning(board, one, complete)]
    quick = [one for one in complete if in_time([one])]
    if any(one.name != board.baseline for one in quick):
        complete = quick
    best = complete[0]
    chosen: Members = ((best, 1.0),)
    losses, reason, combined = _losses(board, best), f"{best.name} was the best alone.", None
    if best.name == board.baseline:
        reason = "Nothing was better than the baseline, so the columns seem to tell nothing about the target."
    pool = _pool(complete)
    if len(pool) > 1:
        weighed = _weighed(board, pool)
        combined = board.told(float(weighed.losses.mean()))
        members = _members(pool, weighed.weights, in_time)
        gain = _difference(board, weighed.alone, weighed.losses)
        if gain.mean > _SURE_OF_MANY * gain.error and len(members) > 1:
            chosen, losses = members, weighed.losses
            reason = f"{len(members)} models combined were better than the best alone."
    plain = _simplest(board, complete)
    if plain is not None and chosen != ((plain, 1.0),):
        behind = _difference(board, _losses(board, plain), losses)
        if behind.mean <= _SURE_OF_COMPLEX * behind.error:
            chosen = ((plain, 1.0),)
            reason = f"{plain.name} was chosen: nothing more complicated was better by more than chance."
    return Choice(members=chosen, reason=reason, combined=combined, others=tuple(complete))


def _members(pool: list[Entrant], weights: Floats, in_time: Callable[[Sequence[Entrant]], bool]) -> Members:
    """Those with a weight, the heaviest first; without the lightest as long as there is no time for all of them."""
    pairs = [(one, float(weight)) for one, weight in zip(pool, weights, strict=True) if weight > 0]
    pairs.sort(key=lambda pair: -pair[1])
    while len(pairs) > 1 and not in_time([one for one, _ in pairs]):
        pairs.pop()
    total = sum(weight for _, weight in pairs)
    return tuple((one, weight / total) for one, weight in pairs)


def _worth_tuning(board: Board, trial: Entrant, complete: list[Entrant]) -> bool:
    default = next((one for one in complete if one.model == trial.model and one.trial is None), None)
    if default is None:
        return True
    gain = _difference(board, _losses(board, default), _losses(board, trial))
    return gain.mean > _SURE_OF_TUNED * gain.error


def _pool(complete: list[Entrant]) -> list[Entrant]:
    found: list[Entrant] = []
    for entrant in complete:
        if len(found) < _POOL and sum(one.model == entrant.model for one in found) < _OF_ONE:
            found.append(entrant)
    return found


def _weighed(board: Board, pool: list[Entrant]) -> Weighed:
    said = np.stack([np.concatenate([board.what(one)[part].said for part in board.checks]) for one in pool])
    truth = np.concatenate([board.truth[part] for part in board.checks])
    # A row that is in several parts (the folds dealt again) must be on one side only, so rows are dealt anew.
    folds = np.concatenate(list(board.checks.values())) % _PIECES
    return weigh(board.task, said, truth, folds)


def _simplest(board: Board, complete: list[Entrant]) -> Entrant | None:
    plain = simple(one.model for one in complete)
    return next((one for one in complete if one.model in plain and one.trial is None), None)


def _losses(board: Board, entrant: Entrant) -> Floats:
    return np.concatenate([board.what(entrant)[part].losses for part in board.checks])


def _difference(board: Board, one: Floats, other: Floats) -> Difference:
    return difference(one, other, np.concatenate(list(board.checks.values())))
