"""Steps between the matrix and the estimator: powers, scaling, bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from ray_jobs.export.graphs.graph import Graph, Tensor, not_for_onnx


def transformed(graph: Graph, step: Any, matrix: Tensor) -> Tensor:
    """matrix: double precision. Raises Refused(NO_EXPORT)."""
    match type(step).__name__:
        case "Pipeline":
            for _, each in step.steps:
                matrix = transformed(graph, each, matrix)
            return matrix
        case "ColumnTransformer":
            return _by_columns(graph, step, matrix)
        case "PolynomialFeatures":
            return _powers(graph, step, matrix)
        case "StandardScaler":
            centred = graph.add("Sub", matrix, graph.constant(np.asarray(step.mean_, dtype=np.float64)))
            return graph.add("Div", centred, graph.constant(np.asarray(step.scale_, dtype=np.float64)))
        case "Bins":
            return _bins(graph, step, matrix)
        case "FunctionTransformer" if step.func is None:
            return matrix
    raise not_for_onnx(f"{type(step).__name__} has no counterpart there")


def _by_columns(graph: Graph, step: Any, matrix: Tensor) -> Tensor:
    parts = []
    for _, each, columns in step.transformers_:
        if len(columns) == 0 or (isinstance(each, str) and each == "drop"):
            continue
        chosen = graph.columns(matrix, columns)
        parts.append(chosen if isinstance(each, str) else transformed(graph, each, chosen))
    return graph.concatenated(parts)


def _powers(graph: Graph, step: Any, matrix: Tensor) -> Tensor:
    """Each term as a product of as many columns as its degree; the lower ones are filled up with ones."""
    powers = np.asarray(step.powers_)
    degree, one = int(powers.sum(axis=1).max()), powers.shape[1]
    factors = np.full((len(powers), degree), one)
    for number, row in enumerate(powers):
        of_term = np.repeat(np.arange(len(row)), row)
        factors[number, : len(of_term)] = of_term
    zero = graph.add("Mul", graph.columns(matrix, [0]), graph.constant(np.float64(0)))
    wider = graph.concatenated([matrix, graph.add("Add", zero, graph.constant(np.float64(1)))])
    found = graph.columns(wider, factors[:, 0])
    for place in range(1, degree):
        found = graph.add("Mul", found, graph.columns(wider, factors[:, place]))
    return found


def _bins(graph: Graph, step: Any, matrix: Tensor) -> Tensor:
    """ray_jobs.features.binning.Bins: 0 for gaps, then codes, or how many edges lie below."""
    parts = []
    for number in range(step.categories + len(step.edges_)):
        column = graph.columns(matrix, [number])
        place = column
        if number >= step.categories:
            edges = np.asarray(step.edges_[number - step.categories], dtype=np.float64)[None, :]
            below = graph.cast(graph.add("Greater", column, graph.constant(edges)))
            place = graph.add("ReduceSum", below, graph.numbers(1), keepdims=1)
        found = graph.add("Add", place, graph.constant(np.float64(1)))
        zero = graph.constant(np.float64(0))
        parts.append(graph.add("Where", graph.add("IsNaN", column), zero, found))
    return graph.concatenated(parts)
