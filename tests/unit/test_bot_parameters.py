"""A model's parameters in the form: shown with their values, typed one by one, pasted as JSON, refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import parameters
from bot.arguments import parse, value
from head.api import CATALOGUE, TrainSpec
from tests.support.chats import Terminal, terminal


async def settings_of(chat: Terminal, model: str) -> str:
    await chat.types(f"/train ~/churn.csv churned model={model}")
    return await chat.press("Settings")


def ran(chat: Terminal) -> dict[str, object]:
    spec = chat.job().spec
    assert isinstance(spec, TrainSpec)
    return dict(spec.parameters)


async def test_defaults_are_seen_and_one_is_changed(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        asked = await settings_of(chat, "random_forest")
        assert "class_weight=none n_estimators=100 max_depth=none" in asked
        changed = await chat.types("n_estimators=300 bootstrap=no")
        assert "n_estimators=300, bootstrap=no" in changed
        assert "n_estimators=300 max_depth=none" in await chat.press("Settings")
        await chat.types("bootstrap=")
        await chat.types("#1")
        assert ran(chat) == {"n_estimators": 300}


async def test_auto_has_none_to_show(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        assert "Those of the model" not in await settings_of(chat, "auto")


async def test_json_is_pasted(tmp_path: Path) -> None:
    pasted = '{"layers": [{"units": 64, "dropout": 0.2}, {"units": 16}],\n "epochs": 20, "class_weight": "balanced"}'
    async with terminal(tmp_path) as chat:
        await settings_of(chat, "keras")
        form = await chat.types(pasted.replace("\n", " "))
        assert 'layers=[{"units": 64, "dropout": 0.2}, {"units": 16}]' in form
        await chat.types("#1")
        layers = [{"units": 64, "dropout": 0.2}, {"units": 16}]
        assert ran(chat) == {"layers": layers, "epochs": 20, "class_weight": "balanced"}


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("max_dept=3", "Random forest has no setting max_dept."),
        ('{"colour": "red"}', "Random forest has no setting colour."),
        ('{"": 1}', "That is no JSON object of parameters."),
        ('{"max_depth": ', "That is no JSON object of parameters."),
        ('{"max_depth": {"a": {}}}', "That is no JSON object of parameters."),
        ("{" * 5000, "That is no JSON object of parameters."),
        (f"max_depth={'9' * 400}", "It is too long, or too large."),
        (f"max_features={'x' * 300}", "It is too long, or too large."),
        (f"max_features={','.join(['1'] * 101)}", "It is too long, or too large."),
        (f"test={'9' * 400}", "cannot be used."),
        (f"limit={'9' * 400}", "cannot be used."),
        (f"sheet={'x' * 300}", "cannot be used."),
    ],
)
async def test_what_cannot_be_used_is_refused_and_not_kept(tmp_path: Path, typed: str, answer: str) -> None:
    async with terminal(tmp_path) as chat:
        await settings_of(chat, "random_forest")
        assert answer in await chat.types(typed)
        assert "max_depth=4" in await chat.types("max_depth=4")
        await chat.types("#1")
        assert ran(chat) == {"max_depth": 4}


async def test_those_of_the_model_before_are_taken_away_by_name(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await settings_of(chat, "random_forest")
        await chat.types("max_depth=4")
        await chat.press("Model")
        assert "Take it away by max_depth=" in await chat.types("mlp")
        await chat.types("max_depth=")
        await chat.types("#1")
        assert ran(chat) == {}


async def test_parameters_of_another_model_are_named(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        assert "Automatic has no setting max_depth." in await chat.types("/train ~/churn.csv churned max_depth=3")
        await chat.types("max_depth=")
        await chat.types("#1")
        assert ran(chat) == {}


@pytest.mark.parametrize("model", [entry.name for entry in CATALOGUE])
def test_what_is_shown_can_be_typed(model: str) -> None:
    options = parse(parameters.as_typed(model, {})).options
    assert list(options) == list(parameters.known(model))
    for name, known in parameters.known(model).items():
        assert value(options[name]) == value(known.default or "none")


_LAYER = st.dictionaries(st.text("abc", min_size=1), st.integers(0, 9), min_size=1, max_size=20)
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=5),
    st.lists(_LAYER, min_size=1, max_size=3),
)


@given(_VALUES)
def test_a_value_that_is_shown_is_read_back(each: object) -> None:
    typed = parameters.as_typed("auto", {"name": each})  # type: ignore[dict-item]
    assert value(parse(typed).options["name"]) == each
