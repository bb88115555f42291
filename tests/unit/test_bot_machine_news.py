"""Who hears that a machine went or came back, and when nobody does."""

from __future__ import annotations

from pathlib import Path

from bot.machine_news import SETTLED
from bot.service import Bot
from head.api import ChatSettings, MachineState, MachineView
from head.clock import ManualClock
from tests.support.doors import RecordingDoor, settled
from tests.support.in_memory_head import InMemoryHead


class _Laptop:
    """One person's machine, and what its person is sent at the console."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.head = InMemoryHead(clock=self.clock)
        self.bot = Bot(self.head, clock=self.clock, settings=ChatSettings(files=folder))
        self.door = RecordingDoor(self.clock)
        self.door.prefix = "console"  # type: ignore[misc]  # where the local person is at home

    async def restarts(self) -> None:
        """Another process with the same control plane."""
        await self.bot.close()
        self.bot = Bot(self.head, clock=self.clock, settings=ChatSettings(files=self.folder))
        self.bot.attach(self.door)
        self.bot.start()
        await settled()

    async def joins(self) -> MachineView:
        await self.restarts()
        self.person = await self.head.local_person()
        self.machine = self.head.add_machine(self.person.id, "laptop")
        await self.is_(MachineState.CONNECTED)
        return self.machine

    async def is_(self, *states: MachineState, for_: float = SETTLED + 1) -> None:
        for state in states:
            self.head.set_machine(self.machine.id, state=state)
            await settled()
        self.clock.advance(for_)
        await settled()


async def test_going_and_coming_back_are_told_once_each(tmp_path: Path) -> None:
    laptop = _Laptop(tmp_path)
    await laptop.joins()
    assert laptop.door.texts() == []  # the message of the join has told it
    await laptop.is_(MachineState.UNREACHABLE)
    (away,) = laptop.door.texts("send")
    assert "<b>laptop</b> is away" in away
    await laptop.is_(MachineState.UNREACHABLE)
    await laptop.is_(MachineState.CONNECTED)
    assert [said for said in laptop.door.texts("send") if "</b> is back" in said] == laptop.door.texts("send")[1:]
    await laptop.bot.close()


async def test_what_flickers_is_not_told(tmp_path: Path) -> None:
    laptop = _Laptop(tmp_path)
    await laptop.joins()
    for _ in range(5):
        await laptop.is_(MachineState.UNREACHABLE, MachineState.CONNECTED)
    assert laptop.door.texts() == []
    await laptop.bot.close()


async def test_who_does_not_want_it_hears_nothing_and_others_hear_it_in_their_language(tmp_path: Path) -> None:
    laptop = _Laptop(tmp_path)
    await laptop.joins()
    await laptop.head.prefer(laptop.person.id, machine_news=False)
    await laptop.is_(MachineState.UNREACHABLE)
    assert laptop.door.texts() == []
    await laptop.head.prefer(laptop.person.id, machine_news=True, language="pt")
    await laptop.is_(MachineState.CONNECTED)
    assert laptop.door.texts("send") == ["🟢 <b>laptop</b> voltou."]
    await laptop.bot.close()


async def test_one_that_does_not_come_back_after_a_restart_of_ours_is_told(tmp_path: Path) -> None:
    laptop = _Laptop(tmp_path)
    await laptop.joins()
    laptop.head.set_machine(laptop.machine.id, state=MachineState.UNREACHABLE)
    await laptop.restarts()
    assert laptop.door.texts() == []
    laptop.clock.advance(SETTLED + 1)
    await settled()
    (away,) = laptop.door.texts("send")
    assert "<b>laptop</b> is away" in away
    await laptop.restarts()
    laptop.clock.advance(SETTLED + 1)
    await settled()
    assert laptop.door.texts("send") == [away]
    await laptop.bot.close()
