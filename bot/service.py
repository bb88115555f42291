"""The chat as a whole: takes in what people do, and redraws what changes. Doors are attached to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from weakref import WeakValueDictionary

from bot import drafts, errors
from bot.cards import Cards
from bot.chat import Chat
from bot.door import Door, Undeliverable
from bot.joins import Joins
from bot.language import language_of, speaking
from bot.machine_news import MachineNews
from bot.messages import Incoming
from bot.outbox import Outbox
from bot.router import Router
from bot.screens.access import home
from head.api import Change, ChatSettings, Clock, HayrideError, HeadApi

logger = logging.getLogger(__name__)


class Bot:
    """One for each control plane."""

    def __init__(self, api: HeadApi, *, clock: Clock, settings: ChatSettings) -> None:
        self.api = api
        self.clock = clock
        self.router = Router(train_limit=settings.train_time_limit, predict_limit=settings.predict_time_limit)
        self.cards = Cards(api, clock, settings.files, self._door)
        self.joins = Joins(api, clock, self._outbox)
        self._news = MachineNews(api, clock, self._outbox)
        self._doors: dict[str, tuple[Door, Outbox]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: dict[Change, bool] = {}  #: what is looked at now; True: it changed again meanwhile
        self._follower: asyncio.Task[None] | None = None

    def attach(self, door: Door) -> None:
        """From now on the chats of this door are served."""
        self._doors[door.prefix] = (door, Outbox(door, self.clock))

    def start(self) -> None:
        """Begins to follow the control plane. Nothing that changes after this call is missed."""
        self._follower = asyncio.create_task(self._follow(self.api.changes()), name="chat follows")
        self._spawn(self._expire())

    async def close(self) -> None:
        """Stops; what was not sent yet is told after the next start."""
        tasks = [*self._tasks, *([self._follower] if self._follower else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.joins.close()
        await self._news.close()
        for _, outbox in self._doors.values():
            await outbox.close()

    def submit(self, incoming: Incoming) -> None:
        """Takes it in and returns; each chat is answered in order, chats do not wait for each other."""
        self._spawn(self._handled(incoming))

    async def handle(self, incoming: Incoming) -> list[str]:
        """Answers completely; the ids of the jobs that this started."""
        outbox = self._outbox(incoming.chat_id)
        if outbox is None:
            raise LookupError(f"no door is attached for {incoming.chat_id}")
        chat = Chat(
            api=self.api,
            cards=self.cards,
            joins=self.joins,
            clock=self.clock,
            outbox=outbox,
            incoming=incoming,
            reach=self._outbox,
        )
        turn = self._turns.setdefault(incoming.chat_id, asyncio.Lock())
        async with turn:
            with speaking(language_of(incoming.person)):
                await self._answer(chat)
        return chat.started

    async def _answer(self, chat: Chat) -> None:
        try:
            try:
                await self.router.route(chat)
            except HayrideError as error:
                await chat.show(errors.told(error))
            except (Undeliverable, asyncio.CancelledError):
                raise
            except Exception as error:
                await chat.show(errors.bug(error))
            await chat.acknowledge()
        except Undeliverable as error:
            logger.warning("%s cannot be answered: %s", chat.id, error)

    async def _handled(self, incoming: Incoming) -> None:
        await self.handle(incoming)

    async def _follow(self, changes: AsyncIterator[Change]) -> None:
        """First what a process before this one may not have told any more, then every change."""
        self._spawn(self._catch_up(await self.api.unsettled()))
        async for change in changes:
            self._notice(change)

    async def _catch_up(self, unsettled: list[Change]) -> None:
        await asyncio.gather(*(self._changed(change) for change in unsettled))
        for change in unsettled:
            try:
                if change.job_id:
                    await self._recover(change)
            except Exception:
                logger.exception("a job without a card could not be shown")

    async def _recover(self, change: Change) -> None:
        """That process may have been killed after it took in a job, and before it kept which message shows it."""
        person = await self.api.person(change.person_id)
        turn = self._turns.setdefault(home(person), asyncio.Lock())
        async with turn:  # who has just asked for a job is about to be shown it
            with speaking(language_of(person)):
                await self.cards.recover(person.id, home(person), change.job_id)

    async def _expire(self) -> None:
        """Lets go of forgotten forms, now and then."""
        while True:
            try:
                await drafts.expire(self.api, self._outbox)
            except Exception:
                logger.exception("forgotten forms could not be told of")
            await self.clock.sleep(drafts.EVERY)

    def _notice(self, change: Change) -> None:
        """Each subject in a task of its own, so a slow chat holds up nobody; changes meanwhile are one more look."""
        if change in self._looking:
            self._looking[change] = True
        else:
            self._looking[change] = False
            self._spawn(self._look(change))

    async def _look(self, change: Change) -> None:
        while True:
            await self._changed(change)
            if not self._looking[change]:
                del self._looking[change]
                return
            self._looking[change] = False

    async def _changed(self, change: Change) -> None:
        try:
            with speaking(language_of(await self.api.person(change.person_id))):
                if change.job_id:
                    await self.cards.follow(change.person_id, change.job_id)
                if change.offer_id:
                    await self.joins.offer_changed(change.person_id, change.offer_id)
                if change.machine_id:
                    await self.joins.machine_changed(change.person_id, change.machine_id)
                    self._news.changed(change.person_id, change.machine_id)
        except Exception:
            logger.exception("a change could not be shown")

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _outbox(self, chat_id: str) -> Outbox | None:
        found = self._doors.get(chat_id.partition(":")[0])
        return found[1] if found else None

    def _door(self, chat_id: str) -> tuple[Outbox, bool] | None:
        """The way out, and whether files have to stay where they are."""
        found = self._doors.get(chat_id.partition(":")[0])
        return (found[1], found[0].keeps_files) if found else None
