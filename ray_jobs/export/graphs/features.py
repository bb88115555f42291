"""ray_jobs.features' TableFeatures as a graph: from the columns of the table to the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from ray_jobs.export.graphs.dates import date_columns
from ray_jobs.export.graphs.graph import ML, Graph, Tensor, not_for_onnx
from ray_jobs.features import scaling, table
from ray_jobs.features.categories import Codes, Indicators, TargetMeans
from ray_jobs.features.scaling import Scaler
from ray_jobs.features.table import TableFeatures

#: Codes that stand for no category while the graph computes.
_UNKNOWN, _MISSING = -1, -2


def matrix(graph: Graph, features: TableFeatures) -> Tensor:
    """Double precision, rounded where the model works in single. Raises Refused(NO_EXPORT) for text columns."""
    if features.texts:
        raise not_for_onnx("ONNX has no operators for its text columns")
    parts = [
        *_categories(graph, features),
        *_numbers(graph, features),
    ]
    found = graph.concatenated(parts)
    return graph.cast(graph.cast(found, np.float32)) if features.dtype == "float32" else found


def codes(graph: Graph, name: str, coder: Codes, number: int) -> Tensor:
    """The positions (rows, 1) of a column's values among the categories; `_UNKNOWN`, `_MISSING` for what is none."""
    categories = coder.categories_[number]
    rare = len(categories) if coder.has_rare_[number] else _UNKNOWN
    # An empty text stands for a gap: ONNX has no missing text.
    places = {"": _MISSING} | {category: place for place, category in enumerate(categories)}
    return graph.add(
        "LabelEncoder",
        graph.input(name, text=True),
        domain=ML,
        keys_strings=list(places),
        values_int64s=list(places.values()),
        default_int64=rare,
    )


def _categories(graph: Graph, features: TableFeatures) -> list[Tensor]:
    coder = features.coder
    if isinstance(coder, Indicators):
        return [
            part for number, name in enumerate(features.categories) for part in _indicators(graph, name, coder, number)
        ]
    return [_coded(graph, name, coder, number) for number, name in enumerate(features.categories)]


def _coded(graph: Graph, name: str, coder: Codes, number: int) -> Tensor:
    places = codes(graph, name, coder, number)
    found = graph.cast(places)
    for place, value in ((_UNKNOWN, coder.unknown), (_MISSING, coder.missing)):
        is_it = graph.add("Equal", places, graph.numbers(place))
        found = graph.add("Where", is_it, graph.constant(np.float64(value)), found)
    return found


def _indicators(graph: Graph, name: str, coder: Indicators, number: int) -> list[Tensor]:
    common = coder.common_[number]
    places = codes(graph, name, common, 0)
    ones = len(common.categories_[0]) + common.has_rare_[0]
    shown = list(range(ones)) + ([_MISSING] if coder.has_gaps_[number] else [])
    found = [graph.cast(graph.add("Equal", places, graph.numbers(*shown)))] if shown else []
    means = coder.means_[number]
    return found if means is None else [*found, _means(graph, name, means)]


def _means(graph: Graph, name: str, means: TargetMeans) -> Tensor:
    places = codes(graph, name, means.codes_, 0)
    last = len(means.means_) - 1  # of gaps and the unknown
    none = graph.add("Less", places, graph.numbers(0))
    places = graph.add("Where", none, graph.numbers(last), places)
    found = graph.add("Gather", graph.constant(means.means_.astype(np.float64)), places, axis=0)
    return graph.add("Reshape", found, graph.numbers(-1, means.means_.shape[1]))


def _numbers(graph: Graph, features: TableFeatures) -> list[Tensor]:
    """Numbers and the parts of dates, then the marks of their gaps."""
    columns = [graph.input(name) for name in features.numbers]
    for number, name in enumerate(features.dates):
        columns += date_columns(graph, graph.input(name), features.date_parts_, number)
    if not columns:
        return []
    values = graph.concatenated(columns)
    if features.scaler is None:
        limit = table._FARTHEST[features.dtype]
        return [_clipped(graph, values, limit)]
    marked = np.flatnonzero(features.scaler.has_gaps_)
    marks = [graph.cast(graph.add("IsNaN", graph.columns(values, marked)))] if len(marked) else []
    return [_scaled(graph, values, features.scaler), *marks]


def _clipped(graph: Graph, values: Tensor, limit: float) -> Tensor:
    # Clip alone is not said to keep gaps.
    clipped = graph.add("Clip", values, graph.constant(np.float64(-limit)), graph.constant(np.float64(limit)))
    return graph.add("Where", graph.add("IsNaN", values), graph.constant(np.float64(np.nan)), clipped)


def _scaled(graph: Graph, values: Tensor, scaler: Scaler) -> Tensor:
    centres, scales = (graph.constant(np.array([row])) for row in (scaler.centres_, scaler.scales_))
    known = graph.add("Where", graph.add("IsNaN", values), centres, values)  # a gap becomes 0
    found = graph.add("Div", graph.add("Sub", _clipped(graph, known, scaling._FARTHEST_NUMBER), centres), scales)
    found = _clipped(graph, found, scaling._FARTHEST_SCALED)
    if not scaler.squash:
        return found
    far = graph.add("Abs", found)
    beyond = graph.add("Sub", far, graph.constant(np.float64(scaling._BORDER)))
    room, one, border = (graph.constant(np.float64(number)) for number in (scaling._ROOM, 1.0, scaling._BORDER))
    bent = graph.add("Div", beyond, graph.add("Add", one, graph.add("Div", beyond, room)))
    squashed = graph.add("Mul", graph.add("Sign", found), graph.add("Add", border, bent))
    return graph.add("Where", graph.add("Greater", far, border), squashed, found)


def constant_row(graph: Graph, like: Tensor, row: Any) -> Tensor:
    """The same row for every row of `like`."""
    zero = graph.add("ReduceSum", graph.add("Mul", like, graph.constant(np.float64(0))), graph.numbers(1), keepdims=1)
    return graph.add("Add", zero, graph.constant(np.atleast_2d(np.asarray(row, dtype=np.float64))))
