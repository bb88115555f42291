"""A door for tests of what stands before it: remembers what it was given, and fails when told to."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import ClassVar

from bot.messages import Message
from bot.pace import Rate
from head.clock import Clock


class RecordingDoor:
    prefix: ClassVar[str] = "test"
    keeps_files: ClassVar[bool] = False

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seen: list[tuple[float, str, str, int, str]] = []  #: (when, what, chat, message id, text)
        self.failures: deque[Exception] = deque()
        self._count = 100
        self.rate: Rate | None = None
        self.chat_rates: dict[str, Rate] = {}

    def chat_rate(self, chat_id: str) -> Rate | None:
        return self.chat_rates.get(chat_id)

    async def send(self, chat_id: str, message: Message) -> int:
        self._fail()
        self._count += 1
        self.seen.append((self._clock.monotonic(), "send", chat_id, self._count, message.text))
        return self._count

    async def edit(self, chat_id: str, message_id: int, message: Message) -> None:
        self._fail()
        self.seen.append((self._clock.monotonic(), "edit", chat_id, message_id, message.text))

    async def working(self, chat_id: str) -> None:
        self.seen.append((self._clock.monotonic(), "working", chat_id, 0, ""))

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.popleft()

    def texts(self, what: str = "") -> list[str]:
        return [text for _, kind, _, _, text in self.seen if not what or kind == what]

    def times(self, what: str) -> list[float]:
        return [when for when, kind, *_ in self.seen if kind == what]


async def settled() -> None:
    """Lets everything that can go on without time passing go on."""
    for _ in range(50):
        await asyncio.sleep(0)
