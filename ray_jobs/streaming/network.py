"""A Keras network on all rows: block by block from the disk, in a new random order in each pass."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ray_jobs.catalogue import Step
from ray_jobs.catalogue.keras_network import compiled_network, load_keras
from ray_jobs.features import TableFeatures, TargetScale, learned_scale, preprocessing
from ray_jobs.models import NetworkModel
from ray_jobs.preparation import diverged
from ray_jobs.streaming import sampled
from ray_jobs.streaming.order import Values
from ray_jobs.streaming.passes import Passes, disk_share, spooled
from ray_jobs.streaming.work import READ_AGAIN, SURVEYED, Learned, Learning, Work

#: Training rows that say when to stop: at most so many, at most this share.
_MOST_WATCHED, _SHARE_WATCHED = 20_000, 0.1
_ROWS_AT_ONCE = 4096


def learn(work: Work) -> Learning:
    """Reads the table a second time, onto the disk, then passes over it until it gets no better."""
    order = work.order
    if not (share := disk_share(work)):
        return (yield from sampled.learn(work))
    keras = load_keras(order.threads)
    keras.utils.set_random_seed(order.seed)
    features = preprocessing(order.columns, "linear", dtype="float32")
    width = features.fit_transform(work.frame).shape[1]
    scale = None if work.classes else learned_scale(work.values.astype(np.float64), always=True)
    network = compiled_network(keras, order.parameters, width, work.class_count)
    watched = min(_SHARE_WATCHED, _MOST_WATCHED / (share * work.survey.rows_train))
    with spooled(work, share, watched) as spool:
        yield from spool.fill(SURVEYED, READ_AGAIN)
        fitted = Fitted(work=work, features=features, scale=scale, network=network)
        passes = yield from fitted.fit(spool)
        way = f"but for {spool.rows_aside:,} that said when to stop, block by block in {passes} passes"
        how = spool.told(order.entry.title, way)
        model = NetworkModel(
            preprocessing=features, network=network, classes=work.class_count, target=scale, rounds=passes
        )
        return Learned(model=model, rows=spool.rows, how=how)


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A network in training."""

    work: Work
    features: TableFeatures
    scale: TargetScale | None
    network: Any

    def fit(self, spool: Passes) -> Generator[Step, None, int]:
        """Leaves the network with the weights of its best pass; returns how many passes that were. Raises
        Refused(NOT_LEARNED).
        """
        parameters, deadline = self.work.order.parameters, self.work.order.deadline
        frame, values = spool.watched()
        watched = self.features.transform(frame), self._learned(values)
        best, best_weights, best_pass = float("inf"), self.network.get_weights(), 0
        for number in range(parameters.epochs):
            begin, end = (READ_AGAIN + (1 - READ_AGAIN) * part / parameters.epochs for part in (number, number + 1))
            yield from self._pass(spool, number, begin, end)
            loss = float(self.network.evaluate(*watched, batch_size=_ROWS_AT_ONCE, verbose=0))
            told = {"loss": loss} if np.isfinite(loss) else {}
            yield Step(name=f"pass {number + 1} of at most {parameters.epochs}", fraction=end, metrics=told)
            if loss < best:
                best, best_weights, best_pass = loss, self.network.get_weights(), number + 1
            late = deadline is not None and time.monotonic() >= deadline
            if late or number + 1 - best_pass >= parameters.patience:
                break
        if not np.isfinite(best):
            raise diverged()
        self.network.set_weights(best_weights)
        return best_pass

    def _pass(self, spool: Passes, number: int, begin: float, end: float) -> Generator[Step, None, None]:
        weights = spool.weights()
        for frame, values, step in spool.blocks(number, f"pass {number + 1}", begin, end):
            weight = None if weights is None else weights[values.astype(np.int64)]
            self.network.fit(
                self.features.transform(frame),
                self._learned(values),
                sample_weight=weight,
                batch_size=self.work.order.parameters.batch_size,
                shuffle=False,  # the rows come in random order
                verbose=0,
            )
            yield step

    def _learned(self, values: Values) -> NDArray[Any]:
        return values if self.scale is None else self.scale.apply(values.astype(np.float64))
