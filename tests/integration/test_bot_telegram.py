"""The real python-telegram-bot against a strict fake Telegram: what people see on their phones."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands import COMMANDS
from bot.telegram_door import run
from bot.telegram_intake import TelegramRefused
from head.api import ChatSettings, EndReason, JobStatus, MachineState, Progress, TrainSpec
from tests.fakes.telegram import TOKEN
from tests.support.chats import PNG, predicted, progress, trained, until
from tests.support.in_memory_head import CHURN
from tests.support.telegram_world import World, telegram_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with telegram_world(tmp_path) as made:
        yield made


async def test_a_stranger_asks_and_an_admin_lets_them_in(world: World) -> None:
    eve = world.telegram.person(7, "Eve <&>")
    async with world.serving():
        world.boss.says("/start")
        await world.boss.sees("Train and use models")
        eve.says("/train x y")
        greeting = await eve.sees("An admin can let you in")
        eve.presses(greeting, "Request access")
        question = await world.boss.sees("Eve <&> asks to use this server.")
        await eve.sees("Your request is with the admins")
        world.boss.presses(question, "Allow")
        welcome = await eve.sees("You are in. Welcome!")
        eve.presses(welcome, "Start")
        await eve.sees("Train and use models")
        assert question.text == "Eve <&> may use this server."
        assert not question.rows
    menu = world.telegram.menus["default", ""]
    assert [command["command"] for command in menu] == [command.name for command in COMMANDS]
    assert world.telegram.refusals == []


async def test_a_training_from_the_first_tap_to_the_picture(world: World) -> None:
    async with world.serving():
        laptop = world.head.add_machine(await world.boss_id(), "laptop")
        card = await world.trains()
        job = world.job()
        assert job.place == laptop.id
        assert card.labels == ["Cancel", "Details"]
        world.head.job_files[job.id, "roc.png"] = PNG
        world.head.set_job(job.id, status=JobStatus.RUNNING, started=job.created, progress=progress("fold 3 of 5", 0.6))
        await world.boss.sees("fold 3 of 5")
        assert card.edits  # redrawn in place
        world.head.finish(job.id, trained())
        end = await world.boss.sees(lambda shown: shown.photo is not None)
        assert end.photo == PNG
        assert not end.silent
        assert "Accuracy 0.861, simple guessing gets 0.735" in end.text
        await until(lambda: card.labels == ["Predict", "Compare", "Details", "Model card", "Again…"])
        world.boss.presses(end, "Predict")  # on a picture, so the answer is a new message
        form = await world.boss.sees("Predict with a model")
        world.boss.sends("churn.csv", b"age\n41\n")
        form = await world.boss.sees(lambda shown: "7,043 rows" in shown.text and "Predict" in shown.text)
        world.boss.presses(form, "Run")
        await until(lambda: world.job().spec.kind == "predict")
        world.head.job_files[world.job().id, "new.csv.predictions.csv"] = b"age,prediction\n41,no\n"
        world.head.finish(world.job().id, predicted())
        result = await world.boss.sees(lambda shown: shown.document is not None)
        assert result.document == ("new.csv.predictions.csv", b"age,prediction\n41,no\n")
    assert world.telegram.refusals == []
    assert list(world.files.iterdir()) == []  # nothing of it stays on the server


async def test_what_is_asked_of_a_job_comes_below_it_and_the_card_goes_on(world: World) -> None:
    async with world.serving():
        world.boss.says("/train ~/churn.csv churned model=mlp")
        card = await world.boss.sees("7,043 rows")
        world.boss.presses(card, "Run")
        await until(lambda: bool(world.head._jobs) and "Train:" in card.text)
        job = world.job()
        world.head.set_job(job.id, status=JobStatus.RUNNING, started=job.created)
        losses = [Progress(n=n, at=0, step=f"epoch {n} of at most 9", metrics={"loss": 1 / n}) for n in (1, 2, 3)]
        world.head.tell(job.id, *losses)
        await until(lambda: card.labels == ["Cancel", "Details", "Loss curve", "Dashboard"])
        world.boss.presses(card, "Loss curve")
        curve = await world.boss.sees("epoch 3, loss 0.333")
        assert curve.photo is not None
        assert curve.photo.startswith(b"\x89PNG")
        world.boss.presses(card, "Dashboard")
        page = await world.boss.sees("That job on your dashboard")
        assert "/dashboard-link/" in page.text
        assert page.text.partition("?task=")[2].startswith("01000000.")
        world.boss.presses(card, "Details")
        details = await world.boss.sees("As typed: ")
        assert details.text.endswith(f"job_{job.id}")
        now = world.head.clock.now()
        world.head.set_job(job.id, status=JobStatus.FAILED, end_reason=EndReason.CRASHED, ended=now)
        end = await world.boss.sees(lambda shown: shown.labels == ["Retry", "Again…", "Details"] and shown != card)
        before = end.text
        world.boss.presses(end, "Again…")
        await world.boss.sees(lambda shown: "Model: Multi-layer perceptron" in shown.text and "Run" in shown.labels)
        world.boss.presses(end, "Retry")
        world.boss.presses(end, "Retry")
        await until(lambda: len(world.head._jobs) == 2)
        again = await world.boss.sees(lambda shown: f"job_{world.job().id}" in shown.text)
        assert again.labels == ["Cancel", "Details"]
        assert end.text == before
        assert len(world.head._jobs) == 2
    assert world.telegram.refusals == []
    assert list(world.files.iterdir()) == []


async def test_the_end_is_told_once_though_the_bot_was_away_and_telegram_was_busy(world: World) -> None:
    async with world.serving():
        await world.trains()
    world.head.set_job(
        world.job().id, status=JobStatus.TIMED_OUT, end_reason=EndReason.TIMED_OUT, ended=world.head.clock.now()
    )
    world.telegram.fail("sendMessage", 429, retry_after=1)
    world.telegram.fail("sendMessage", 502)
    async with world.serving():
        await world.boss.sees("used up its time")
    async with world.serving():
        world.boss.says("/jobs")
        await world.boss.sees("out of time")
    assert len([shown for shown in world.boss.messages.values() if "used up its time" in shown.text]) == 1


async def test_two_quick_taps_are_one_job_and_every_tap_is_answered_once(world: World) -> None:
    async with world.serving():
        world.boss.says("/train ~/churn.csv churned")
        form = await world.boss.sees("7,043 rows")
        world.boss.presses(form, "Run")
        world.boss.presses_data(form, form.button("Run")["callback_data"])
        await until(lambda: bool(world.boss.alerts))
        assert world.boss.alerts == ["This form was run already. Its job is in /jobs"]
        assert len(world.head._jobs) == 1
    assert world.telegram.refusals == []


async def test_a_picture_that_telegram_refuses_does_not_cost_the_result(world: World) -> None:
    async with world.serving():
        await world.trains()
        world.head.job_files[world.job().id, "roc.png"] = b"this is no picture"
        world.head.finish(world.job().id, trained())
        assert (await world.boss.sees("Accuracy 0.861")).photo is None


async def test_who_blocked_the_bot_holds_up_nobody(world: World) -> None:
    ann = world.telegram.person(7, "Ann")
    async with world.serving():
        world.boss.says("/start")
        ann.blocked = True
        ann.says("/start")
        world.boss.says("/help")
        await world.boss.sees("/dashboard look into your cluster")


async def test_a_form_that_was_deleted_is_sent_afresh(world: World) -> None:
    async with world.serving():
        world.boss.says("/train ~/churn.csv churned")
        form = await world.boss.sees("7,043 rows")
        del world.boss.messages[form.id]
        world.boss.presses(form, "Model")
        await world.boss.sees("Which model?")


async def test_a_file_that_is_too_large_is_not_fetched(world: World) -> None:
    async with world.serving():
        world.boss.says("/start")
        world.boss.sends("huge.csv", b"a", size=35 * 1024 * 1024)
        said = await world.boss.sees("huge.csv has 35 MB; this chat takes at most 20 MB.")
        assert "~/hayride" in said.text
    assert "getFile" not in [method for method, _ in world.telegram.calls]


async def test_the_join_command_has_a_copy_button_and_its_message_tells_the_rest(world: World) -> None:
    async with world.serving():
        world.boss.says("/connect")
        offer = await world.boss.sees("Run this on the machine")
        copied = [button["copy_text"]["text"] for row in offer.rows for button in row]
        assert copied[0] in offer.text
        laptop = world.head.add_machine(await world.boss_id(), "laptop", MachineState.NEVER)
        world.head.redeem(world.head.offers[-1], laptop.id)
        await until(lambda: "Installing" in offer.text)
        assert "token" not in offer.text  # gone once it was used
        world.head.set_machine(laptop.id, state=MachineState.CONNECTED)
        await until(lambda: "laptop joined: 8 cores, 32 GB." in offer.text)
    assert world.telegram.refusals == []


async def test_names_of_any_kind_reach_the_reader_unharmed(world: World) -> None:
    async with world.serving():
        nasty = "~/a_*[b]`<i>&amp;.csv"
        world.head.files[nasty] = CHURN
        world.boss.says(f"/train {nasty} churned model=mlp hidden_layer_sizes=64,32")
        form = await world.boss.sees(nasty)
        assert "hidden_layer_sizes=" in form.text
        world.boss.presses(form, "Run")
        await until(lambda: bool(world.head._jobs))
        spec = world.job().spec
        assert isinstance(spec, TrainSpec)
        assert spec.parameters == {"hidden_layer_sizes": [64, 32]}
    assert world.telegram.refusals == []


async def test_a_wrong_token_ends_in_one_clear_error_without_the_token(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    settings = ChatSettings(files=world.files, telegram_token="1:wrong", telegram_base_url=f"{world.telegram.url}/bot")
    with pytest.raises(TelegramRefused, match="does not accept the bot token") as refused:
        await run(world.head, settings, world.head.clock)
    assert "1:wrong" not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_no_log_line_holds_the_token(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with world.serving():
        world.telegram.fail("sendMessage", 500)
        world.boss.says("/start")
        await world.boss.sees("Train and use models")
    assert TOKEN not in caplog.text
