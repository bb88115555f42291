"""`hayride up`: the control plane and one door of the chat, in one asyncio process."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import entry_points

from head.api import ChatSettings, HeadApi, Webhook
from head.clock import Clock, SystemClock
from head.gateway.webhook import WEBHOOK_PATH
from head.identity import new_token
from head.sealed import sealed_or_refused
from head.service import ControlPlane
from head.settings import Settings

#: A door of the chat: runs until its input ends (console) or it is cancelled (Telegram); returns the exit code.
Door = Callable[[HeadApi, ChatSettings, Clock], Awaitable[int]]


async def up(settings: Settings, *, console: bool) -> int:
    """Serves until a signal, or until the console's input ends. Raises a HayrideError where it cannot start."""
    telegram = settings.telegram_token is not None and not console
    settings = sealed_or_refused(settings, telegram=telegram, say=_say)
    clock = SystemClock()
    plane = await ControlPlane.open(settings, clock, telegram=telegram)
    done = False
    webhook = Webhook(secret=new_token()) if telegram and settings.telegram_webhook else None
    try:
        await plane.serve(webhook)
        if webhook:
            webhook.url = f"{plane.url}{WEBHOOK_PATH}"
        _say(f"Gateway at {plane.url}. Stop with Ctrl-C.")
        token = settings.telegram_token
        chat = ChatSettings(
            files=settings.data_dir / "files",
            train_time_limit=settings.train_time_limit,
            predict_time_limit=settings.predict_time_limit,
            telegram_token=token.get_secret_value() if token else None,
            telegram_base_url=settings.telegram_base_url,
            webhook=webhook,
        )
        code = await _until_signal(_door("telegram" if telegram else "console")(plane, chat, clock))
        # A service that is restarted finds its boxes again; a console whose input has ended leaves nothing running.
        done = code is not None and not await plane.store.jobs.open()
        return code or 0
    finally:
        await plane.close(stop_pools=done)


def _door(name: str) -> Door:
    """The chat's doors are plugins: head knows none of them, as bot knows of head only its interface."""
    (entry,) = entry_points(group="hayride.doors", name=name)
    door: Door = entry.load()
    return door


async def _until_signal(work: Awaitable[int]) -> int | None:
    """The door's exit code; None where a signal ended it."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201
