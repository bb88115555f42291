"""A Keras network on TensorFlow: dense layers with dropout, stopped when rows held out of the training rows say so."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Annotated, Any

from pydantic import Field

from ray_jobs.catalogue import Entry, Fit, Parameters, Step, Training
from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode

Units = Annotated[int, Field(ge=1, le=4096)]


class NetworkParameters(Parameters):
    layers: list[Units] = Field(default=[64, 32], max_length=20)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    epochs: int = Field(default=50, ge=1, le=10_000)
    batch_size: int = Field(default=128, ge=1, le=1_000_000)
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    patience: int = Field(default=6, ge=1)  #: epochs without improvement before it stops


def load_keras() -> Any:
    """Keras on TensorFlow. Raises Refused(TENSORFLOW_MISSING). Takes some 8 s and 640 MB: only in a task that needs
    it.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import keras
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise Refused(
            ProblemCode.TENSORFLOW_MISSING,
            "Neural networks need TensorFlow, which is not installed here.",
            subject="keras",
        ) from error
    return keras


def fit(training: Training) -> Fit:
    import numpy as np

    from ray_jobs.features import preprocessing
    from ray_jobs.models import NetworkModel

    yield Step(name="loading TensorFlow")
    keras = load_keras()
    keras.utils.set_random_seed(training.seed)
    features = preprocessing(training.columns, "linear")
    matrix = np.asarray(features.fit_transform(training.frame), dtype=np.float32)
    if training.task == "regression":
        # The network learns the number scaled; a last layer of its own scales back, so the saved network is whole.
        offset, scale = float(np.mean(training.values)), float(np.std(training.values)) or 1.0
        values = ((training.values - offset) / scale).astype(np.float32)
        body = _body(keras, training.parameters, matrix.shape[1], keras.layers.Dense(1), "mse")
        yield from _fit_epochs(body, matrix, values, training)
        network = keras.Sequential([body, keras.layers.Rescaling(scale, offset)])
    else:
        output = keras.layers.Dense(training.classes, activation="softmax")
        network = _body(keras, training.parameters, matrix.shape[1], output, "sparse_categorical_crossentropy")
        yield from _fit_epochs(network, matrix, training.values, training)
    return NetworkModel(preprocessing=features, network=network)


def _body(keras: Any, parameters: NetworkParameters, width: int, output: Any, loss: str) -> Any:
    layers: list[Any] = [keras.layers.Input((width,))]
    for units in parameters.layers:
        layers.append(keras.layers.Dense(units, activation="relu"))
        if parameters.dropout:
            layers.append(keras.layers.Dropout(parameters.dropout))
    network = keras.Sequential([*layers, output])
    network.compile(optimizer=keras.optimizers.Adam(parameters.learning_rate), loss=loss)
    return network


def _fit_epochs(network: Any, matrix: Any, values: Any, training: Training) -> Generator[Step, None, None]:
    """Trains epoch by epoch, keeps the weights of the best epoch."""
    import numpy as np

    parameters: NetworkParameters = training.parameters
    order = np.random.default_rng(training.seed).permutation(len(matrix))
    watched, learned = np.split(order, [max(1, len(order) // 10)])
    held_out = (matrix[watched], values[watched])
    matrix, values = matrix[learned], values[learned]
    best, best_weights, since = float("inf"), network.get_weights(), 0
    for epoch in range(parameters.epochs):
        history = network.fit(
            matrix,
            values,
            validation_data=held_out,
            initial_epoch=epoch,
            epochs=epoch + 1,
            batch_size=parameters.batch_size,
            verbose=0,
        ).history
        losses = {name: float(history[name][-1]) for name in ("loss", "val_loss")}
        yield Step(
            name=f"epoch {epoch + 1} of at most {parameters.epochs}",
            fraction=(epoch + 1) / parameters.epochs,
            metrics={name: loss for name, loss in losses.items() if np.isfinite(loss)},
        )
        if losses["val_loss"] < best:
            best, best_weights, since = losses["val_loss"], network.get_weights(), 0
        else:
            since += 1
            if since >= parameters.patience:
                break
    network.set_weights(best_weights)


ENTRY = Entry(
    name="keras",
    title="Neural network (Keras)",
    family="network",
    good_for="Many rows with smooth patterns; slower.",
    tasks=("classification", "regression"),
    parameters=NetworkParameters,
    fit=fit,
    needs="tensorflow",
)
