"""Rows typed to predict on, in one line and into the form."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.typed_rows import as_typed, example, typed_rows
from head.api import PredictSpec, RowsData
from tests.support.chats import Terminal, predicted, terminal, trained


async def _with_a_model(chat: Terminal) -> None:
    chat.head.add_machine(chat.person_id, "laptop")
    await chat.types("/train ~/churn.csv churned")
    await chat.types("#1")
    chat.head.finish(chat.job().id, trained())
    await chat.types("!")


def _rows(chat: Terminal) -> tuple[dict[str, str], ...]:
    spec = chat.job().spec
    assert isinstance(spec, PredictSpec)
    assert isinstance(spec.data, RowsData)
    return spec.data.rows


async def test_one_line_is_enough_and_the_answer_is_the_message_itself(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _with_a_model(chat)
        form = await chat.types('/predict age=41 plan="very pro" limit=1m')
        assert 'Data: age=41 plan="very pro" on laptop' in form
        assert "columns that you did not type: months" in form
        assert "at most 1 min" in form
        await chat.types("#1")
        assert _rows(chat) == ({"age": "41", "plan": "very pro"},)
        chat.head.job_files[chat.job().id, "new.csv.predictions.csv"] = b"age,prediction\n41,no\n"
        chat.head.finish(chat.job().id, predicted())
        answer = await chat.types("!")
        assert "no | 41" in answer
        assert "predictions.csv\n" not in answer.replace("results/new.csv.predictions.csv", "")


async def test_rows_are_typed_into_the_form_and_corrected_there(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _with_a_model(chat)
        asked = await chat.types("/predict")
        assert "Or type a row: age=… plan=… months=…" in asked
        wrong = await chat.types("agee=41 plan=pro")
        assert "The model knows no column agee." in wrong
        assert "It learned from: age" in wrong
        await chat.types("AGE=41 plan=pro months=3\n\nage=18 plan=free months=1")
        await chat.types("#1")
        assert _rows(chat) == (
            {"AGE": "41", "plan": "pro", "months": "3"}, {"age": "18", "plan": "free", "months": "1"},
        )  # fmt: skip


async def test_more_than_a_message_should_hold_is_said_with_the_bound(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _with_a_model(chat)
        for line in ("/predict\n" + "age=1\n" * 21, "age=1\n" * 21):
            refused = await chat.types(line)
            assert "more rows, or longer ones, than I take as text" in refused
            assert "Send up to 20 rows" in refused
        await chat.types("age=1\n" * 20)
        await chat.types("#1")
        assert len(_rows(chat)) == 20


async def test_a_line_break_may_stand_for_any_space(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _with_a_model(chat)
        form = await chat.types("/predict churned-hist_gradient_boosting\n~/new.csv\nlimit=1m")
        assert "Data: ~/new.csv on laptop" in form
        assert "at most 1 min" in form
        assert "I did not understand age=41." in await chat.types("/predict ~/new.csv\nage=41")


async def test_a_template_keeps_rows_as_they_are_typed(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _with_a_model(chat)
        form = await chat.types("/predict age=41 plan=pro")
        assert "[6] Save as template" in form
        await chat.types("#6")
        await chat.types("usual")
        assert "Data: age=41 plan=pro on laptop" in await chat.types("/templates usual")
        await chat.types("#1")
        assert _rows(chat) == ({"age": "41", "plan": "pro"},)


@pytest.mark.parametrize("path", ["~/new.csv", "new.csv", "~/year=2020/part.parquet", '"a=b.csv"', "sales-*.csv", ""])
def test_a_path_is_no_row(path: str) -> None:
    assert typed_rows(path) == []


#: No letters that mean something here: spaces, quotes of any kind, =
_NAMES = st.text(st.characters(categories=["L", "N", "S", "Pd"], exclude_characters="="), min_size=1, max_size=20)


@given(st.lists(st.dictionaries(_NAMES, _NAMES, min_size=1, max_size=5), min_size=1, max_size=3))
def test_what_is_shown_can_be_typed_again(rows: list[dict[str, str]]) -> None:
    assert typed_rows(as_typed(RowsData(rows=tuple(rows)))) == rows


def test_names_with_spaces_are_quoted() -> None:
    assert example(["mean radius", "age"]) == '"mean radius"=… age=…'
    assert typed_rows('"mean radius"=17.9 age=4 “worst area”=2') == [
        {"mean radius": "17.9", "age": "4", "worst area": "2"}
    ]
