"""The way out: one lane for each chat.

In a lane, replies and results go first and in order. Progress goes last, and of each message only the newest: a card is
redrawn only where it changed, at least 5 s after its last time, stretching to 30 s for a job that takes long. A chat
that Telegram asks to slow down is paused alone.

Each chat keeps to its door's rate for it, and all together to the door's; replies and results may use all of both,
progress two thirds. What was sent but not confirmed, since the connection broke, is sent again: a result that is seen
twice is better than one that is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bot.door import Busy, Door, Gone, Undeliverable
from bot.messages import Message
from bot.pace import Pace
from head.api import Clock

logger = logging.getLogger(__name__)

FIRST_EDIT = 1.0  #: seconds from a card's appearance to its first redraw
SHORTEST, LONGEST, STRETCH = 5.0, 30.0, 1.3  #: seconds between redraws: the first gap, the last, and the growth
ATTEMPTS = 120  #: tries of one message while the far side is down; with the pauses, about an hour


@dataclass(kw_only=True)
class _Errand:
    """A reply or result that somebody waits for."""

    do: Callable[[], Awaitable[int]]
    done: asyncio.Future[int]


@dataclass(kw_only=True)
class _Card:
    """A message that shows progress."""

    due: float  #: monotonic seconds before which it is left alone
    gap: float = SHORTEST
    wanted: Message | None = None
    shown: Message | None = None


class Outbox:
    """Sends through one door. Every public method may be called from any task of the loop."""

    def __init__(self, door: Door, clock: Clock) -> None:
        self._door = door
        self._clock = clock
        self._pace = Pace(door.rate, clock) if door.rate else None
        self._lanes: dict[str, _Lane] = {}

    async def send(self, chat_id: str, message: Message) -> int:
        """Sends in turn and waits until it is there; the message's id. Raises Undeliverable."""
        message_id = await self._lane(chat_id).run(lambda: self._door.send(chat_id, message))
        return message_id

    async def edit(self, chat_id: str, message_id: int, message: Message) -> None:
        """Redraws in turn, now, and forgets older progress for the same message. Raises Gone or Undeliverable."""

        async def redraw() -> int:
            await self._door.edit(chat_id, message_id, message)
            return message_id

        lane = self._lane(chat_id)
        lane.cards.pop(message_id, None)
        await lane.run(redraw)

    def progress(self, chat_id: str, message_id: int, message: Message) -> None:
        """Redraws when its time has come, unless something newer is wanted by then. Never fails."""
        self._lane(chat_id).want(message_id, message)

    def stands(self, chat_id: str, message_id: int, message: Message) -> None:
        """That this is what a message shows, so that it is not redrawn for nothing."""
        self._lane(chat_id).stands(message_id, message)

    async def working(self, chat_id: str) -> None:
        """A sign of life; not in turn, not retried."""
        await self._door.working(chat_id)

    async def close(self) -> None:
        """Stops all lanes; what was not sent yet is dropped."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for lane in self._lanes.values():
            lane.give_up()

    def _lane(self, chat_id: str) -> _Lane:
        lane = self._lanes.get(chat_id)
        if lane is None:
            rate = self._door.chat_rate(chat_id)
            own = Pace(rate, self._clock) if rate else None
            paces = [pace for pace in (own, self._pace) if pace is not None]
            lane = self._lanes[chat_id] = _Lane(chat_id, self._door, self._clock, paces)
        return lane


class _Lane:
    """One chat's queue; its task lives while there is something to do."""

    def __init__(self, chat_id: str, door: Door, clock: Clock, paces: Sequence[Pace]) -> None:
        self._chat_id = chat_id
        self._door = door
        self._clock = clock
        self._paces = paces
        self._errands: deque[_Errand] = deque()
        self._news = asyncio.Event()
        self.cards: dict[int, _Card] = {}
        self.task: asyncio.Task[None] | None = None

    async def run(self, do: Callable[[], Awaitable[int]]) -> int:
        errand = _Errand(do=do, done=asyncio.get_running_loop().create_future())
        self._errands.append(errand)
        self._wake()
        return await errand.done

    def want(self, message_id: int, message: Message) -> None:
        card = self.cards.get(message_id)
        if card is None:
            card = self.cards[message_id] = _Card(due=self._clock.monotonic() + FIRST_EDIT)
        card.wanted = None if card.shown is not None and _alike(message, card.shown) else message
        self._wake()

    def stands(self, message_id: int, message: Message) -> None:
        self.cards[message_id] = _Card(due=self._clock.monotonic() + FIRST_EDIT, shown=message)

    def give_up(self) -> None:
        """Lets go of everybody who waits."""
        for errand in self._errands:
            errand.done.cancel()
        self._errands.clear()

    def _wake(self) -> None:
        self._news.set()
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._work(), name=f"outbox {self._chat_id}")

    async def _work(self) -> None:
        while True:
            self._news.clear()
            if self._errands:
                await self._run_errand(self._errands.popleft())
                continue
            waiting = [(card.due, message_id) for message_id, card in self.cards.items() if card.wanted is not None]
            if not waiting:
                return
            due, message_id = min(waiting)
            pause = max(due - self._clock.monotonic(), self._wait(urgent=False))
            if pause > 0:
                await self._sleep_or_news(pause)
            else:
                await self._redraw(message_id, self.cards[message_id])

    def _wait(self, *, urgent: bool) -> float:
        return max((pace.wait(urgent=urgent) for pace in self._paces), default=0.0)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with ExitStack() as turns:
            for pace in self._paces:
                turns.enter_context(pace.turn())
            yield

    async def _sleep_or_news(self, seconds: float) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({sleeping, news}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            news.cancel()

    async def _run_errand(self, errand: _Errand) -> None:
        """Until it worked or cannot work. Only the pause is ours: a cancelled waiter does not unsend a message."""
        try:
            for attempt in range(ATTEMPTS):
                while (pause := self._wait(urgent=True)) > 0:
                    await self._clock.sleep(pause)
                try:
                    with self._turn():
                        sent = await errand.do()
                    _settle(errand.done, sent)
                    return
                except Busy as busy:
                    await self._pause(busy, attempt)
            raise Undeliverable("the chat's server stays busy")
        except asyncio.CancelledError:
            errand.done.cancel()
            raise
        except Exception as error:
            _settle(errand.done, error)

    async def _redraw(self, message_id: int, card: _Card) -> None:
        wanted, card.wanted = card.wanted, None
        if wanted is None:
            return
        try:
            with self._turn():
                await self._door.edit(self._chat_id, message_id, wanted)
        except Busy as busy:
            card.wanted = card.wanted or wanted
            card.due = self._clock.monotonic() + SHORTEST
            await self._pause(busy, 0)
            return
        except (Gone, Undeliverable):
            self.cards.pop(message_id, None)  # the end of the job will be a new message
            return
        except Exception:
            logger.exception("a card could not be redrawn")
            self.cards.pop(message_id, None)
            return
        card.shown = wanted
        if card.wanted == wanted:
            card.wanted = None
        card.due = self._clock.monotonic() + card.gap
        card.gap = min(LONGEST, card.gap * STRETCH)

    async def _pause(self, busy: Busy, attempt: int) -> None:
        guess = min(LONGEST, 2.0**attempt)
        await self._clock.sleep(guess if busy.retry_after is None else busy.retry_after)


def _alike(one: Message, other: Message) -> bool:
    """Whether both look the same where they stand."""
    return (one.text, one.rows) == (other.text, other.rows)


def _settle(done: asyncio.Future[int], outcome: int | Exception) -> None:
    """The waiter may be gone; then nobody asks."""
    if done.cancelled():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
