"""The message with a join command, followed until the machine has joined or the command has died.

In the store: `offer:ID` is the message of a command, with 0 while it is on its way: should the process end meanwhile, a
new message tells what becomes of the command. `expired:ID` is that message once it has told that nobody used it.
`joining:ID` is the same message once a machine has used it, with 0 when there is nothing more to tell.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot import amounts, words
from bot.callbacks import Verb, pack
from bot.door import Gone, Undeliverable
from bot.html import clip, fill, lines, text
from bot.language import tr
from bot.messages import Button, Message
from bot.outbox import Outbox
from bot.trial import test_button
from head.api import Clock, HeadApi, JoinOffer, JoinState, MachineState, MachineView, NotFoundError

logger = logging.getLogger(__name__)

#: Seconds between looks whether a command has expired: nothing but time tells.
_LOOK = 10.0


class Joins:
    """Follows the commands that were given out."""

    def __init__(self, api: HeadApi, clock: Clock, door: Callable[[str], Outbox | None]) -> None:
        self._api = api
        self._clock = clock
        self._door = door
        self._told: dict[str, Message] = {}
        self._on_their_way: set[str] = set()  #: commands of this process whose message has no id yet
        self._waiting: dict[str, asyncio.Task[None]] = {}  #: by command

    async def show(self, person_id: str, chat_id: str, offer: JoinOffer, shown: Callable[[], Awaitable[int]]) -> None:
        """`shown` sends the command and gives its message's id. From now on that message tells how the offer goes."""
        subject = f"offer:{offer.offer_id}"
        self._on_their_way.add(offer.offer_id)
        try:
            await self._api.save_card(person_id, chat_id=chat_id, subject=subject, message_id=0)
            message_id = await shown()
            await self._api.save_card(person_id, chat_id=chat_id, subject=subject, message_id=message_id)
        finally:
            self._on_their_way.discard(offer.offer_id)
        await self.offer_changed(person_id, offer.offer_id)  # it may have been used meanwhile

    async def offer_changed(self, person_id: str, offer_id: str) -> None:
        """The command was used, or has died, or a process before this one may have followed it."""
        shown = await self._api.cards(f"offer:{offer_id}")
        if not shown:
            return
        try:
            state, machine = await self._api.join_state(person_id, offer_id)
        except NotFoundError:
            return
        if state is JoinState.WAITING and offer_id not in self._waiting:
            self._waiting[offer_id] = asyncio.create_task(self._wait(person_id, offer_id), name=f"offer {offer_id}")
        told = {chat_id for chat_id, _ in await self._api.cards(f"expired:{offer_id}")}
        for chat_id, message_id in shown:
            if chat_id in told:
                continue
            message = progress(state, machine)
            if not message_id and message is not None:
                if offer_id in self._on_their_way or not (message_id := await self._send(chat_id, message)):
                    continue
                await self._api.save_card(
                    person_id, chat_id=chat_id, subject=f"offer:{offer_id}", message_id=message_id
                )
            if machine is not None and state is not JoinState.JOINED:
                await self._follow(person_id, chat_id, machine.id, message_id)
            await self._redraw(chat_id, message_id, message)
            if state is JoinState.EXPIRED:
                subject = f"expired:{offer_id}"
                await self._api.save_card(person_id, chat_id=chat_id, subject=subject, message_id=message_id)

    async def machine_changed(self, person_id: str, machine_id: str) -> None:
        """A machine that is joining came one step further."""
        shown = [(chat_id, id) for chat_id, id in await self._api.cards(f"joining:{machine_id}") if id]
        if not shown:
            return
        machine = next((it for it in await self._api.machines(person_id) if it.id == machine_id), None)
        if machine is None:
            return
        joined = machine.state is MachineState.CONNECTED
        for chat_id, message_id in shown:
            if joined:
                await self._follow(person_id, chat_id, machine_id, 0)
            await self._redraw(
                chat_id, message_id, progress(JoinState.JOINED if joined else JoinState.CONNECTING, machine)
            )

    async def close(self) -> None:
        for task in self._waiting.values():
            task.cancel()
        await asyncio.gather(*self._waiting.values(), return_exceptions=True)

    async def _follow(self, person_id: str, chat_id: str, machine_id: str, message_id: int) -> None:
        subject = f"joining:{machine_id}"
        await self._api.save_card(person_id, chat_id=chat_id, subject=subject, message_id=message_id)

    async def _wait(self, person_id: str, offer_id: str) -> None:
        """Until somebody has used it, or it has expired."""
        try:
            while (await self._api.join_state(person_id, offer_id))[0] is JoinState.WAITING:
                await self._clock.sleep(_LOOK)
            await self.offer_changed(person_id, offer_id)
        except NotFoundError:
            logger.info("the command %s is gone, with its person", offer_id)
        except Exception:
            logger.exception("what becomes of the command %s could not be told", offer_id)
        finally:
            del self._waiting[offer_id]

    async def _send(self, chat_id: str, message: Message) -> int:
        """The new message's id; 0 where it cannot be sent."""
        outbox = self._door(chat_id)
        if outbox is None:
            return 0
        try:
            message_id = await outbox.send(chat_id, message)
        except Undeliverable as error:
            logger.info("the end of a join command cannot be told: %s", error)
            return 0
        self._told[f"{chat_id} {message_id}"] = message
        return message_id

    async def _redraw(self, chat_id: str, message_id: int, message: Message | None) -> None:
        outbox = self._door(chat_id)
        key = f"{chat_id} {message_id}"
        if outbox is None or message is None or self._told.get(key) == message:
            return
        self._told[key] = message
        try:
            await outbox.edit(chat_id, message_id, message)
        except (Gone, Undeliverable) as error:
            logger.info("a join command's message cannot be redrawn: %s", error)


def progress(state: JoinState, machine: MachineView | None) -> Message | None:
    """What takes the command's place once it was used or has died; None while it still waits."""
    if state is JoinState.WAITING:
        return None
    if machine is None:
        fresh = Button(label=tr("Fresh command"), callback=pack(Verb.OPEN, "connect"))
        return Message(text=text(tr(words.JOINS[state])), rows=((fresh,),), silent=True, pushed=True)
    name = clip(machine.name, 40)
    if state is not JoinState.JOINED:
        said = fill("<b>{name}</b> used the command. {state}", name=name, state=tr(words.JOINS[state]))
        if machine.code:
            said = lines(said, words.admission(machine.code))
        return Message(text=said, silent=True, pushed=True)
    cores = amounts.plural(machine.cores, "{n} core", "{n} cores") if machine.cores else ""
    memory = amounts.memory(machine.memory) if machine.memory else ""
    known = ", ".join(fact for fact in (cores, memory) if fact)
    test = test_button(machine.id, machine.since)
    train = Button(label=tr("Train a model"), callback=pack(Verb.OPEN, "train"))
    mine = Button(label=tr("My machines"), callback=pack(Verb.OPEN, "worker"))
    said = fill("🟢 <b>{name}</b> joined{known}.", name=name, known=f": {known}" if known else "")
    unsealed = None
    if machine.sealed is False:
        unsealed = lines(
            fill("⚠️ It is not sealed: jobs there can read and change the owner's files."),
            fill("Ray listens on its network there, guarded by your pool's Ray token; its prompt names the ports."),
        )
    return Message(text=lines(said, unsealed), rows=((test,), (train, mine)), silent=True, pushed=True)
