"""The way of updates from the fake Telegram to the bot: asked for, or brought to a webhook until it takes them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp

from tests.fakes.telegram_checks import Refused

#: Telegram tries again after a while; tests have none.
TRY_AGAIN = 0.05


class Updates:
    def __init__(self, announce: Callable[[], None]) -> None:
        self._announce = announce
        self._waiting: deque[dict[str, Any]] = deque()
        self._news = asyncio.Event()
        self._bringing: asyncio.Task[None] | None = None
        self._secret = ""
        self.url = ""  #: of the webhook
        self.polls = 0
        self.answers: list[int] = []  #: HTTP states that the webhook answered with

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def add(self, *updates: dict[str, Any]) -> None:
        """In this order, whatever their numbers; one that is given twice is brought twice."""
        self._waiting.extend(updates)
        self._tell()

    def again(self, count: int = 1) -> None:
        """The first that wait are brought twice, the later of them first."""
        first = [self._waiting[n] for n in range(count)]
        self._waiting.extendleft(first)
        self._tell()

    def bring_to(self, url: str, secret: str) -> None:
        """From now on updates are brought to that address; "" for none."""
        if self._bringing is not None:
            self._bringing.cancel()
        self.url, self._secret = url, secret
        self._bringing = asyncio.create_task(self._bring()) if url else None

    async def ask(self, offset: int, seconds: float) -> list[dict[str, Any]]:
        """What waits from `offset` on, which confirms all before; who asked before is sent away."""
        if self.url:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active")
        self.polls += 1
        mine = self.polls
        while self._waiting and self._waiting[0]["update_id"] < offset:
            self._waiting.popleft()
        self._tell()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._waiting and self.polls == mine:
                    self._news.clear()
                    await self._news.wait()
        if self.polls != mine:
            raise Refused(409, "Conflict: terminated by other getUpdates request")
        return list(self._waiting)

    async def close(self) -> None:
        if self._bringing is not None:
            self._bringing.cancel()
            await asyncio.gather(self._bringing, return_exceptions=True)

    def _tell(self) -> None:
        self._news.set()
        self._announce()

    async def _bring(self) -> None:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self._secret} if self._secret else {}
        async with aiohttp.ClientSession(headers=headers) as session:
            while True:
                if not self._waiting:
                    self._news.clear()
                    await self._news.wait()
                    continue
                status = await _post(session, self.url, self._waiting[0])
                self.answers.append(status)
                if status == 200:
                    self._waiting.popleft()
                    self._tell()
                else:
                    await asyncio.sleep(TRY_AGAIN)


async def _post(session: aiohttp.ClientSession, url: str, update: dict[str, Any]) -> int:
    """The answer's state; 0 where nobody answers."""
    try:
        async with session.post(url, json=update) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0
