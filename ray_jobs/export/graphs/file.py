"""The ONNX file of a model: its inputs are the columns of the table, its outputs what the model says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np

from ray_jobs.export.graphs.boosters import raw_sums
from ray_jobs.export.graphs.check import check
from ray_jobs.export.graphs.estimators import probabilities, said, undone
from ray_jobs.export.graphs.features import matrix
from ray_jobs.export.graphs.graph import ML, Graph, Tensor, not_for_onnx
from ray_jobs.manifest import Manifest
from ray_jobs.models import BoosterModel, CatBoostModel, EnsembleModel, FittedModel, NetworkModel, PipelineModel
from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode

_INPUTS = (
    "One tensor (rows, 1) for each column, by its name: text for categories, '' where it is missing; doubles for "
    "numbers, booleans as 0 and 1, dates as seconds since 1970 in UTC, NaN where it is missing."
)


_THRESHOLD = "The likelier of the two classes is predicted; a threshold is for you to apply to the probabilities."


def write_onnx(manifest: Manifest, model: FittedModel, part: Path) -> list[str]:
    """Writes the file to `part`; returns what a person should know. Raises Refused(NO_EXPORT or LIBRARY_MISSING)."""
    if importlib.util.find_spec("onnx") is None:
        raise Refused(
            ProblemCode.LIBRARY_MISSING,
            "An ONNX export needs the package onnx, which is not installed here.",
            subject="onnx",
        )
    made = onnx_model(manifest, model)
    try:
        content = made.SerializeToString()
    except Exception as error:  # protobuf's own, whose kind differs from version to version
        raise not_for_onnx("it is larger than an ONNX file may be") from error
    notes = [_THRESHOLD] if manifest.threshold is not None else []
    try:
        check(content, manifest, model)
    except ImportError:
        notes.append("It was not compared with the model: the package onnxruntime is not installed here.")
    part.write_bytes(content)
    return notes


def onnx_model(manifest: Manifest, model: FittedModel) -> Any:
    """The ModelProto. Outputs: `prediction` (text for classes), and for classes `probabilities`; each with a "_" behind
    it where a column is called so.
    """
    graph = Graph(column.name for column in manifest.columns)
    first, second = graph.free_name("prediction"), graph.free_name("probabilities")
    found = _outputs(graph, model)
    facts = {"name": manifest.name, "version": str(manifest.version), "target": manifest.target, "inputs": _INPUTS}
    facts["columns"] = json.dumps([column.model_dump() for column in manifest.columns])
    if manifest.classes is None:
        return graph.finished({first: (found, False, 1)}, facts)
    names = [str(label) for label in manifest.classes.labels]
    facts["classes"] = json.dumps(names)
    place = graph.add("ArgMax", found, axis=1, keepdims=1)
    keys = {"keys_int64s": list(range(len(names))), "values_strings": names, "default_string": ""}
    label = graph.add("LabelEncoder", place, domain=ML, **keys)
    return graph.finished({first: (label, True, 1), second: (found, False, len(names))}, facts)


def _outputs(graph: Graph, model: FittedModel) -> Tensor:
    match model:
        case PipelineModel():
            return _pipeline(graph, model.pipeline)
        case BoosterModel() | CatBoostModel():
            return _booster(graph, model)
        case NetworkModel():
            return _network(graph, model)
        case EnsembleModel():
            parts = [
                graph.add("Mul", _outputs(graph, member), graph.constant(np.float64(weight)))
                for member, weight in zip(model.members, model.weights, strict=True)
            ]
            return graph.add("Sum", *parts)
    raise not_for_onnx("it is of a kind that is not written yet")


def _pipeline(graph: Graph, pipeline: Any) -> Tensor:
    first, *rest = [step for _, step in getattr(pipeline, "steps", [("", None)])]
    if type(first).__name__ != "TableFeatures" or len(rest) != 1:
        raise not_for_onnx("it looks at no column")
    return said(graph, rest[0], matrix(graph, first))


def _booster(graph: Graph, model: BoosterModel | CatBoostModel) -> Tensor:
    outputs = model.classes if model.classes > 2 else 1
    width = len(model.preprocessing.sources())
    sums = raw_sums(graph, model.booster, matrix(graph, model.preprocessing), width, outputs)
    return probabilities(graph, sums, outputs) if model.classes else undone(graph, sums, model.target)


_ACTIVATIONS = {
    "linear": "Identity", "relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "elu": "Elu", "selu": "Selu",
    "softplus": "Softplus", "softsign": "Softsign", "softmax": "Softmax",
}  # fmt: skip


def _network(graph: Graph, model: NetworkModel) -> Tensor:
    found = matrix(graph, model.preprocessing)
    for layer in model.network.layers:
        kind = type(layer).__name__
        if kind in {"Dropout", "InputLayer"}:
            continue
        activation = _ACTIVATIONS.get(getattr(getattr(layer, "activation", None), "__name__", ""))
        if kind != "Dense" or activation is None:
            raise not_for_onnx(f"its layer {kind} has no counterpart there")
        weights, *intercepts = (np.asarray(each, dtype=np.float64) for each in layer.get_weights())
        found = graph.add("MatMul", found, graph.constant(weights))
        for each in intercepts:
            found = graph.add("Add", found, graph.constant(each))
        found = graph.add(activation, found)
    return found if model.classes else undone(graph, found, model.target)
