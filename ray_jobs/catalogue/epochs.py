"""What networks share: passes over the rows, one at a time, until rows that are not learned from get no better."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ray_jobs.catalogue import Step, Training

if TYPE_CHECKING:
    from ray_jobs.preparation import Prepared


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The rows to learn from, and those to stop by; `watched` is None where the number of epochs is given."""

    matrix: Any
    values: Any
    weights: Any  #: None: all the same
    watched: tuple[Any, Any] | None


def parts_of(rows: Prepared, training: Training) -> Parts:
    """`training.held` stop it; without them a tenth of the training rows, which are then not learned from."""
    import numpy as np

    from ray_jobs.preparation import row_weights

    weights = row_weights(training)
    if training.rounds is not None:
        return Parts(matrix=rows.matrix, values=rows.values, weights=weights, watched=None)
    if held := rows.held(training):
        return Parts(matrix=rows.matrix, values=rows.values, weights=weights, watched=held)
    order = np.random.default_rng(training.seed).permutation(len(rows.values))
    aside, learned = np.split(order, [max(1, len(order) // 10)])
    return Parts(
        matrix=rows.matrix[learned],
        values=rows.values[learned],
        weights=None if weights is None else weights[learned],
        watched=(rows.matrix[aside], rows.values[aside]),
    )


def run_epochs(
    training: Training,
    most: int,
    patience: int,
    *,
    watched: bool,
    learn: Callable[[], tuple[float, float | None]],
    weights: Callable[[], Any],
) -> Generator[Step, None, tuple[int, Any]]:
    """Learns until it gets no better; returns the best epoch and the weights that it had.

    learn: one pass; returns its loss, and that of the watched rows. Raises Refused(NOT_LEARNED) where the first one
    leaves the range of numbers.
    """
    import numpy as np

    from ray_jobs.preparation import diverged
    from ray_jobs.rounds import Rounds

    rounds = Rounds(training, most, patience=patience, watched=watched)
    best = None
    while not rounds.over:
        loss, seen = learn()
        measured = loss if seen is None else seen
        if not np.isfinite(measured):
            if best is None:
                raise diverged()
            break
        rounds.count(seen)
        if rounds.best == rounds.done:
            best = weights()
        told = {"loss": loss} | ({} if seen is None else {"val_loss": seen})
        name = f"epoch {rounds.done} of at most {rounds.most}"
        yield Step(name=name, fraction=rounds.done / rounds.most, metrics=told)
    return rounds.best, best
