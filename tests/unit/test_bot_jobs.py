"""/jobs by where they stand, and [Compare] and [Model card] below a result."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.callbacks import Verb
from head.api import HEAD, EndReason, ExportSpec, JobStatus, PathData, TrainResult, TrainSpec
from tests.support.chats import Terminal, terminal, trained


async def model(chat: Terminal, model_id: str, name: str, **changes: object) -> None:
    """As a training leaves it."""
    spec = TrainSpec(data=PathData(path="~/churn.csv"), target="churned")
    job = await chat.head.submit(chat.person_id, spec, HEAD, request=model_id)
    result = trained(model_id).model_copy(update={"name": name, **changes})
    chat.head.finish(job.id, TrainResult.model_validate(result.model_dump()))


async def _one_of_each(chat: Terminal) -> None:
    ends = {"failed": JobStatus.FAILED, "cancelled": JobStatus.CANCELLED, "late": JobStatus.TIMED_OUT}
    for path in ("waits", "runs", "done", *ends):
        spec = TrainSpec(data=PathData(path=f"~/{path}.csv"), target="y")
        job = await chat.head.submit(chat.person_id, spec, HEAD, request=path)
        now = chat.head.clock.now()
        if path == "runs":
            chat.head.set_job(job.id, status=JobStatus.RUNNING, started=now)
        if path == "done":
            chat.head.finish(job.id, trained())
        if path in ends:
            chat.head.set_job(job.id, status=ends[path], end_reason=EndReason.CRASHED, ended=now)


@pytest.mark.parametrize(
    ("line", "there", "others"),
    [
        ("/jobs", {"waits", "runs", "done", "failed", "cancelled", "late"}, ["Running", "Done", "Failed"]),
        ("/jobs running", {"waits", "runs"}, ["All", "Done", "Failed"]),
        ("/jobs DONE", {"done"}, ["All", "Running", "Failed"]),
        ("/jobs failed", {"failed", "cancelled", "late"}, ["All", "Running", "Done"]),
    ],
)
async def test_jobs_by_where_they_stand(tmp_path: Path, line: str, there: set[str], others: list[str]) -> None:
    async with terminal(tmp_path) as chat:
        await _one_of_each(chat)
        printed = await chat.types(line)
        every = {"waits", "runs", "done", "failed", "cancelled", "late"}
        assert {name for name in every if f"{name}.csv" in printed} == there
        assert chat.labels()[len(there) :] == others
        assert (
            "late.csv" in await chat.press("Failed")
            if "Failed" in others
            else "runs.csv" in await chat.press("Running")
        )


async def test_a_part_has_pages_of_its_own(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        for number in range(18):
            spec = TrainSpec(data=PathData(path=f"~/{number}.csv"), target="y")
            job = await chat.head.submit(chat.person_id, spec, HEAD, request=str(number))
            if number % 2:
                chat.head.set_job(job.id, status=JobStatus.CANCELLED, ended=chat.head.clock.now())
        assert "17.csv" in await chat.types("/jobs failed")
        printed = await chat.press("Older")
        assert "1.csv → y: cancelled" in printed
        assert "0.csv" not in printed
        assert "17.csv" in await chat.press("Newer")


async def test_a_part_that_is_empty_and_a_word_that_is_none_say_what_to_do(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        assert "No jobs yet. Start one with /train" in await chat.types("/jobs")
        assert chat.labels() == ["Train a model"]
        await model(chat, "model1", "churn")
        assert "No job runs or waits just now." in await chat.types("/jobs running")
        assert chat.labels() == ["Train a model", "All", "Done", "Failed"]
        assert "Every job that ended came to a result." in await chat.press("Failed")
        assert "churn.csv" in await chat.press("Done")
        wrong = await chat.types("/jobs sleeping")
        assert "I know no jobs that are sleeping." in wrong
        assert "/jobs running\n/jobs done\n/jobs failed\n" in wrong
        assert "churn.csv" in await chat.press("Done")


async def test_an_only_model_is_compared_with_none(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await model(chat, "model1", "churn")
        assert "churn v1 is your only model." in await chat.pressed(Verb.COMPARE, "model1")
        assert chat.labels() == ["Train a model"]


async def test_one_other_model_is_compared_at_once(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await model(chat, "model1", "churn")
        await model(chat, "model2", "spring", metrics={"accuracy": 0.9})
        printed = await chat.pressed(Verb.COMPARE, "model1")
        assert "1. churn v1: " in printed
        assert "2. spring v1: " in printed
        assert chat.labels() == ["Predict with churn v1", "Predict with spring v1"]
        assert "Model: spring v1" in await chat.types("#2")


async def test_of_several_models_one_is_picked_those_of_the_same_target_first(tmp_path: Path) -> None:
    long = "abcdefghij0123456789klmnop"  # as long as a foreign machine may make them
    async with terminal(tmp_path) as chat:
        await model(chat, long, "churn")
        for number in range(9):
            await model(chat, f"{number}{long}", f"m{number}")
        await model(chat, "model2", "price", target="price")
        printed = await chat.pressed(Verb.COMPARE, long)
        assert "Compare with which model?" in printed
        assert "churn v1" not in printed
        assert chat.labels() == [*(f"m{number} v1" for number in range(8, 0, -1)), "Older"]
        assert "price v1 for price" in await chat.press("Older")
        assert chat.labels() == ["m0 v1", "price v1", "Newer"]
        assert "2. m0 v1: " in await chat.press("m0 v1")
        assert "Compare with which model?" in await chat.press("Compare with another one")
        buttons = list(chat.door._buttons)
        await chat.head.drop_model(chat.person_id, f"8{long}")
        chat.door._buttons = buttons
        assert "That model is gone." in await chat.press("m8 v1")
        await chat.head.drop_model(chat.person_id, long)
        assert "You have no such model" in await chat.pressed(Verb.COMPARE, long)


async def test_a_model_card_is_one_job_while_it_is_written(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        await chat.types("/train ~/churn.csv churned")
        await chat.types("#1")
        chat.head.finish(chat.job().id, trained())
        await chat.types("!")
        buttons = list(chat.door._buttons)
        for _ in range(2):
            chat.door._buttons = buttons
            assert "Export: card" in await chat.press("Model card")
        job = chat.job()
        assert (job.spec, job.place) == (ExportSpec(model_id="model1234567", form="card"), laptop.id)
        assert len(await chat.head.jobs(chat.person_id)) == 2
        chat.head.set_job(job.id, status=JobStatus.CANCELLED, ended=chat.head.clock.now())
        chat.door._buttons = buttons
        await chat.press("Model card")
        assert len(await chat.head.jobs(chat.person_id)) == 3
