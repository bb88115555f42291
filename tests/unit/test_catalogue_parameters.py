"""Every entry describes its parameters, checks them, and searches within their ranges."""

from __future__ import annotations

from typing import Any

import pytest

from ray_jobs.catalogue import (
    Choice,
    Entry,
    checked_parameters,
    described,
    descriptions,
    entries,
    entry_of,
)
from ray_jobs.catalogue.keras_network import Layer
from ray_jobs.problems import Refused
from ray_jobs.spec import ParameterDescription, ProblemCode

_ENTRIES = list(entries().values())
_NAMED = pytest.mark.parametrize("entry", _ENTRIES, ids=lambda entry: entry.name)


def parameter(entry: str, name: str) -> ParameterDescription:
    return next(told for told in described(entry_of(entry)).parameters if told.name == name)


def refused(entry: str, parameters: dict[str, Any]) -> Any:
    with pytest.raises(Refused) as caught:
        checked_parameters(entry_of(entry), parameters)
    return caught.value.problem


def test_the_catalogue_is_whole() -> None:
    assert {entry.name for entry in _ENTRIES} == {
        "dummy", "linear_regression", "ridge", "lasso", "elastic_net", "polynomial", "logistic_regression",
        "decision_tree", "random_forest", "extra_trees", "gradient_boosting", "hist_gradient_boosting", "lightgbm",
        "xgboost", "catboost", "k_nearest_neighbors", "svm", "naive_bayes", "mlp", "keras",
    }  # fmt: skip
    assert [told.name for told in descriptions()] == ["auto", *(entry.name for entry in _ENTRIES)]
    assert all(entry.good_for.endswith(".") and entry.title for entry in _ENTRIES)


@_NAMED
def test_every_parameter_is_described(entry: Entry) -> None:
    told = described(entry).parameters
    assert [one.name for one in told] == list(entry.parameters.model_fields)
    for one in told:
        assert one.sentence.endswith("."), one
        assert one.optional or one.default, one
        if one.type in ("integer", "number"):
            assert one.least is not None, one
            assert one.most is not None, one
        if one.type == "choice":
            assert one.choices, one


@_NAMED
def test_defaults_as_typed_are_the_defaults(entry: Entry) -> None:
    typed: dict[str, Any] = {}
    for one in described(entry).parameters:
        plain = one.type not in ("layers",) and one.default
        if plain:
            typed[one.name] = one.default
    parameters = checked_parameters(entry, typed)
    assert parameters == entry.parameters()


@_NAMED
def test_what_auto_searches_is_allowed(entry: Entry) -> None:
    for name, searched in entry.space.items():
        assert name in entry.parameters.model_fields
        for value in searched.values if isinstance(searched, Choice) else (searched.low, searched.high):
            checked_parameters(entry, {name: value})


def test_kinds_of_parameters_are_told_apart() -> None:
    assert parameter("random_forest", "n_estimators").type == "integer"
    assert (parameter("ridge", "alpha").type, parameter("ridge", "alpha").least) == ("number", 0)
    assert parameter("linear_regression", "positive").default == "false"
    weight = parameter("logistic_regression", "class_weight")
    assert (weight.type, weight.choices, weight.optional, weight.default) == ("choice", ("balanced",), True, "")
    share = parameter("random_forest", "max_features")
    assert (share.type, share.choices, share.most, share.optional) == ("number", ("sqrt", "log2"), 1, True)
    assert (parameter("keras", "layers").type, parameter("keras", "layers").default) == ("layers", "[64, 32]")
    assert parameter("mlp", "hidden_layer_sizes").type == "layers"


def test_bad_parameters_are_named() -> None:
    problem = refused("lightgbm", {"num_leafs": 31})
    assert (problem.code, problem.subject) == (ProblemCode.BAD_PARAMETER, "num_leafs")
    assert "num_leaves" in problem.suggestions
    assert refused("lightgbm", {"num_leaves": 1}).subject == "num_leaves"
    assert refused("ridge", {"alpha": float("nan")}).subject == "alpha"
    assert refused("keras", {"layers": [{"units": 0}]}).subject == "layers"
    assert refused("keras", {"layers": [{"units": 8, "activation": "magic"}]}).subject == "layers"
    assert refused("keras", {"layers": [{"width": 8}]}).subject == "layers"


def test_layers_of_a_network_are_numbers_or_objects() -> None:
    numbers: Any = checked_parameters(entry_of("keras"), {"layers": [64, 32]})
    assert numbers.layers == [64, 32]
    given: Any = [{"units": 64}, {"units": 32, "activation": "gelu", "dropout": 0.3}]
    objects: Any = checked_parameters(entry_of("keras"), {"layers": given})
    assert objects.layers == [Layer(units=64), Layer(units=32, activation="gelu", dropout=0.3)]


def test_an_unknown_model_is_refused_with_the_nearest() -> None:
    with pytest.raises(Refused) as caught:
        entry_of("lihgtgbm")
    assert caught.value.problem.code is ProblemCode.UNKNOWN_MODEL
    assert "lightgbm" in caught.value.problem.suggestions
