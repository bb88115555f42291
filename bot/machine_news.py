"""A machine that goes or comes back is told once, without a sound; one that flickers is not told at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bot import amounts
from bot.door import Undeliverable
from bot.html import Html, clip, fill
from bot.language import language_of, speaking
from bot.messages import Message
from bot.outbox import Outbox
from bot.screens.access import home
from head.api import Clock, HeadApi, MachineState, MachineView

logger = logging.getLogger(__name__)

#: Seconds that a machine has to be away, or back, before anybody hears of it: a lid that is closed for a moment, a
#: change of networks and a restart of ours are no news.
SETTLED = 60.0
_NEWS = (MachineState.CONNECTED, MachineState.UNREACHABLE)


class MachineNews:
    """Keeps in the store what was told of each machine (`away:ID`: 1 for away, 0 for there), so that one that does not
    come back after a restart of ours is told too.
    """

    def __init__(self, api: HeadApi, clock: Clock, door: Callable[[str], Outbox | None]) -> None:
        self._api = api
        self._clock = clock
        self._door = door
        self._settling: dict[str, asyncio.Task[None]] = {}

    def changed(self, person_id: str, machine_id: str) -> None:
        """Something of the machine changed; what matters is how it stands a while later."""
        if machine_id not in self._settling:
            task = asyncio.create_task(self._settle(person_id, machine_id), name=f"news of {machine_id}")
            self._settling[machine_id] = task
            task.add_done_callback(lambda _: self._settling.pop(machine_id, None))

    async def close(self) -> None:
        tasks = list(self._settling.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _settle(self, person_id: str, machine_id: str) -> None:
        await self._clock.sleep(SETTLED)
        try:
            await self._tell(person_id, machine_id)
        except Exception:
            logger.exception("the news of machine %s could not be told", machine_id)

    async def _tell(self, person_id: str, machine_id: str) -> None:
        machine = next((it for it in await self._api.machines(person_id) if it.id == machine_id), None)
        if machine is None or machine.state not in _NEWS:
            return
        person = await self._api.person(person_id)
        chat_id, subject = home(person), f"away:{machine_id}"
        outbox = self._door(chat_id)
        if outbox is None:
            return
        away = int(machine.state is MachineState.UNREACHABLE)
        before = dict(await self._api.cards(subject)).get(chat_id)
        if before == away:
            return
        if before is not None and person.machine_news:
            with speaking(language_of(person)):
                said = self._said(machine)
            try:
                await outbox.send(chat_id, Message(text=said, silent=True, pushed=True))
            except Undeliverable as error:
                logger.info("the news of machine %s cannot be told: %s", machine_id, error)
        # Kept last: told twice is better than never told.
        await self._api.save_card(person_id, chat_id=chat_id, subject=subject, message_id=away)

    def _said(self, machine: MachineView) -> Html:
        name = clip(machine.name, 40)
        if machine.state is MachineState.CONNECTED:
            return fill("🟢 <b>{name}</b> is back.", name=name)
        ago = amounts.ago(machine.last_seen or machine.since, self._clock.now())
        return fill(
            "📡 <b>{name}</b> is away. Last contact {ago}. Its jobs go on; results come when it is back.",
            name=name,
            ago=ago,
        )
