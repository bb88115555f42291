"""How Telegram's updates come in: asked for (polling), or brought to the gateway (webhook).

Either way each update is taken in before Telegram hears that it has arrived, so none is lost where we are killed; one
that comes again is known by its number, which is noted last.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NoReturn, TypeVar

import telegram
from telegram import error as refusals

from head.api import Clock, HayrideError, HeadApi, Webhook

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

WANTED = ["message", "callback_query"]  #: the kinds of updates that we have an answer to
LONG_POLL = timedelta(seconds=10)
LONGEST_PAUSE = 30.0  #: seconds between tries while Telegram is away
#: Conflicts after which a program gives up that began within the last minute, and one that was here before. Each
#: request ends the other's, so both see them; who came last has to go first.
NEWCOMER, RESIDENT = 3, 10
SETTLED = 60.0  #: seconds
CHECK_WEBHOOK = 60.0  #: seconds


class TelegramRefused(HayrideError):
    """Telegram does not let this bot in, or not any more."""

    code = "telegram_refused"


class Intake:
    """Hands on each update once, in the order of the numbers."""

    def __init__(self, api: HeadApi, take: Callable[[telegram.Update], Awaitable[None]]) -> None:
        self._api = api
        self._take = take
        self._turn = asyncio.Lock()

    async def __call__(self, *updates: telegram.Update) -> None:
        """Returns when all of them are safe."""
        if not updates:
            return
        by_name = {f"telegram:{it.update_id}": it for it in sorted(updates, key=lambda it: it.update_id)}
        async with self._turn:
            known = await self._api.seen(by_name)
            for name, update in by_name.items():
                if name not in known:
                    await self._take(update)
            await self._api.note_seen(by_name)


async def poll(bot: telegram.Bot, take: Intake, clock: Clock) -> NoReturn:
    """Until cancelled. Raises TelegramRefused where the token is not known any more, or another program polls."""
    await patiently(bot.delete_webhook, clock)
    rivals = Rivals(clock.monotonic())
    offset: int | None = None
    pause = 0.0
    while True:
        try:
            updates = await bot.get_updates(offset=offset, timeout=LONG_POLL, allowed_updates=WANTED)
            await take(*updates)
        except refusals.InvalidToken:
            raise _unknown_token() from None
        except refusals.Conflict:
            if rivals.conflict(clock.monotonic()):
                raise _rival() from None
            pause = _longer(pause)
            logger.warning("Another program polls this bot.")
        except refusals.RetryAfter as busy:
            pause = seconds(busy.retry_after)
        except refusals.TelegramError as failure:
            pause = _longer(pause)
            logger.warning("Telegram cannot be reached, trying again in %.0f s: %s", pause, failure)
        except Exception:
            pause = _longer(pause)
            logger.exception("updates could not be taken in; they are asked for again in %.0f s", pause)
        else:
            # The next request confirms them. No number is kept: after a quiet week Telegram begins anew anywhere.
            offset = max(it.update_id for it in updates) + 1 if updates else None
            pause = 0.0
        if pause:
            await clock.sleep(pause)


async def listen(bot: telegram.Bot, webhook: Webhook, take: Intake, clock: Clock) -> NoReturn:
    """Until cancelled. Raises TelegramRefused where Telegram does not take the address, or another program took it."""

    async def receive(content: dict[str, object]) -> None:
        await take(telegram.Update.de_json(content, bot))

    async def register() -> bool:
        return await bot.set_webhook(webhook.url, secret_token=webhook.secret, allowed_updates=WANTED)

    webhook.take = receive
    try:
        await patiently(register, clock)
        while True:
            await clock.sleep(CHECK_WEBHOOK)
            if (await patiently(bot.get_webhook_info, clock)).url != webhook.url:
                raise _rival()
    finally:
        webhook.take = None


async def patiently(ask: Callable[[], Awaitable[Answer]], clock: Clock) -> Answer:
    """Telegram's answer; waits for it where it cannot be reached. Raises TelegramRefused for a no."""
    pause = 0.0
    while True:
        try:
            return await ask()
        except refusals.InvalidToken:
            # Not chained: the library's message repeats the token.
            raise _unknown_token() from None
        except refusals.BadRequest as no:  # a NetworkError to the library
            raise TelegramRefused(
                f"Telegram declined: {no.message}.",
                remedy="For a webhook, public_url has to be https, on port 443, 80, 88 or 8443, and open to Telegram.",
            ) from no
        except refusals.RetryAfter as busy:
            pause = seconds(busy.retry_after)
        except refusals.NetworkError as down:
            pause = _longer(pause)
            logger.warning("Telegram cannot be reached, trying again in %.0f s: %s", pause, down)
        await clock.sleep(pause)


class Rivals:
    """Counts the conflicts with another program that uses the same bot."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._seen: list[float] = []  #: monotonic seconds, of conflicts that are at most a minute apart

    def conflict(self, now: float) -> bool:
        """Notes one; whether it is us who should give up."""
        if self._seen and now - self._seen[-1] > SETTLED:
            self._seen.clear()
        self._seen.append(now)
        return len(self._seen) >= (RESIDENT if self._seen[0] - self._started > SETTLED else NEWCOMER)


def seconds(wait: float | timedelta) -> float:
    """The library says it in either way."""
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _longer(pause: float) -> float:
    return min(LONGEST_PAUSE, pause * 1.5) if pause else 1.0


def _unknown_token() -> TelegramRefused:
    return TelegramRefused(
        "Telegram does not accept the bot token.", remedy="Take a fresh one from @BotFather and set it."
    )


def _rival() -> TelegramRefused:
    return TelegramRefused(
        "Another program uses this bot.", remedy="Stop it, or give this server a bot token of its own."
    )
