"""The real python-telegram-bot between the in-memory control plane and the fake Telegram."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.telegram_door import run
from head.api import ChatSettings, JobView, Webhook
from head.clock import SystemClock
from tests.fakes.telegram import TOKEN, FakeTelegram, Person, Shown
from tests.support.chats import until
from tests.support.in_memory_head import CHURN, InMemoryHead

BOSS = 1


@dataclass(kw_only=True)
class World:
    telegram: FakeTelegram
    head: InMemoryHead
    files: Path
    boss: Person

    @asynccontextmanager
    async def serving(self, webhook: Webhook | None = None) -> AsyncIterator[asyncio.Task[int]]:
        """The bot, from its start to its stop; what is raised there ends the task."""
        polls = self.telegram.polls
        serving = asyncio.create_task(run(self.head, self.settings(webhook), self.head.clock))
        try:
            await until(lambda: self.telegram.polls > polls or bool(self.telegram.updates.url) or serving.done())
            yield serving
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    def settings(self, webhook: Webhook | None = None) -> ChatSettings:
        return ChatSettings(
            files=self.files, telegram_token=TOKEN, telegram_base_url=self.telegram.url, webhook=webhook
        )

    async def boss_id(self) -> str:
        return (await self.head.person_for_telegram(BOSS, "Boss")).id

    def job(self) -> JobView:
        return list(self.head._jobs.values())[-1]

    async def trains(self) -> Shown:
        """The admin trains on the usual file; the job's card."""
        self.boss.says("/train ~/churn.csv churned")
        form = await self.boss.sees("7,043 rows")
        self.boss.presses(form, "Run")
        await until(lambda: bool(self.head._jobs) and "Train:" in form.text)
        return form


@asynccontextmanager
async def telegram_world(folder: Path) -> AsyncIterator[World]:
    """Boss is the admin; ~/churn.csv lies wherever it is looked for."""
    telegram = FakeTelegram()
    await telegram.start()
    head = InMemoryHead(
        clock=SystemClock(), admin_ids=frozenset({BOSS}), files={"~/churn.csv": CHURN, "churn.csv": CHURN}
    )
    try:
        yield World(telegram=telegram, head=head, files=folder / "files", boss=telegram.person(BOSS, "Boss"))
    finally:
        await telegram.stop()
