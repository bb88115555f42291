"""Passes of a Keras network over rows that are in memory.

A pass is one call into TensorFlow's graph, batches and all. Keras's own `fit` goes back to Python for each batch, and
took five times as long for 20,000 rows of 20 columns on one core (measured, Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ray_jobs.catalogue.epochs import Parts

#: Rows of which the loss is taken at once.
_TOGETHER = 16_384


def network_passes(network: Any, parts: Parts, batch: int, seed: int) -> Callable[[], tuple[float, float | None]]:
    """What makes one pass over the rows in a new order, and returns their loss and that of the watched rows. The
    network is compiled.
    """
    import tensorflow as tf

    weights = np.ones(len(parts.values)) if parts.weights is None else parts.weights
    rows, values, shares = _tensors(tf, parts.matrix, parts.values, weights)
    network.optimizer.build(network.trainable_variables)
    random = np.random.default_rng(seed)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def learn(order: Any) -> Any:
        total = 0.0
        for start in tf.range(0, tf.shape(order)[0], batch):
            places = order[start : start + batch]
            x, y, share = (tf.gather(column, places) for column in (rows, values, shares))
            with tf.GradientTape() as tape:
                loss = network.compute_loss(x=x, y=y, y_pred=network(x, training=True), sample_weight=share)
            variables = network.trainable_variables
            network.optimizer.apply(tape.gradient(loss, variables), variables)
            total += loss * tf.cast(tf.shape(places)[0], tf.float32)
        return total / tf.cast(tf.shape(order)[0], tf.float32)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def seen(x: Any, y: Any) -> Any:
        return network.compute_loss(x=x, y=y, y_pred=network(x, training=False))

    def one_pass() -> tuple[float, float | None]:
        loss = float(learn(tf.constant(random.permutation(len(parts.values)), dtype=tf.int32)))
        if parts.watched is None:
            return loss, None
        matrix, known = parts.watched
        found = [
            float(seen(*_tensors(tf, matrix[start : start + _TOGETHER], known[start : start + _TOGETHER])))
            for start in range(0, len(known), _TOGETHER)
        ]
        sizes = [len(known[start : start + _TOGETHER]) for start in range(0, len(known), _TOGETHER)]
        return loss, float(np.average(found, weights=sizes))

    return one_pass


def _tensors(tf: Any, matrix: Any, *columns: Any) -> tuple[Any, ...]:
    """Classes stay whole numbers; a column of numbers has to have two dimensions, or losses would be crossed."""
    found = [tf.convert_to_tensor(matrix, dtype=tf.float32)]
    for number, column in enumerate(columns):
        if number == 0 and column.dtype.kind == "f":
            found.append(tf.convert_to_tensor(column[:, None], dtype=tf.float32))
        else:
            found.append(tf.convert_to_tensor(column, dtype=tf.int64 if column.dtype.kind == "i" else tf.float32))
    return tuple(found)
