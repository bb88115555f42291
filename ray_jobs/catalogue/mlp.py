"""A multi-layer perceptron, scikit-learn's: a small network without TensorFlow."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ray_jobs.catalogue import Choice, Entry, Fit, Real, Step, Training
from ray_jobs.catalogue.epochs import Parts, parts_of, run_epochs
from ray_jobs.catalogue.parameters import Weighted

Units = Annotated[int, Field(ge=1, le=4096)]


class PerceptronParameters(Weighted):
    hidden_layer_sizes: list[Units] = Field(
        default=[100, 50], min_length=1, max_length=20, description="Units of each layer, e.g. [100, 50]."
    )
    activation: Literal["relu", "tanh", "logistic"] = Field(default="relu", description="How each unit answers.")
    alpha: float = Field(default=1e-4, ge=0, le=1e6, description="The larger, the smaller the weights.")
    batch_size: int = Field(default=200, ge=1, le=1_000_000, description="Rows that are looked at together.")
    learning_rate_init: float = Field(default=1e-3, gt=0, le=1, description="Above 0; how far each step goes.")
    max_iter: int = Field(default=200, ge=1, le=10_000, description="Passes over the rows at most.")
    n_iter_no_change: int = Field(
        default=10, ge=1, le=10_000, description="Passes without improvement before it stops."
    )


def fit(training: Training) -> Fit:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    from ray_jobs.preparation import prepared

    yield Step(name="training", fraction=0.0)
    parameters = training.parameters
    rows = prepared(training, "linear", dtype="float32", standardise=True, logarithm=True)
    parts = parts_of(rows, training)
    settings = parameters.model_dump(include={"hidden_layer_sizes", "activation", "alpha", "learning_rate_init"})
    settings |= {"random_state": training.seed, "batch_size": min(parameters.batch_size, len(parts.values))}
    model = (MLPClassifier if training.task == "classification" else MLPRegressor)(**settings)
    epochs, best = yield from run_epochs(
        training,
        parameters.max_iter,
        parameters.n_iter_no_change,
        watched=parts.watched is not None,
        learn=lambda: _learn(model, parts, training.classes),
        weights=lambda: [[layer.copy() for layer in layers] for layers in (model.coefs_, model.intercepts_)],
    )
    model.coefs_, model.intercepts_ = best
    model._optimizer = None  # three times the size of the model, and of no use to it any more
    return rows.model(model, rounds=epochs)


def _learn(model: Any, parts: Parts, classes: int) -> tuple[float, float | None]:
    """One pass."""
    import numpy as np
    from sklearn.metrics import log_loss, mean_squared_error

    from ray_jobs.preparation import diverged

    labels = np.arange(classes)
    known = {"classes": labels} if classes else {}
    try:
        with np.errstate(all="ignore"):
            model.partial_fit(parts.matrix, parts.values, sample_weight=parts.weights, **known)
    except ValueError as error:  # "Solver produced non-finite parameter weights"
        if "non-finite" not in str(error):
            raise
        raise diverged() from error
    if parts.watched is None:
        return float(model.loss_), None
    matrix, values = parts.watched
    if classes:
        return float(model.loss_), float(log_loss(values, model.predict_proba(matrix), labels=labels))
    return float(model.loss_), float(mean_squared_error(values, model.predict(matrix)))


ENTRY = Entry(
    name="mlp",
    title="Multi-layer perceptron",
    family="network",
    good_for="Some thousand rows and more with smooth patterns; needs no TensorFlow.",
    tasks=("classification", "regression"),
    parameters=PerceptronParameters,
    fit=fit,
    space={
        "alpha": Real(low=1e-6, high=1.0, log=True),
        "learning_rate_init": Real(low=1e-4, high=1e-2, log=True),
        "batch_size": Choice(values=(64, 128, 256, 512)),
        "activation": Choice(values=("relu", "tanh")),
    },
)
