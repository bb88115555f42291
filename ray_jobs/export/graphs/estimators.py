"""scikit-learn's fitted estimators, and ours around them: from the matrix to probabilities or values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ray_jobs.export.graphs.features import constant_row
from ray_jobs.export.graphs.graph import Graph, Tensor, not_for_onnx
from ray_jobs.export.graphs.trees import Trees

#: What an estimator says: (rows, classes) probabilities, or (rows, 1) values.
Say = Callable[[Graph, Any, Tensor], Tensor]


def said(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    """matrix: double precision. Raises Refused(NO_EXPORT) for an estimator that ONNX has no operators for."""
    name = type(estimator).__name__
    if name not in _SAY:
        raise not_for_onnx(_WHY.get(name, f"{name} has no counterpart there"))
    return _SAY[name](graph, estimator, matrix)


def probabilities(graph: Graph, sums: Tensor, outputs: int) -> Tensor:
    """Of raw sums: a logistic function of one, a softmax of several."""
    if outputs > 1:
        return graph.add("Softmax", sums, axis=1)
    second = graph.add("Sigmoid", sums)
    return graph.concatenated([graph.add("Sub", graph.constant(np.float64(1)), second), second])


def undone(graph: Graph, values: Tensor, scale: Any) -> Tensor:
    """features.targets.TargetScale's `undo`."""
    if scale is None:
        return values
    low, high = (graph.constant(np.float64(max(min(end, _FARTHEST), -_FARTHEST))) for end in (scale.low, scale.high))
    found = graph.add("Clip", values, low, high)
    found = graph.add("Mul", found, graph.constant(np.float64(scale.scale)))
    found = graph.add("Add", found, graph.constant(np.float64(scale.shift)))
    if scale.unit:
        found = graph.add("Sub", graph.add("Exp", found), graph.constant(np.float64(1)))
        found = graph.add("Mul", found, graph.constant(np.float64(scale.unit)))
    return found


# --- lines ---


def _line(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    """(rows, 1), or a column for each class."""
    weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64)).T
    product = graph.add("MatMul", matrix, graph.constant(weights))
    return graph.add("Add", product, graph.constant(np.atleast_1d(np.asarray(estimator.intercept_, dtype=np.float64))))


def _logistic(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    return probabilities(graph, _line(graph, estimator, matrix), len(np.atleast_2d(estimator.coef_)))


def _sgd_classifier(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    lines = _line(graph, estimator, matrix)
    if len(np.atleast_2d(estimator.coef_)) == 1:
        return probabilities(graph, lines, 1)
    each = graph.add("Sigmoid", lines)  # one class against all others, then to a sum of 1
    return graph.add("Div", each, graph.add("ReduceSum", each, graph.numbers(1), keepdims=1))


# --- trees ---


def _tree(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    return _mean_of_trees(graph, [estimator], estimator, matrix)


def _forest(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    return _mean_of_trees(graph, list(estimator.estimators_), estimator, matrix)


def _mean_of_trees(graph: Graph, members: list[Any], estimator: Any, matrix: Tensor) -> Tensor:
    classes = len(getattr(estimator, "classes_", ()))
    # Of two classes the second is enough.
    kept = [1] if classes == 2 else list(range(classes)) if classes else [0]
    trees = Trees(targets=len(kept))
    for member in members:
        _add_tree(trees, member.tree_, kept, 1 / len(members), normal=classes > 0)
    sums = trees.sums(graph, graph.cast(graph.cast(matrix, np.float32)), estimator.n_features_in_)
    if classes == 2:
        return graph.concatenated([graph.add("Sub", graph.constant(np.float64(1)), sums), sums])
    return sums


def _add_tree(
    trees: Trees, tree: Any, kept: list[int], factor: float, *, target: int | None = None, normal: bool = False
) -> None:
    """kept: the columns of the tree's values. target: where its only value goes. normal: values to a sum of 1."""
    values = np.asarray(tree.value[:, 0, :], dtype=np.float64)
    if normal:
        values = values / values.sum(axis=1, keepdims=True)
    gaps = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count, dtype=np.uint8))
    trees.begin()
    for node in range(tree.node_count):
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left < 0:
            places = range(len(kept)) if target is None else [target]
            found = zip(places, kept, strict=True)
            trees.leaf(node, {place: float(values[node, column]) * factor for place, column in found})
        else:
            feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
            trees.split(node, feature, threshold, left, right, gap_left=bool(gaps[node]))


def _gradient_boosting(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    width = estimator.n_features_in_
    outputs = estimator.estimators_.shape[1]
    trees = Trees(targets=outputs)
    for members in estimator.estimators_:
        for target, member in enumerate(members):
            _add_tree(trees, member.tree_, [0], estimator.learning_rate, target=target)
    sums = trees.sums(graph, graph.cast(graph.cast(matrix, np.float32)), width)
    first = estimator._raw_predict_init(np.zeros((1, width), dtype=np.float32))
    sums = graph.add("Add", sums, constant_row(graph, sums, first))
    return probabilities(graph, sums, outputs) if hasattr(estimator, "classes_") else sums


def _histogram_boosting(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    classes = hasattr(estimator, "classes_")
    if not classes and type(estimator._loss.link).__name__ != "IdentityLink":
        raise not_for_onnx("its loss has a link that is not written yet")
    predictors = estimator._predictors
    outputs = len(predictors[0])
    trees = Trees(targets=outputs)
    known, positions = estimator._bin_mapper.make_known_categories_bitsets()
    for members in predictors:
        for target, member in enumerate(members):
            _add_histogram_tree(trees, member, target, known, positions)
    sums = trees.sums(graph, matrix, estimator.n_features_in_)
    sums = graph.add("Add", sums, constant_row(graph, sums, estimator._baseline_prediction))
    return probabilities(graph, sums, outputs) if classes else sums


def _add_histogram_tree(trees: Trees, predictor: Any, target: int, known: Any, positions: Any) -> None:
    trees.begin()
    for node, it in enumerate(predictor.nodes):
        left, right, gap_left = int(it["left"]), int(it["right"]), bool(it["missing_go_to_left"])
        if it["is_leaf"]:
            trees.leaf(node, {target: float(it["value"])})
        elif it["is_categorical"]:
            chosen = _bits(predictor.raw_left_cat_bitsets[it["bitset_idx"]])
            seen = _bits(known[positions[it["feature_idx"]]])
            # A category that training never saw goes where gaps go.
            goes_left = np.where(seen, chosen, gap_left)
            feature = int(it["feature_idx"])
            trees.split_by_category(node, feature, goes_left, left, right, other_left=gap_left, gap_left=gap_left)
        else:
            trees.split(node, int(it["feature_idx"]), float(it["num_threshold"]), left, right, gap_left=gap_left)


def _bits(words: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Of 8 words of 32 bits: whether each of 256 codes is in the set."""
    return np.unpackbits(np.ascontiguousarray(words, dtype="<u4").view(np.uint8), bitorder="little").astype(bool)


# --- the others ---

_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid", "identity": "Identity"}


def _perceptron(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    found = matrix
    for number, (weights, intercepts) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        found = graph.add("MatMul", found, graph.constant(np.asarray(weights, dtype=np.float64)))
        found = graph.add("Add", found, graph.constant(np.asarray(intercepts, dtype=np.float64)))
        if number < len(estimator.coefs_) - 1:
            found = graph.add(_ACTIVATIONS[estimator.activation], found)
    return probabilities(graph, found, estimator.n_outputs_) if hasattr(estimator, "classes_") else found


def _categorical_bayes(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    joint = constant_row(graph, matrix, estimator.class_log_prior_)
    classes = len(estimator.classes_)
    for number, logs in enumerate(estimator.feature_log_prob_):
        places = graph.cast(graph.columns(matrix, [number]), np.int64)
        places = graph.add("Min", places, graph.numbers(logs.shape[1] - 1))
        table = graph.constant(np.ascontiguousarray(logs.T, dtype=np.float64))
        part = graph.add("Reshape", graph.add("Gather", table, places, axis=0), graph.numbers(-1, classes))
        joint = graph.add("Add", joint, part)
    return graph.add("Softmax", joint, axis=1)


def _shares(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    return constant_row(graph, matrix, estimator.class_prior_)


def _constant(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    return constant_row(graph, matrix, estimator.constant_)


def _scaled_target(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    return undone(graph, said(graph, estimator.regressor, matrix), estimator.scale)


def _pipeline(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    from ray_jobs.export.graphs.steps import transformed

    for _, step in estimator.steps[:-1]:
        matrix = transformed(graph, step, matrix)
    return said(graph, estimator.steps[-1][1], matrix)


_FARTHEST = float(np.finfo(np.float64).max)

_SAY: dict[str, Say] = {
    "CategoricalNB": _categorical_bayes,
    "DecisionTreeClassifier": _tree,
    "DecisionTreeRegressor": _tree,
    "DummyClassifier": _shares,
    "DummyRegressor": _constant,
    "ElasticNet": _line,
    "ExtraTreesClassifier": _forest,
    "ExtraTreesRegressor": _forest,
    "GradientBoostingClassifier": _gradient_boosting,
    "GradientBoostingRegressor": _gradient_boosting,
    "HistGradientBoostingClassifier": _histogram_boosting,
    "HistGradientBoostingRegressor": _histogram_boosting,
    "Lasso": _line,
    "LinearRegression": _line,
    "LogisticRegression": _logistic,
    "MLPClassifier": _perceptron,
    "MLPRegressor": _perceptron,
    "Pipeline": _pipeline,
    "RandomForestClassifier": _forest,
    "RandomForestRegressor": _forest,
    "Ridge": _line,
    "SGDClassifier": _sgd_classifier,
    "SGDRegressor": _line,
    "ScaledTarget": _scaled_target,
}

_NEIGHBOURS = "it answers from the rows that it keeps, not by a formula"
_WHY = {
    "KNeighborsRegressor": _NEIGHBOURS,
    "SmoothedVotes": _NEIGHBOURS,
    "MarginProbabilities": "a support vector machine has no counterpart there that says the same probabilities",
    "SVR": "a support vector machine answers from the rows that it keeps",
}
