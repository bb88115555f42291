"""The real library lives through what Telegram and the network do: nothing is lost, and nothing done twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.telegram_intake import TelegramRefused
from head.api import HayrideError, JobStatus
from tests.fakes.telegram import TOKEN
from tests.support.chats import progress, trained, until
from tests.support.telegram_world import World, telegram_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with telegram_world(tmp_path) as made:
        yield made


def _counts(world: World, words: str) -> int:
    return sum(words in shown.text for shown in world.boss.messages.values())


@pytest.mark.parametrize(("code", "retry_after"), [(429, 1), (500, None), (502, None)])
async def test_a_reply_that_was_refused_comes_later_and_once(world: World, code: int, retry_after: int | None) -> None:
    async with world.serving():
        world.telegram.fail("sendMessage", code, retry_after=retry_after)
        world.telegram.fail("getUpdates", code, retry_after=retry_after)
        world.boss.says("/start")
        await world.boss.sees("Train and use models")
    assert _counts(world, "Train and use models") == 1


async def test_faults_can_be_asked_for_over_http(world: World) -> None:
    async with world.serving(), httpx.AsyncClient() as client:
        fault = {"method": "sendMessage", "code": 429, "retry_after": 1}
        assert (await client.post(f"{world.telegram.url}/faults", json=fault)).status_code == 200
        world.boss.says("/start")
        await world.boss.sees("Train and use models")
    assert sum(method == "sendMessage" for method, _ in world.telegram.calls) == 2


async def test_a_card_that_was_redrawn_though_the_answer_was_lost_stays_as_it_is(world: World) -> None:
    """The library gives up after 5 s; the second try is told that nothing is modified."""
    async with world.serving():
        card = await world.trains()
        world.telegram.fail("editMessageText", seconds=6, done=True)
        world.head.set_job(world.job().id, status=JobStatus.RUNNING, progress=progress("fold 3 of 5", 0.6))
        await until(lambda: "fold 3 of 5" in card.text)
        world.head.finish(world.job().id, trained())
        await world.boss.sees(lambda shown: "Accuracy 0.861" in shown.text and shown is not card, 20)
    assert len(world.boss.messages) == 2


async def test_who_unblocks_the_bot_goes_on(world: World) -> None:
    async with world.serving():
        world.boss.says("/start")
        await world.boss.sees("Train and use models")
        world.boss.blocked = True
        world.boss.says("/jobs")
        await until(lambda: ("sendMessage", "Forbidden: bot was blocked by the user") in world.telegram.refusals)
        world.boss.blocked = False
        world.boss.says("/help")
        await world.boss.sees("/dashboard look into your cluster")


async def test_a_card_that_is_too_old_is_sent_afresh(world: World) -> None:
    async with world.serving():
        world.boss.says("/train ~/churn.csv churned")
        form = await world.boss.sees("7,043 rows")
        form.too_old = True
        world.boss.presses(form, "Model")
        fresh = await world.boss.sees("Which model?")
        assert fresh.id != form.id


async def test_an_update_that_comes_twice_and_out_of_order_is_done_once(world: World) -> None:
    world.boss.says("/start")
    world.boss.says("/help")
    world.telegram.updates.again(2)  # help, start, start, help
    async with world.serving():
        await world.boss.sees("/dashboard look into your cluster")
        await world.boss.sees("Train and use models")
    async with world.serving():
        world.boss.says("/jobs")
        await world.boss.sees("No jobs yet")
    assert len(world.boss.messages) == 3


async def test_what_was_said_while_the_bot_was_away_is_answered_once_after_a_restart(world: World) -> None:
    async with world.serving():
        world.boss.says("/start")
        await world.boss.sees("Train and use models")
    world.boss.says("/help")
    for _ in range(2):
        async with world.serving():
            await world.boss.sees("/dashboard look into your cluster")
    assert len(world.boss.messages) == 2


async def test_a_second_program_with_the_same_bot_ends_in_one_clear_error(world: World) -> None:
    """Which of the two it is depends on who was here before: test_telegram_intake.py."""
    async with world.serving() as first, world.serving() as second:
        done, _ = await asyncio.wait((first, second), timeout=30, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(TelegramRefused, match=r"Another program uses this bot\. Stop it, or give this server"):
            done.pop().result()


async def test_a_token_that_is_withdrawn_ends_the_bot(world: World) -> None:
    async with world.serving() as serving:
        world.telegram.token = "1:fresh"
        with pytest.raises(TelegramRefused, match="does not accept the bot token") as refused:
            await asyncio.wait_for(serving, 10)
        assert TOKEN not in str(refused.value)


async def test_the_id_of_an_error_finds_its_line_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    refused = HayrideError("The pool does not answer.")
    refused.__cause__ = OSError("no route")
    async with world.serving():
        world.head.files["~/away.csv"] = refused
        world.boss.says("/train ~/away.csv churned")
        shown = await world.boss.sees("The pool does not answer.")
    id = shown.text.rpartition("id ")[2].split()[0]
    line = next(record for record in caplog.records if f"id {id}:" in record.getMessage())
    assert line.exc_info is not None
    assert "no route" not in shown.text


async def test_a_file_that_telegram_does_not_hand_over_leaves_no_token_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with world.serving():
        world.telegram.fail("getFile", 401, "Unauthorized")
        world.boss.sends("churn.csv", b"age\n41\n")
        await world.boss.sees("Telegram did not hand over the file.")
    assert TOKEN not in caplog.text
