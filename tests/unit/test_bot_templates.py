"""/templates: kept, opened, renamed, deleted, sent to another person; and the last form once more."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import recipes
from bot.recipes import MARK, BadText, PredictRecipe, TrainRecipe
from head.api import MachineState, PredictSpec, TrainSpec
from tests.support.chats import Terminal, terminal, trained

LINE = "/train ~/churn.csv churned model=random_forest max_depth=3 split=time:months name=weekly exclude=age"


async def _kept(chat: Terminal, line: str = LINE, name: str = "churn weekly") -> str:
    """Saves the form of a line under a name."""
    form = await chat.types(line)
    (number,) = re.findall(r"\[(\d+)\] Save as template", form)
    asked = await chat.types(f"#{number}")
    assert "Under which name" in asked
    return await chat.types(name)


async def test_a_form_is_kept_by_name_and_run_in_one_tap(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        kept = await _kept(chat)
        assert "churn weekly" in kept
        assert "Target: churned" in kept
        form = await chat.types("/templates Churn  Weekly")
        assert "7,043 rows" in form
        assert "[1] Run" in form
        await chat.types("#1")
        spec = chat.job().spec
        assert isinstance(spec, TrainSpec)
        assert (spec.model, spec.parameters, spec.split.kind, spec.name, spec.exclude) == (
            "random_forest", {"max_depth": 3}, "time", "weekly", ("age",),
        )  # fmt: skip


async def test_a_template_that_names_what_is_gone_says_so_at_its_field(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        machine = chat.head.add_machine(chat.person_id, "laptop")
        await _kept(chat)
        await chat.types("/train ~/churn.csv churned")
        await chat.types("#1")
        chat.head.finish(chat.job().id, trained())
        await chat.types("!")  # or its last words, with buttons, may come in between
        await _kept(chat, "/predict ~/new.csv", "score")
        await chat.head.drop_model(chat.person_id, "model1234567")
        assert "You have no model called" in await chat.types("/templates score")
        chat.head.set_machine(machine.id, state=MachineState.REVOKED)
        form = await chat.types("/templates churn weekly")
        assert "You have no machine called laptop." in form
        assert "Where does the file lie" in form


async def test_a_prediction_is_kept_with_its_model(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types("/train ~/churn.csv churned")
        await chat.types("#1")
        chat.head.finish(chat.job().id, trained())
        await chat.types("!")
        assert "Predicts" in await _kept(chat, "/predict ~/new.csv limit=1m", "score")
        await chat.types("/templates score")
        await chat.types("#1")
        spec = chat.job().spec
        assert isinstance(spec, PredictSpec)
        assert (spec.model_id, spec.time_limit) == ("model1234567", 60)


async def test_names_are_unique_and_asked_for_again(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _kept(chat)
        again = await _kept(chat, name="CHURN weekly")
        assert "Which name?" in again
        assert "Target: churned" in await chat.types("churn monthly")
        listed = await chat.types("/templates")
        assert listed.index("churn monthly") < listed.index("churn weekly")


async def test_another_command_leaves_the_question_for_a_name(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        form = await chat.types(LINE)
        (number,) = re.findall(r"\[(\d+)\] Save as template", form)
        await chat.types(f"#{number}")
        await chat.types("/jobs")
        assert "I am not asking anything" in await chat.types("churn weekly")
        assert await chat.head.templates(chat.person_id) == []


async def test_a_value_that_no_json_holds_is_not_kept(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        form = await chat.types("/train ~/churn.csv churned model=random_forest max_features=inf")
        (number,) = re.findall(r"\[(\d+)\] Save as template", form)
        assert "One of the settings can't be kept." in await chat.types(f"#{number}")


async def test_renaming_and_deleting(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _kept(chat)
        await chat.types("#3")
        assert "monthly" in await chat.types("monthly")
        doubt = await chat.types("#4")
        assert "Yes, delete monthly" in doubt
        assert "is deleted" in await chat.types("#1")
        assert await chat.head.templates(chat.person_id) == []
        assert "You have no template yet" in await chat.types("/templates")


async def test_a_shared_text_is_a_template_of_whoever_sends_it(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        machine = chat.head.add_machine(chat.person_id, "laptop")
        await _kept(chat)
        shared = await chat.types("#2")
        (text,) = re.findall(rf"{MARK}\S+", shared)
        assert machine.id not in str(recipes.unpacked(text))
        await chat.types("/train ~/churn.csv")  # asks for the target
        imported = await chat.types(text)
        assert "Imported" in imported
        assert "churn weekly 2" in imported
        names = [template.name for template in await chat.head.templates(chat.person_id)]
        assert names == ["churn weekly 2", "churn weekly"]


@pytest.mark.parametrize(
    "text", [MARK, f"{MARK}1:", f"{MARK}2:eJw", f"{MARK}1:!!", f"{MARK}1:äöü", f"{MARK}1:eJwDAAAAAAE"]
)
async def test_a_text_that_is_no_template_is_refused(tmp_path: Path, text: str) -> None:
    async with terminal(tmp_path) as chat:
        assert "Nothing was imported." in await chat.types(text)


@pytest.mark.parametrize(
    "content",
    [
        {"name": "x", "recipe": {"kind": "train", "model": "auto", "time_limit": 60, "place": "m1"}},
        {"name": "x", "recipe": {"kind": "train", "model": "auto", "time_limit": "60"}},
        {"name": "x", "recipe": {"kind": "train", "model": "auto", "time_limit": 10**9}},
        {"name": "x", "recipe": {"kind": "shell", "time_limit": 60}},
        {"name": "x" * 41, "recipe": {"kind": "predict", "time_limit": 60}},
        {"name": "x", "recipe": {"kind": "predict", "time_limit": 60, "data": "x" * 5000}},
        {
            "name": "x",
            "recipe": {"kind": "train", "model": "auto", "time_limit": 60, "parameters": {"a": "b" * 100_000}},
        },
        [],
    ],
)
def test_what_is_imported_is_checked_strictly(content: object) -> None:
    coded = base64.urlsafe_b64encode(zlib.compress(json.dumps(content).encode())).decode()
    with pytest.raises(BadText):
        recipes.unpacked(f"{MARK}1:{coded}")


@given(
    data=st.text(max_size=60),
    name=st.text(min_size=1, max_size=40),
    target=st.text(max_size=60),
    seed=st.integers(0, 9),
)
def test_what_is_shared_comes_back(data: str, name: str, target: str, seed: int) -> None:
    for recipe in (
        TrainRecipe(data=data, target=target, model="auto", time_limit=60, seed=seed, include=(target,)),
        PredictRecipe(data=data, model=target, time_limit=60),
    ):
        assert recipes.from_fields(recipes.to_fields(recipe)) == recipe
        shared = recipes.unpacked(recipes.packed(name, recipe))
        assert (shared.name, shared.recipe) == (name, recipe)


async def test_a_blank_form_offers_the_last_one(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        assert "Same as last time" not in await chat.types("/train")
        await chat.types(LINE)
        await chat.types("#1")
        first = chat.job()
        blank = await chat.types("/train")
        assert "[2] Same as last time" in blank
        assert "Target: churned (2 classes: no 73 %, yes 27 %)" in await chat.types("#2")
        await chat.types("#1")
        assert chat.job().id != first.id
        assert chat.job().spec == first.spec
