"""The trees of LightGBM, XGBoost and CatBoost: raw sums, before the link to probabilities."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ray_jobs.export.graphs.graph import Graph, Tensor, not_for_onnx
from ray_jobs.export.graphs.trees import Trees


def raw_sums(graph: Graph, booster: Any, matrix: Tensor, width: int, outputs: int) -> Tensor:
    """(rows, outputs); `outputs` is 1 for a number or two classes. Raises Refused(NO_EXPORT)."""
    library = type(booster).__module__.partition(".")[0]
    make = {"lightgbm": _lightgbm, "xgboost": _xgboost, "catboost": _catboost}[library]
    return make(graph, booster, matrix, width, outputs)


# --- LightGBM ---


def _lightgbm(graph: Graph, booster: Any, matrix: Tensor, width: int, outputs: int) -> Tensor:
    model = booster.dump_model()
    trees = Trees(targets=outputs)
    for number, tree in enumerate(model["tree_info"]):
        trees.begin()
        open_nodes, made = [(0, tree["tree_structure"])], 1
        while open_nodes:
            node, it = open_nodes.pop()
            if "split_index" not in it:
                trees.leaf(node, {number % outputs: it["leaf_value"]})
                continue
            left, right = made, made + 1
            made += 2
            open_nodes += [(left, it["left_child"]), (right, it["right_child"])]
            _lightgbm_split(trees, node, it, left, right)
    if model.get("average_output"):
        raise not_for_onnx("its trees are averaged")
    return trees.sums(graph, matrix, width)


def _lightgbm_split(trees: Trees, node: int, it: dict[str, Any], left: int, right: int) -> None:
    feature = it["split_feature"]
    if it["decision_type"] == "==":
        chosen = [int(code) for code in str(it["threshold"]).split("||")]
        goes_left = np.zeros(max(chosen) + 1)
        goes_left[chosen] = 1
        trees.split_by_category(node, feature, goes_left, left, right, other_left=False, gap_left=False)
        return
    # Where training saw no gap, one counts as 0.
    gap_left = it["default_left"] if it["missing_type"] == "NaN" else it["threshold"] >= 0
    trees.split(node, feature, it["threshold"], left, right, gap_left=gap_left)


# --- XGBoost ---


def _xgboost(graph: Graph, booster: Any, matrix: Tensor, width: int, outputs: int) -> Tensor:
    from ray_jobs.export.graphs.features import constant_row

    learner = json.loads(booster.save_raw("json"))["learner"]
    model = learner["gradient_booster"].get("model")
    if model is None:
        raise not_for_onnx("it is not a sum of trees")
    trees = Trees(targets=outputs, smaller=True)
    for number, tree in enumerate(model["trees"]):
        _xgboost_tree(trees, tree, model["tree_info"][number])
    base = np.atleast_1d(np.array(json.loads(learner["learner_model_param"]["base_score"]), dtype=np.float64))
    if learner["objective"]["name"].startswith("binary:logistic"):
        base = np.log(base / (1 - base))
    sums = trees.sums(graph, matrix, width)
    return graph.add("Add", sums, constant_row(graph, sums, np.broadcast_to(base, (1, outputs))))


def _xgboost_tree(trees: Trees, tree: dict[str, Any], target: int) -> None:
    trees.begin()
    lefts, rights = tree["left_children"], tree["right_children"]
    chosen = {
        node: tree["categories"][start : start + size]
        for node, start, size in zip(
            tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
        )
    }
    for node, (left, right) in enumerate(zip(lefts, rights, strict=True)):
        feature, value = tree["split_indices"][node], float(np.float32(tree["split_conditions"][node]))
        gap_left = bool(tree["default_left"][node])
        if left < 0:
            trees.leaf(node, {target: value})
        elif node in chosen:
            goes_left = np.ones(max(chosen[node]) + 1)
            goes_left[chosen[node]] = 0  # the chosen ones go right
            trees.split_by_category(node, feature, goes_left, left, right, other_left=True, gap_left=gap_left)
        else:
            trees.split(node, feature, value, left, right, gap_left=gap_left)


# --- CatBoost ---


def _catboost(graph: Graph, booster: Any, matrix: Tensor, width: int, outputs: int) -> Tensor:
    from ray_jobs.export.graphs.features import constant_row

    if booster.get_cat_feature_indices():
        raise not_for_onnx("CatBoost encodes categories in a way that ONNX has no operators for")
    model = _catboost_json(booster)
    borders = {
        each["feature_index"]: each.get("nan_value_treatment", "AsIs")
        for each in model["features_info"]["float_features"]
    }
    trees = Trees(targets=outputs)
    for tree in model["oblivious_trees"]:
        trees.begin()
        _catboost_tree(trees, tree, borders, outputs)
    scale, bias = model["scale_and_bias"]
    sums = graph.add("Mul", trees.sums(graph, matrix, width), graph.constant(np.float64(scale)))
    return graph.add("Add", sums, constant_row(graph, sums, np.broadcast_to(np.atleast_1d(bias), (1, outputs))))


def _catboost_json(booster: Any) -> Any:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        booster.save_model(str(path), format="json")
        return json.loads(path.read_bytes())


def _catboost_tree(trees: Trees, tree: dict[str, Any], gaps: dict[int, str], outputs: int) -> None:
    """Every node of one level asks the same; the first question is the lowest bit of the leaf's number."""
    splits, values = tree["splits"] or [], tree["leaf_values"]
    depth = len(splits)

    def grow(node: int, level: int, leaf: int) -> None:
        if level == depth:
            trees.leaf(node, {target: values[leaf * outputs + target] for target in range(outputs)})
            return
        split = splits[depth - 1 - level]
        feature = split["float_feature_index"]
        # "Larger than the border" is the leaf's bit; larger goes right here.
        larger = gaps[feature] == "AsTrue"
        trees.split(node, feature, split["border"], 2 * node + 1, 2 * node + 2, gap_left=not larger)
        grow(2 * node + 1, level + 1, leaf)
        grow(2 * node + 2, level + 1, leaf | 1 << (depth - 1 - level))

    grow(0, 0, 0)
