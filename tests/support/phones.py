"""People with Telegram on their phones, before a real service on a site: what they see and press, step by step."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tests.fakes.telegram import TOKEN, FakeTelegram, Person, Shown
from tests.support.world import SOON, World, until

BOSS = 1
T = TypeVar("T")


class PhoneWorld(World):
    """A world whose service speaks Telegram, with the person `BOSS` as its admin."""

    def __init__(self, folder: Path, environments: Path) -> None:
        super().__init__(folder, environments)
        self._loop = asyncio.new_event_loop()
        self._serving = threading.Thread(target=self._loop.run_forever, daemon=True)

    def door(self) -> tuple[list[str], dict[str, str]]:
        if not self._serving.is_alive():
            self._serving.start()
            self.telegram = FakeTelegram(listener=self.site.server.listen())
            self.call(self.telegram.start())
        return [], {
            "HAYRIDE_TELEGRAM_TOKEN": TOKEN,
            "HAYRIDE_TELEGRAM_BASE_URL": self.telegram.url,
            "HAYRIDE_ADMINS": str(BOSS),
        }

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if self._serving.is_alive():
            self.call(self.telegram.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._serving.join()
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """On Telegram's side."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SOON)

    def phone(self, id: int, name: str) -> Phone:
        return Phone(self, self.telegram.person(id, name))

    def restart(self) -> None:
        """The service is killed, wherever it is, and started again."""
        os.kill(self.chat.process.host_pid, signal.SIGKILL)
        self.chat.process.wait()
        polls = self.telegram.polls
        self.start_service()
        until(lambda: self.telegram.polls > polls, "it asks Telegram for news")


class Phone:
    """One person's private chat. What was there before the last thing that they did is not seen again."""

    def __init__(self, world: PhoneWorld, person: Person) -> None:
        self._world, self._person = world, person
        self._before: dict[int, str] = {}

    def says(self, text: str) -> None:
        self._acts(lambda: self._person.says(text))

    def presses(self, label: str) -> None:
        """The newest button whose label begins so."""
        newest_first = ((shown, button) for shown in reversed(self.messages()) for button in shown.labels)
        pressed = next(((shown, button) for shown, button in newest_first if button.startswith(label)), None)
        assert pressed, f"no button {label!r} in\n{self}"
        self._acts(partial(self._person.presses, *pressed))

    def sees(self, pattern: str, *, within: float = SOON) -> re.Match[str]:
        """The newest message that matches, of those that came or changed since the last thing that the person did."""
        found: list[re.Match[str]] = []

        def look() -> bool:
            fresh = [it.text for it in self.messages() if self._before.get(it.id) != it.text]
            found[:] = [match for text in fresh if (match := re.search(pattern, text))]
            return bool(found)

        try:
            until(look, pattern, within=within)
        except AssertionError as error:
            raise AssertionError(f"{error}, but:\n{self}\n{self._world.chat.text[-3000:]}") from None
        return found[-1]

    def messages(self) -> list[Shown]:
        async def copied() -> list[Shown]:
            return list(self._person.messages.values())

        return self._world.call(copied())

    def __str__(self) -> str:
        return "\n\n".join(f"{it.text}\n{it.labels}" for it in self.messages()[-6:])

    def _acts(self, act: Callable[[], object]) -> None:
        self._before = {shown.id: shown.text for shown in self.messages()}

        async def acting() -> None:
            act()

        self._world.call(acting())
