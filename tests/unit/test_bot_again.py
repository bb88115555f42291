"""A job once more: its form filled in as it was, or the very same where it came to no result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.callbacks import Verb, pack
from head.api import (
    HEAD,
    EndReason,
    FileSplit,
    JobRefused,
    JobStatus,
    MachineState,
    PathData,
    PredictSpec,
    ProfileSpec,
    RowsData,
    TrainSpec,
    UploadData,
)
from tests.support.chats import Terminal, predicted, terminal, trained

LINE = (
    "/train ~/churn.csv churned model=random_forest max_depth=3 split=time:months folds=3 name=weekly exclude=age "
    "seed=4 limit=20m"
)
THEN = f"{LINE} then=~/new.csv"


async def trained_by(chat: Terminal, line: str = LINE) -> str:
    await chat.types(line)
    await chat.types("#1")
    job = chat.job()
    chat.run_job()
    chat.head.finish(job.id, trained())
    return job.id


async def failed(chat: Terminal, line: str = LINE, **changes: object) -> str:
    await chat.types(line)
    await chat.types("#1")
    ended = {"status": JobStatus.FAILED, "end_reason": EndReason.CRASHED, "ended": chat.head.clock.now(), **changes}
    chat.head.set_job(chat.job().id, **ended)
    await chat.types("!")
    return chat.job().id


async def test_the_form_opens_as_the_job_was_and_one_field_is_changed(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        job_id = await trained_by(chat)
        await chat.types("!")
        first = await chat.head.job(chat.person_id, job_id)
        form = await chat.press("Again…")
        assert "Data: ~/churn.csv on laptop" in form
        assert "7,043 rows" in form
        await chat.press("Settings")
        await chat.types("seed=5")
        await chat.types("#1")
        assert isinstance(first.spec, TrainSpec)
        assert (chat.job().spec, chat.job().place) == (first.spec.model_copy(update={"seed": 5}), first.place)


async def test_what_followed_follows_again(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await failed(chat, THEN)
        assert "Then predicts: ~/new.csv" in await chat.press("Again…")
        await chat.types("#1")
        assert chat.job().then == "~/new.csv"


async def test_a_prediction_opens_again_with_its_model(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await trained_by(chat, "/train ~/churn.csv churned")
        await chat.types("!")
        await chat.types("/predict ~/new.csv limit=1m")
        await chat.types("#1")
        chat.head.finish(chat.job().id, predicted())
        await chat.types("!")
        first = chat.job().spec
        assert chat.labels() == ["Again…", "Details"]
        await chat.press("Again…")
        await chat.types("#1")
        assert chat.job().spec == first
        await chat.head.drop_model(chat.person_id, "model1234567")
        await chat.types(f"job_{chat.job().id}")
        chat.head.finish(chat.job().id, predicted())
        await chat.types("!")
        assert "You have no model called" in await chat.press("Again…")


async def test_typed_rows_are_typed_again(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await trained_by(chat, "/train ~/churn.csv churned")
        await chat.types("!")
        spec = PredictSpec(data=RowsData(rows=({"age": "41", "plan": "pro"},)), model_id="model1234567")
        job = await chat.head.submit(chat.person_id, spec, HEAD, request="rows")
        assert "Data: age=41 plan=pro" in await chat.pressed(Verb.AGAIN, job.id)


async def test_every_setting_of_a_form_is_there_again(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await trained_by(chat, "/train ~/churn.csv churned sheet=2024 split=file:~/new.csv")
        await chat.types("!")
        first = chat.job()
        assert isinstance(first.spec, TrainSpec)
        assert first.spec.data == PathData(path="~/churn.csv", sheet="2024")
        assert first.spec.split == FileSplit(data=PathData(path="~/new.csv"))
        assert "Settings: sheet 2024, checked on ~/new.csv" in await chat.press("Again…")
        await chat.types("#1")
        assert chat.job().spec == first.spec
        assert chat.job().id != first.id
        chat.head.finish(chat.job().id, trained())
        await chat.types("!")

        form = await chat.types("/predict ~/new.csv output=XLSX reasons=3 threshold=40% sheet=2024 limit=1m")
        assert "Settings: sheet 2024, result as xlsx, with 3 reasons for each row, threshold 0.4" in form
        await chat.types("#1")
        first = chat.job()
        assert isinstance(first.spec, PredictSpec)
        assert first.spec.data == PathData(path="~/new.csv", sheet="2024")
        assert (first.spec.output, first.spec.reasons, first.spec.threshold) == ("xlsx", 3, 0.4)
        chat.head.finish(first.id, predicted())
        await chat.types("!")
        await chat.press("Again…")
        await chat.types("#1")
        assert chat.job().spec == first.spec
        assert chat.job().id != first.id


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("output=docx", "output=docx cannot be used."),
        ("reasons=9", "reasons=9 cannot be used."),
        ("threshold=1", "threshold=1 cannot be used."),
        ("limit=never", "limit=never cannot be used."),
        ("reasons=2 colour=red", "I did not understand colour=red."),
        ("5m", "I did not understand 5m."),
    ],
)
async def test_a_setting_of_a_prediction_that_cannot_be_used_says_so(tmp_path: Path, typed: str, answer: str) -> None:
    async with terminal(tmp_path) as chat:
        await trained_by(chat, "/train ~/churn.csv churned")
        await chat.types("!")
        await chat.types("/predict ~/new.csv reasons=1")
        await chat.press("Settings")
        told = await chat.types(typed)
        assert answer in told
        assert "with 1 reason for each row" in told
        assert "at most 5 min" in await chat.types("reasons= limit=5m")
        await chat.types("#1")
        spec = chat.job().spec
        assert isinstance(spec, PredictSpec)
        assert spec.reasons == 0


async def test_another_file_has_sheets_of_its_own(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types("/train ~/churn.csv churned sheet=2024")
        await chat.press("Data")
        assert "sheet 2024" not in await chat.types("~/new.csv")
        await chat.types("#1")
        spec = chat.job().spec
        assert isinstance(spec, TrainSpec)
        assert spec.data == PathData(path="~/new.csv")


async def test_a_sheet_stays_where_only_the_path_was_mistyped(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types("/train ~/chrn.csv churned sheet=2024")
        assert "sheet 2024" in await chat.types("~/churn.csv")
        await chat.types("#1")
        spec = chat.job().spec
        assert isinstance(spec, TrainSpec)
        assert spec.data == PathData(path="~/churn.csv", sheet="2024")


async def test_a_form_of_another_version_begins_anew(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types("/train ~/churn.csv")
        draft = await chat.head.active_draft(chat.person_id, "console")
        assert draft is not None
        fields = {**draft.fields, "sheet": 7}
        await chat.head.save_draft(chat.person_id, replace(draft, fields=fields))
        assert "Which file" in await chat.types("churned")


async def test_what_no_form_can_hold_says_so(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        data = PathData(path="~/churn.csv")
        profile = await chat.head.submit(chat.person_id, ProfileSpec(data=data), HEAD, request="1")
        sent = UploadData(upload_id="upload1", name="test.csv")
        by_file = TrainSpec(data=data, target="churned", split=FileSplit(data=sent))
        tested = await chat.head.submit(chat.person_id, by_file, HEAD, request="2")
        assert "without a form" in await chat.pressed(Verb.AGAIN, profile.id)
        assert "no form can hold" in await chat.pressed(Verb.AGAIN, tested.id)


async def test_a_machine_that_is_gone_is_asked_for_at_its_field(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        job_id = await failed(chat)
        chat.head.set_machine(laptop.id, state=MachineState.REVOKED)
        said = await chat.press("Retry")
        assert "laptop is not in your pool any more." in said
        assert len(await chat.head.jobs(chat.person_id)) == 1
        assert [button.callback for button, _ in chat.door._buttons] == [pack(Verb.AGAIN, job_id)]
        form = await chat.press("Again…")
        assert "You have no machine called laptop." in form


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.CANCELLED])
async def test_the_very_same_job_is_run_once_more_and_once_only(tmp_path: Path, status: JobStatus) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        old = await chat.head.job(chat.person_id, await failed(chat, THEN, status=status))
        taps = list(chat.door._buttons)
        assert "Waiting on laptop" in await chat.press("Retry")
        new = chat.job()
        assert new.id != old.id
        assert (new.spec, new.place, new.then) == (old.spec, old.place, old.then)
        chat.door._buttons = taps
        assert f"job_{new.id}" in await chat.press("Retry")
        assert len(await chat.head.jobs(chat.person_id)) == 2
        chat.head.finish(new.id, trained())
        chat.head.finish(chat.job().id, predicted())  # which followed
        assert "Accuracy 0.861" in await chat.types("!")  # what was started again is told too


async def test_what_runs_or_is_done_is_not_retried(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        job_id = await trained_by(chat)
        await chat.types("!")
        assert "nothing to retry" in await chat.pressed(Verb.RETRY, job_id)
        await chat.types("/train ~/churn.csv churned")
        await chat.types("#1")
        assert "nothing to retry" in await chat.pressed(Verb.RETRY, chat.job().id)


async def test_a_retry_that_is_refused_offers_the_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with terminal(tmp_path) as chat:
        await failed(chat)

        async def refuse(*_: object, **__: object) -> None:
            raise JobRefused("You have 20 jobs waiting, which is the limit.")

        monkeypatch.setattr(chat.head, "submit", refuse)
        assert "20 jobs waiting" in await chat.press("Retry")
        assert chat.labels() == ["Again…"]


async def test_a_form_that_waits_is_set_aside_for_the_old_one(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await failed(chat)
        buttons = list(chat.door._buttons)
        await chat.types("/train ~/churn.csv")
        chat.door._buttons = buttons
        assert "I set your train form aside." in await chat.press("Again…")
