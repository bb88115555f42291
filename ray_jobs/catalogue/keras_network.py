"""A Keras network on TensorFlow: dense layers with dropout, stopped when rows that it does not learn from say so."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import Field

from ray_jobs.catalogue import Choice, Entry, Fit, Parameters, Real, Step, Training
from ray_jobs.catalogue.epochs import parts_of, run_epochs
from ray_jobs.catalogue.parameters import Weighted
from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode

Activation = Literal["relu", "gelu", "silu", "elu", "selu", "tanh", "sigmoid", "linear"]
Units = Annotated[int, Field(ge=1, le=4096)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Layer(Parameters):
    """One layer that differs from the others."""

    units: Units
    activation: Activation | None = None  #: None: that of the network
    dropout: Share | None = None  #: None: that of the network


class NetworkParameters(Weighted):
    layers: list[Units | Layer] = Field(
        default=[64, 32],
        max_length=50,
        description="Units of each layer, e.g. [64, 32], or objects with units, activation and dropout.",
    )
    activation: Activation = Field(default="relu", description="How each unit answers.")
    dropout: Share = Field(default=0.1, description="Share of the units (below 1) that are left out in each step.")
    epochs: int = Field(default=50, ge=1, le=10_000, description="Passes over the rows at most.")
    batch_size: int = Field(default=128, ge=1, le=1_000_000, description="Rows that are looked at together.")
    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="Above 0; how far each step goes.")
    weight_decay: float = Field(default=0.0, ge=0, le=1, description="The larger, the smaller the weights.")
    patience: int = Field(default=6, ge=1, le=10_000, description="Passes without improvement before it stops.")


def load_keras(threads: int | None = None) -> Any:
    """Keras on TensorFlow. Raises Refused(TENSORFLOW_MISSING). Takes some 8 s and 640 MB: only in a task that needs
    it. threads: where TensorFlow does not run yet in this process.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import keras
        import tensorflow
    except ImportError as error:
        raise Refused(
            ProblemCode.TENSORFLOW_MISSING,
            "Neural networks need TensorFlow, which is not installed here.",
            subject="keras",
        ) from error
    if threads is not None:
        with suppress(RuntimeError):  # it runs already
            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
            tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    tensorflow.get_logger().setLevel("ERROR")
    # The same seed gives the same network on the same machine.
    tensorflow.config.experimental.enable_op_determinism()
    return keras


def fit(training: Training) -> Fit:
    from ray_jobs.models import NetworkModel
    from ray_jobs.network_passes import network_passes
    from ray_jobs.preparation import prepared

    yield Step(name="loading TensorFlow")
    keras = load_keras(training.threads)
    keras.utils.set_random_seed(training.seed)
    rows = prepared(training, "linear", dtype="float32", standardise=True, logarithm=True)
    network = compiled_network(keras, training.parameters, rows.matrix.shape[1], training.classes)
    parts = parts_of(rows, training)
    epochs, best = yield from run_epochs(
        training,
        training.parameters.epochs,
        training.parameters.patience,
        watched=parts.watched is not None,
        learn=network_passes(network, parts, training.parameters.batch_size, training.seed),
        weights=network.get_weights,
    )
    network.set_weights(best)
    return NetworkModel(
        preprocessing=rows.features,
        network=network,
        classes=training.classes,
        target=rows.target,
        rounds=epochs,
        notes=rows.notes,
    )


def compiled_network(keras: Any, parameters: NetworkParameters, width: int, classes: int) -> Any:
    """Not trained yet. classes: 0 for a number, which it then says scaled to mean 0 and spread 1."""
    stacked: list[Any] = [keras.layers.Input((width,))]
    for layer in parameters.layers:
        shaped = layer if isinstance(layer, Layer) else Layer(units=layer)
        stacked.append(keras.layers.Dense(shaped.units, activation=shaped.activation or parameters.activation))
        if dropout := parameters.dropout if shaped.dropout is None else shaped.dropout:
            stacked.append(keras.layers.Dropout(dropout))
    if classes:
        stacked.append(keras.layers.Dense(classes, activation="softmax"))
    else:
        stacked.append(keras.layers.Dense(1))
    network = keras.Sequential(stacked)
    optimizer = keras.optimizers.AdamW(parameters.learning_rate, weight_decay=parameters.weight_decay)
    network.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy" if classes else "mse")
    return network


ENTRY = Entry(
    name="keras",
    title="Neural network (Keras)",
    family="network",
    good_for="Many rows with smooth patterns; slower.",
    tasks=("classification", "regression"),
    parameters=NetworkParameters,
    fit=fit,
    needs="tensorflow",
    space={
        "learning_rate": Real(low=1e-4, high=1e-2, log=True),
        "dropout": Real(low=0.0, high=0.5),
        "weight_decay": Real(low=1e-6, high=1e-1, log=True),
        "batch_size": Choice(values=(64, 128, 256, 512)),
    },
)
