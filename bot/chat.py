"""A screen's view of the conversation: who is there, what they did, and how to answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

from bot import results
from bot.cards import Cards
from bot.door import Gone
from bot.html import Html, fill, plain
from bot.joins import Joins
from bot.messages import Incoming, Message, Pressed
from bot.outbox import Outbox
from head.api import Clock, HeadApi, JobView, Person

#: Seconds of silence after which a person is told what takes so long.
PATIENCE = 1.0


@dataclass(kw_only=True)
class Chat:
    """Lives as long as the answer to one thing that a person did."""

    api: HeadApi
    cards: Cards
    clock: Clock
    outbox: Outbox
    incoming: Incoming
    joins: Joins
    reach: Callable[[str], Outbox | None]  #: the way to another chat
    started: list[str] = field(default_factory=list)  #: the jobs that this answer started
    _shown: int | None = None  #: the message that `show` redraws
    _answered: bool = False
    _kept: bool = False  #: the message that was pressed

    @property
    def person(self) -> Person:
        return self.incoming.person

    @property
    def id(self) -> str:
        return self.incoming.chat_id

    @property
    def private(self) -> bool:
        return self.incoming.private

    @property
    def press(self) -> Pressed | None:
        return self.incoming.what if isinstance(self.incoming.what, Pressed) else None

    async def say(self, message: Message | Html) -> int:
        """A new message; its id."""
        return await self.outbox.send(self.id, _message(message))

    async def show(self, message: Message | Html) -> int:
        """The screen, in place: on the message whose button was pressed, or on what was shown before; else new."""
        message = _message(message)
        if self._shown is None and not self._kept and self.press is not None and self.press.editable:
            self._shown = self.press.message_id
        if self._shown is not None:
            try:
                await self.outbox.edit(self.id, self._shown, message)
                return self._shown
            except Gone:
                pass  # too old to edit: a fresh one
        self._shown = await self.say(message)
        return self._shown

    def keep(self) -> None:
        """What is shown comes below the message whose button was pressed: that is a result, or goes on by itself."""
        self._kept = True

    async def show_job(self, job: JobView) -> None:
        """The job's card, followed from now on; of one that has ended, how it ended."""
        if job.status.ended:
            await self.show(results.ending(job))
            return
        # In full, also where a door prints a line only for what changes later.
        card = replace(results.card(job, self.clock.now()), brief=None, pushed=False)
        await self.cards.watch(self.person.id, self.id, job.id, await self.show(card), card)

    async def alert(self, template: str, **values: object) -> None:
        """One line for the presser: on the button where that is still possible, else as a message."""
        words = fill(template, **values)
        if self.press is not None and not self._answered:
            self._answered = True
            await self.press.answer(plain(words))
        else:
            await self.say(words)

    async def acknowledge(self) -> None:
        """Ends the button's waiting look."""
        if self.press is not None and not self._answered:
            self._answered = True
            await self.press.answer("")

    @contextlib.asynccontextmanager
    async def waiting(self, note: Html) -> AsyncIterator[None]:
        """Around something that may take long: a sign of life at once, and after a second the note in words."""
        await self.acknowledge()
        await self.outbox.working(self.id)
        speaking = asyncio.Event()
        task = asyncio.create_task(self._note(note, speaking))
        try:
            yield
        finally:
            if not speaking.is_set():
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)  # a note that could not be sent is no failure

    async def _note(self, note: Html, speaking: asyncio.Event) -> None:
        await self.clock.sleep(PATIENCE)
        speaking.set()  # from here on it must not be cancelled: a message may be on its way
        await self.show(Message(text=note, silent=True, brief=note))


def _message(message: Message | Html) -> Message:
    return message if isinstance(message, Message) else Message(text=message)
