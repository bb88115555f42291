"""Telegram brings its updates to the gateway's own port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.telegram_intake import TelegramRefused
from head.api import Webhook
from head.gateway.app import Server, create_gateway
from head.gateway.webhook import WEBHOOK_PATH, WebhookReceiver
from tests.support.chats import until
from tests.support.services import MemoryServices
from tests.support.telegram_world import World, telegram_world

SECRET = "s" * 43


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with telegram_world(tmp_path) as made:
        yield made


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    """What a gateway serves on a free port."""
    made = Webhook(secret=SECRET)
    gateway = create_gateway(MemoryServices(), webhook=WebhookReceiver(secret=SECRET, take=made.bring))
    server = await Server.start(gateway, host="127.0.0.1", port=0)
    made.url = f"http://127.0.0.1:{server.port}{WEBHOOK_PATH}"
    yield made
    await server.stop()


async def _post(webhook: Webhook, content: bytes = b"{}", secret: str | None = SECRET) -> httpx.Response:
    headers = {} if secret is None else {b"X-Telegram-Bot-Api-Secret-Token": secret.encode()}
    async with httpx.AsyncClient() as client:
        return await client.post(webhook.url, content=content, headers=headers)


async def test_a_person_is_answered_and_nothing_is_asked_for(world: World, webhook: Webhook) -> None:
    async with world.serving(webhook):
        world.boss.says("/start")
        await world.boss.sees("Train and use models")
        world.telegram.updates.again(0)
        await until(lambda: world.telegram.updates.waiting == 0)
    assert world.telegram.polls == 0
    assert set(world.telegram.updates.answers) == {200}
    (setting,) = [arguments for method, arguments in world.telegram.calls if method == "setWebhook"]
    assert setting["secret_token"] == SECRET
    assert "callback_query" in setting["allowed_updates"]


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], "ü"])
async def test_without_the_secret_there_is_a_403_and_nothing_else(
    world: World, webhook: Webhook, secret: str | None
) -> None:
    taken: list[dict[str, object]] = []

    async def take(update: dict[str, object]) -> None:
        taken.append(update)

    webhook.take = take
    answer = await _post(webhook, b'{"update_id": 1}', secret)
    assert (answer.status_code, answer.content) == (403, b"")
    assert taken == []
    assert (await _post(webhook, b'{"update_id": 1}')).status_code == 200
    assert taken == [{"update_id": 1}]


async def test_what_is_no_update_or_too_large_is_not_taken_in(world: World, webhook: Webhook) -> None:
    async with world.serving(webhook):
        assert (await _post(webhook, b"[]")).status_code == 400
        assert (await _post(webhook, b"\xff")).status_code == 400
        assert (await _post(webhook, b"{" + b" " * 70_000 + b"}")).status_code == 413


async def test_while_nobody_takes_updates_telegram_is_told_to_come_again(world: World, webhook: Webhook) -> None:
    async with world.serving(webhook):
        world.boss.says("/start")
        await world.boss.sees("Train and use models")
    world.boss.says("/help")
    await until(lambda: 503 in world.telegram.updates.answers)
    async with world.serving(webhook):
        await world.boss.sees("/dashboard look into your cluster")


async def test_polling_takes_the_webhook_away_and_who_relied_on_it_says_so(
    world: World, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.telegram_intake.CHECK_WEBHOOK", 0.05)
    async with world.serving(webhook) as brought, world.serving():
        world.boss.says("/start")
        await world.boss.sees("Train and use models")
        with pytest.raises(TelegramRefused, match="Another program uses this bot"):
            await asyncio.wait_for(brought, 10)


async def test_an_address_that_telegram_does_not_take_is_one_clear_error(world: World, webhook: Webhook) -> None:
    world.telegram.fail("setWebhook", 400, "Bad Request: bad webhook: Failed to resolve host")
    async with world.serving(webhook) as serving:
        with pytest.raises(TelegramRefused, match=r"failed to resolve host.*public_url has to be https"):
            await asyncio.wait_for(serving, 10)
