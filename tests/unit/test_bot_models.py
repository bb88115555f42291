"""/models in the chat: by name and version, renamed, deleted after a question, compared, exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.named_models import called, find, first_of, last_of
from head.api import HEAD, ExportSpec, JobStatus, MachineState, ModelView, PathData, TrainResult, TrainSpec
from head.clock import ManualClock
from tests.support.chats import Terminal, terminal, trained
from tests.support.in_memory_head import InMemoryHead


async def add_model(chat: Terminal, model_id: str, name: str, place: str = HEAD, **changes: object) -> ModelView:
    """As a training leaves it."""
    spec = TrainSpec(data=PathData(path=str(changes.pop("path", "~/churn.csv"))), target="churned")
    job = await chat.head.submit(chat.person_id, spec, place, request=model_id)
    result = trained(model_id).model_copy(update={"name": name, **changes})
    chat.head.finish(job.id, TrainResult.model_validate(result.model_dump()))
    return await chat.head.model(chat.person_id, model_id)


async def test_models_are_found_by_name_version_and_id(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        for number, name in enumerate(("churn", "churn", "Größe m", "v2"), start=1):
            await add_model(chat, f"model{number}", name)
        mine = await chat.head.models(chat.person_id)
        wanted: dict[str, str | None] = {
            "churn": "model2",
            "CHURN v1": "model1",
            "churn  v2": "model2",
            "größe m": "model3",
            "model1": "model1",
            "v2": "model4",
            "churn v3": None,
            "chur": None,
            "": None,
        }
        for text, expected in wanted.items():
            found = find(mine, text)
            assert (found and found.id) == expected, text
        first, rest = first_of(mine, ("Größe", "m", "v1", "~/new.csv"))
        assert (first and first.id, rest) == ("model3", ("~/new.csv",))
        last, rest = last_of(mine, ("~/new.csv", "churn", "v1"))
        assert (last and called(last), rest) == ("churn v1", ("~/new.csv",))
        printed = await chat.types("/models")
        assert "churn v2 model2" in printed
        for line in ("/predict churn v1 ~/new.csv", "/predict ~/new.csv churn v1", "/predict model1 ~/new.csv"):
            assert "Model: churn v1 (" in await chat.types(line)


async def test_a_model_is_renamed(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        for number, name in enumerate(("churn", "my model", "best"), start=1):
            await add_model(chat, f"model{number}", name)
        assert "churn v1 is now spring v1." in await chat.types("/models rename churn spring")
        assert "my model v1 is now my better model v1." in await chat.types('/models rename my model "my better model"')
        assert "my better model v1 is now best v2." in await chat.types('/models rename "my better model v1" best')
        for line in ("/models rename nothing new", "/models rename spring", "/models rename"):
            assert "/models rename churn spring" in await chat.types(line)
        assert "no name" in await chat.types(f"/models rename spring {'x' * 101}")


async def test_deleting_takes_a_second_tap_that_names_the_model(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        for number in (1, 2):
            await add_model(chat, f"model{number}", "churn")
        asked = await chat.types("/models delete churn v1")
        assert "Yes, delete churn v1" in asked
        assert "Keep churn v1" in asked
        assert len(await chat.head.models(chat.person_id)) == 2
        assert "churn v2" in await chat.types("#2")
        await chat.types("/models delete churn v1")
        assert "churn v1 is deleted from the server." in await chat.types("#1")
        assert [model.id for model in await chat.head.models(chat.person_id)] == ["model2"]
        assert "no model called churn v1" in await chat.types("/models delete churn v1")


async def test_what_lies_on_an_absent_machine_waits_for_it(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        await add_model(chat, "model1", "churn", laptop.id)
        chat.head.set_machine(laptop.id, state=MachineState.UNREACHABLE)
        await chat.types("/models delete churn")
        assert "laptop is away" in await chat.types("#1")
        assert "laptop is away" in await chat.types("/models rename churn spring")
        assert [model.name for model in await chat.head.models(chat.person_id)] == ["churn"]


async def test_two_models_stand_side_by_side(tmp_path: Path) -> None:
    clock = ManualClock()
    head = InMemoryHead(clock=clock)
    async with terminal(tmp_path, clock, head) as chat:
        await add_model(chat, "model1", "churn")
        clock.advance(7200)
        better = {"accuracy": 0.9, "roc_auc": 0.88, "log_loss": 0.3}
        await add_model(chat, "model2", "churn", metrics=better, model="lightgbm", rows_test=20)
        printed = await chat.types("/models compare churn v1 churn v2")
        rows = {line[:17].strip(): line[17:].split() for line in printed.splitlines() if len(line) == 35}
        assert rows["Accuracy"] == ["0.861", "0.9*"]
        assert rows["ROC AUC"] == ["0.9*", "0.88"]
        assert rows["Log loss"] == ["0.3"]
        assert rows["Tested on"] == ["1,761", "20"]
        assert (
            "1. churn v1: Histogram gradient boosting for churned, ~/churn.csv, 2 hours ago, on the server" in printed
        )
        assert "different" not in printed
        await add_model(chat, "model3", "other", path="~/b.csv")
        assert "rows of different files" in await chat.types("/models compare churn other")
        await add_model(chat, "model4", "price", target="price")
        assert "predict different things" in await chat.types("/models compare churn price")
        for line in ("/models compare churn", "/models compare", "/models compare churn nothing"):
            assert "/models compare churn spring" in await chat.types(line)


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("/models export churn", "card"),
        ("/models export churn v1 ONNX", "onnx"),
        ("/models export model1 python", "python"),
    ],
)
async def test_an_export_is_a_job_with_a_card(tmp_path: Path, line: str, form: str) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        await add_model(chat, "model1", "churn", laptop.id)
        printed = await chat.types(line)
        assert f"Export: {form}" in printed
        job = chat.job()
        assert isinstance(job.spec, ExportSpec)
        assert (job.spec.form, job.place, job.status) == (form, laptop.id, JobStatus.QUEUED)
        assert "no model called churn v9" in await chat.types("/models export churn v9 onnx")


async def test_a_word_that_is_nothing_to_do_gets_the_examples(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        printed = await chat.types("/models paint churn")
        assert "I can't paint models." in printed
        assert printed.count("/models ") >= 4
