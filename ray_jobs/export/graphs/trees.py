"""Sums of decision trees as one ONNX operator, with thresholds in double precision.

A division by categories is put as a number: a table gives each row, by its category's code, 1 where it goes left and 0
where it goes right. ONNX's own way, one node for each category, would repeat all that follows it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ray_jobs.export.graphs.graph import ML, Graph, Tensor, not_for_onnx

#: Each node takes some 60 bytes in the file, and ten times that while it is written.
_MOST_NODES = 4_000_000

_LEFT_FOR_SMALLER, _LEFT_FOR_SMALLER_OR_EQUAL, _LEFT_FOR_LARGER, _LEAF = (
    "BRANCH_LT",
    "BRANCH_LEQ",
    "BRANCH_GT",
    "LEAF",
)


class Trees:
    """Trees that are being collected; `sums` puts them into the graph.

    smaller: whether a number equal to the threshold goes right.
    """

    def __init__(self, *, targets: int, smaller: bool = False) -> None:
        self._targets = targets
        self._mode = _LEFT_FOR_SMALLER if smaller else _LEFT_FOR_SMALLER_OR_EQUAL
        self._nodes: dict[str, list[Any]] = {
            name: [] for name in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")
        }
        self._gaps: list[int] = []
        self._leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
        self._tables: dict[int, list[NDArray[np.float64]]] = {}  #: by feature; see _looked_up
        self._by_category: list[tuple[int, int, int]] = []  #: (place among the nodes, feature, table)
        self._trees = 0

    def begin(self) -> None:
        """Another tree; its root is node 0."""
        self._trees += 1
        if len(self._gaps) > _MOST_NODES:
            raise not_for_onnx("its trees have more nodes than an ONNX file holds")

    def split(self, node: int, feature: int, threshold: float, left: int, right: int, *, gap_left: bool) -> None:
        self._node(node, feature, self._mode, threshold, left, right)
        self._gaps.append(int(gap_left))

    def split_by_category(
        self,
        node: int,
        feature: int,
        goes_left: NDArray[Any],
        left: int,
        right: int,
        *,
        other_left: bool,
        gap_left: bool,
    ) -> None:
        """goes_left: by code. other_left, gap_left: of codes beyond those, and of gaps."""
        tables = self._tables.setdefault(feature, [])
        self._by_category.append((len(self._gaps), feature, len(tables)))
        tables.append(np.append(np.asarray(goes_left, dtype=np.float64), [other_left, gap_left]))
        self._node(node, 0, _LEFT_FOR_LARGER, 0.5, left, right)
        self._gaps.append(0)

    def leaf(self, node: int, values: dict[int, float]) -> None:
        """values: by target."""
        self._node(node, 0, _LEAF, 0.0, 0, 0)
        self._gaps.append(0)
        for target, value in values.items():
            for name, each in zip(self._leaves, (self._trees - 1, node, target, value), strict=True):
                self._leaves[name].append(each)

    def sums(self, graph: Graph, matrix: Tensor, width: int) -> Tensor:
        """(rows, targets). matrix: double precision, `width` columns."""
        features = self._with_tables(graph, matrix, width)
        numbers = {f"nodes_{name}": values for name, values in self._nodes.items() if name != "values"}
        found = graph.add(
            "TreeEnsembleRegressor",
            features,
            domain=ML,
            n_targets=self._targets,
            aggregate_function="SUM",
            post_transform="NONE",
            nodes_values_as_tensor=_doubles("thresholds", self._nodes["values"]),
            nodes_missing_value_tracks_true=self._gaps,
            target_treeids=self._leaves["treeids"],
            target_nodeids=self._leaves["nodeids"],
            target_ids=self._leaves["ids"],
            target_weights_as_tensor=_doubles("leaves", self._leaves["weights"]),
            **numbers,
        )
        return graph.cast(found)

    def _node(self, node: int, feature: int, mode: str, threshold: float, true: int, false: int) -> None:
        for name, each in zip(self._nodes, (self._trees - 1, node, feature, mode, threshold, true, false), strict=True):
            self._nodes[name].append(each)

    def _with_tables(self, graph: Graph, matrix: Tensor, width: int) -> Tensor:
        """The matrix and, after it, what the tables say; the divisions by category then look there."""
        parts, starts = [matrix], dict[int, int]()
        for feature, tables in self._tables.items():
            starts[feature] = width
            width += len(tables)
            parts.append(_looked_up(graph, graph.columns(matrix, [feature]), tables))
        for place, feature, table in self._by_category:
            self._nodes["featureids"][place] = starts[feature] + table
        return graph.concatenated(parts)


def _looked_up(graph: Graph, column: Tensor, tables: list[NDArray[np.float64]]) -> Tensor:
    """(rows, tables). column: codes, gaps as NaN or below 0. tables: by code, then for other codes, then for gaps."""
    codes = max(map(len, tables)) - 2
    padded = [np.concatenate([it[:-2], np.repeat(it[-2], codes - len(it) + 3), it[-1:]]) for it in tables]
    other, gap = (graph.constant(np.float64(place)) for place in (codes, codes + 1))
    is_code = graph.add("GreaterOrEqual", column, graph.constant(np.float64(0)))
    places = graph.add("Where", is_code, graph.add("Min", column, other), gap)
    found = graph.add("Gather", graph.constant(np.column_stack(padded)), graph.cast(places, np.int64), axis=0)
    return graph.add("Reshape", found, graph.numbers(-1, len(tables)))


def _doubles(name: str, values: list[float]) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array(values, dtype=np.float64), name)
