"""The fake Telegram is strict: a chat that passes with it passes with Telegram's own limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from head.clock import ManualClock
from tests.fakes.telegram import GET_FILE_LIMIT, TOKEN, UPLOAD_LIMIT, FakeTelegram
from tests.fakes.telegram_checks import Refused
from tests.fakes.telegram_rates import Rates


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    fake = FakeTelegram()
    await fake.start()
    fake.person(7, "Ann")
    yield fake
    await fake.stop()


async def _call(telegram: FakeTelegram, method: str, files: Any = None, **arguments: Any) -> dict[str, Any]:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{telegram.url}/bot{TOKEN}/{method}", data=arguments, files=files)
    parsed: dict[str, Any] = answer.json()
    return parsed


def _keyboard(**button: Any) -> str:
    return json.dumps({"inline_keyboard": [[{"text": "Press", **button}]]})


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        ({"text": "a" * 4097}, "message is too long"),
        ({"text": "🧪" * 2049}, "message is too long"),
        ({"text": "  "}, "message text is empty"),
        ({"text": "a <b>", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "a < b", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "<blink>a</blink>", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "<b><i>a</b></i>", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "&nbsp;", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "a", "reply_markup": _keyboard(callback_data="ä" * 33)}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "reply_markup": _keyboard(copy_text={"text": "a" * 257})}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "a", "reply_markup": _keyboard(url="http://localhost:8100/")}, "Wrong HTTP URL"),
        ({"text": "a", "reply_markup": _keyboard()}, "BUTTON_TYPE_INVALID"),
        ({"text": "a", "chat_id": 8}, "chat not found"),
    ],
)
async def test_a_message_that_telegram_would_not_take(
    telegram: FakeTelegram, arguments: dict[str, Any], refusal: str
) -> None:
    answer = await _call(telegram, "sendMessage", **{"chat_id": 7, **arguments})
    assert not answer["ok"]
    assert refusal in answer["description"]
    assert telegram.person(7, "Ann").messages == {}


async def test_edits_need_a_change_and_a_message(telegram: FakeTelegram) -> None:
    sent = await _call(telegram, "sendMessage", chat_id=7, text="a")
    id = sent["result"]["message_id"]
    same = await _call(telegram, "editMessageText", chat_id=7, message_id=id, text="a")
    assert "message is not modified" in same["description"]
    gone = await _call(telegram, "editMessageText", chat_id=7, message_id=id + 99, text="b")
    assert "message to edit not found" in gone["description"]
    assert (await _call(telegram, "editMessageText", chat_id=7, message_id=id, text="b"))["ok"]


async def test_a_press_is_answered_once(telegram: FakeTelegram) -> None:
    query = telegram.new_query(telegram.person(7, "Ann"))
    assert (await _call(telegram, "answerCallbackQuery", callback_query_id=query))["ok"]
    again = await _call(telegram, "answerCallbackQuery", callback_query_id=query)
    assert "query is too old" in again["description"]


async def test_files_have_their_limits(telegram: FakeTelegram) -> None:
    large = telegram.keep_file(b"a", GET_FILE_LIMIT + 1)
    assert "file is too big" in (await _call(telegram, "getFile", file_id=large))["description"]
    body = {"document": ("a.csv", bytes(UPLOAD_LIMIT + 1))}
    assert (await _call(telegram, "sendDocument", files=body, chat_id=7))["error_code"] == 413
    picture = {"photo": ("a.png", b"no picture")}
    assert not (await _call(telegram, "sendPhoto", files=picture, chat_id=7))["ok"]
    long = {"document": ("a.csv", b"a")}
    said = await _call(telegram, "sendDocument", files=long, chat_id=7, caption="a" * 1025)
    assert "caption is too long" in said["description"]


async def test_faults_and_blocks_look_like_telegrams(telegram: FakeTelegram) -> None:
    telegram.fail("sendMessage", 429, retry_after=3)
    busy = await _call(telegram, "sendMessage", chat_id=7, text="a")
    assert (busy["error_code"], busy["parameters"]) == (429, {"retry_after": 3})
    telegram.person(7, "Ann").blocked = True
    assert (await _call(telegram, "sendMessage", chat_id=7, text="a"))["error_code"] == 403


@pytest.mark.parametrize(("chat", "count", "seconds"), [(7, 5, 5), (-7, 20, 60)])
def test_one_message_too_many_is_refused_until_the_span_is_over(chat: int, count: int, seconds: int) -> None:
    clock = ManualClock()
    rates = Rates(clock.monotonic)
    for _ in range(count):
        rates.take(chat)
        clock.advance(0.05)
    with pytest.raises(Refused) as refused:
        rates.take(chat)
    assert refused.value.code == 429
    assert refused.value.retry_after == pytest.approx(seconds, abs=1)
    rates.take(chat + 1)  # another chat may still
    clock.advance(seconds)
    rates.take(chat)


def test_all_chats_together_have_thirty_a_second() -> None:
    clock = ManualClock()
    rates = Rates(clock.monotonic)
    for chat in range(30):
        rates.take(chat)
    with pytest.raises(Refused):
        rates.take(31)
    clock.advance(1)
    rates.take(31)


async def test_only_one_program_gets_the_updates(telegram: FakeTelegram) -> None:
    first = asyncio.create_task(_call(telegram, "getUpdates", timeout=5))
    async with asyncio.timeout(5):
        while telegram.polls == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await _call(telegram, "getUpdates", timeout=0)
    assert (await first)["description"] == "Conflict: terminated by other getUpdates request"
    await _call(telegram, "setWebhook", url="https://h.example/telegram")
    assert "while webhook is active" in (await _call(telegram, "getUpdates"))["description"]
    await _call(telegram, "deleteWebhook")
    assert (await _call(telegram, "getUpdates"))["ok"]


async def test_a_webhooks_secret_has_few_characters(telegram: FakeTelegram) -> None:
    said = await _call(telegram, "setWebhook", url="https://h.example/telegram", secret_token="a b")
    assert "unallowed characters" in said["description"]


async def test_an_answer_can_be_late_and_the_work_done(telegram: FakeTelegram) -> None:
    telegram.fail("sendMessage", seconds=1, done=True)
    with pytest.raises(httpx.ReadTimeout):
        async with httpx.AsyncClient(timeout=0.3) as client:
            await client.post(f"{telegram.url}/bot{TOKEN}/sendMessage", data={"chat_id": 7, "text": "a"})
    assert telegram.person(7, "Ann").last.text == "a"
