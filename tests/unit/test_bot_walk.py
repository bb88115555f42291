"""Every command, button and free text reaches a screen, in every state, and none of them ends in a bug."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.callbacks import Verb, pack, unpack
from bot.commands import ADMIN_COMMANDS, COMMANDS
from bot.messages import Incoming, Pressed, Typed
from bot.service import Bot
from head.api import ChatSettings, EndReason, JobStatus, MachineState, Progress
from head.clock import ManualClock
from tests.support.chats import Terminal, predicted, terminal, trained
from tests.support.doors import RecordingDoor
from tests.support.in_memory_head import InMemoryHead

BUG = "went wrong on our side"


def _bot(head: InMemoryHead, tmp_path: Path) -> Bot:
    return Bot(head, clock=head.clock, settings=ChatSettings(files=tmp_path))


def test_every_command_and_every_verb_has_a_screen(tmp_path: Path) -> None:
    router = _bot(InMemoryHead(clock=ManualClock()), tmp_path).router
    assert set(router.commands) == {command.name for command in COMMANDS}
    assert set(router.admin_commands) == {command.name for command in ADMIN_COMMANDS}
    assert set(router.presses) == set(Verb)


async def _state(chat: Terminal, state: str) -> None:
    """Brings a fresh chat into a state."""
    if state == "empty":
        return
    machine = chat.head.add_machine(chat.person_id, "laptop")
    await chat.types(f"/train ~/churn.csv churned{' model=mlp' if state == 'network' else ''}")
    await chat.types("#1")
    if state in {"running", "network"}:
        chat.run_job()
    if state == "network":
        chat.head.tell(chat.job().id, *(_epoch(n) for n in range(1, 4)))
    if state == "failed":
        now = chat.head.clock.now()
        chat.head.set_job(chat.job().id, status=JobStatus.FAILED, end_reason=EndReason.INTERRUPTED, ended=now)
        await chat.types("!")
    if state in {"done", "away", "predicted"}:
        chat.run_job()
        chat.head.finish(chat.job().id, trained())
        await chat.types("!")
    if state == "predicted":
        await chat.types("/predict ~/new.csv")
        await chat.types("#1")
        chat.run_job()
        chat.head.finish(chat.job().id, predicted())
        await chat.types("!")
    if state == "away":
        chat.head.set_machine(machine.id, state=MachineState.UNREACHABLE)
    if state == "asking":
        await chat.types("/train ~/churn.csv")


def _epoch(number: int) -> Progress:
    return Progress(n=number, at=0.0, step=f"epoch {number} of at most 9", metrics={"loss": 1 / number})


STATES = ["empty", "queued", "running", "done", "predicted", "away", "asking"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("command", [command.name for command in COMMANDS + ADMIN_COMMANDS])
async def test_every_button_behind_every_command_leads_somewhere(tmp_path: Path, state: str, command: str) -> None:
    """Opens the screen and presses each of its buttons, each time in a fresh chat; then types into what asks."""
    number, buttons = 0, 1
    while number <= buttons:
        async with terminal(tmp_path) as chat:
            await _state(chat, state)
            printed = await chat.types(f"/{command}")
            buttons = len(re.findall(r"\[\d+\] ", printed.strip().splitlines()[-1]))
            if number:
                printed += await chat.types(f"#{number}")
            for line in ("churned", "~/churn.csv", "max_depth=3", "laptop", "random_forest", "\u202e<b>&", "#1"):
                printed += await chat.types(line)
            assert printed.strip()
            assert BUG not in printed
        number += 1


@pytest.mark.parametrize(
    ("state", "below"),
    [
        ("queued", {Verb.STOP, Verb.DETAILS}),
        ("running", {Verb.STOP, Verb.DETAILS, Verb.DASHBOARD}),
        ("network", {Verb.STOP, Verb.DETAILS, Verb.LOSSES, Verb.DASHBOARD}),
        ("done", {Verb.MODEL, Verb.COMPARE, Verb.CARD, Verb.AGAIN, Verb.DASHBOARD}),
        ("predicted", {Verb.AGAIN, Verb.DASHBOARD}),
        ("failed", {Verb.RETRY, Verb.AGAIN}),
    ],
)
async def test_every_button_below_a_job_leads_somewhere(tmp_path: Path, state: str, below: set[Verb]) -> None:
    for number in range(1, len(below) + 1):
        async with terminal(tmp_path) as chat:
            await _state(chat, state)
            await chat.types(f"job_{chat.job().id}")
            assert {unpack(button.callback).verb for button, _ in chat.door._buttons} == below
            printed = await chat.types(f"#{number}")
            for line in ("#1", "churned", "#2"):
                printed += await chat.types(line)
            assert printed.strip()
            assert BUG not in printed


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("id", ["", "doesnotexist"])
async def test_a_button_of_something_that_is_gone_says_so(tmp_path: Path, verb: Verb, id: str) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types("/start")
        answers: list[str] = []

        async def answer(words: str) -> None:
            answers.append(words)

        press = Pressed(callback=pack(verb, id, 1), message_id=1, editable=True, answer=answer)
        person = chat.head.people[chat.person_id]
        await chat.bot.handle(Incoming(person=person, chat_id="console", private=True, what=press))
        assert len(answers) == 1
        assert BUG not in chat.prints()


async def test_no_button_does_anything_for_a_stranger(tmp_path: Path) -> None:
    head = InMemoryHead(clock=ManualClock())
    bot, door = _bot(head, tmp_path), RecordingDoor(head.clock)
    bot.attach(door)
    stranger = await head.person_for_telegram(7, "Eve")
    victim = await head.local_person()
    machine = head.add_machine(victim.id, "laptop")
    for verb in set(Verb) - {Verb.ASK}:
        answers: list[str] = []

        async def answer(words: str, answers: list[str] = answers) -> None:
            answers.append(words)

        press = Pressed(callback=pack(verb, machine.id, 1), message_id=1, editable=True, answer=answer)
        await bot.handle(Incoming(person=stranger, chat_id="test:7", private=True, what=press))
        assert answers == ["An admin has to let you in first."]
    for line in [*(f"/{command.name}" for command in COMMANDS), "hello", "job_abcd1234"]:
        await bot.handle(Incoming(person=stranger, chat_id="test:7", private=True, what=Typed(text=line)))
    assert set(door.texts()) == {"This is a private Hayride server. An admin can let you in."}
    await bot.close()


async def test_nothing_of_another_person_can_be_pressed(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _state(chat, "running")
        eve = replace(await chat.head.person_for_telegram(7, "Eve"), admitted=True)
        machine = (await chat.head.machines(chat.person_id))[0]
        ids = [chat.job().id, machine.id, *chat.head._drafts]
        for verb in Verb:
            for id in ids:
                press = Pressed(callback=pack(verb, id, 1), message_id=1, editable=False, answer=_unheard)
                await chat.bot.handle(Incoming(person=eve, chat_id="console", private=True, what=press))
        assert chat.job().status is JobStatus.RUNNING
        assert not chat.job().cancelling
        assert await chat.head.jobs(eve.id) == []
        assert (await chat.head.machines(chat.person_id))[0].state is MachineState.CONNECTED


async def _unheard(words: str) -> None:
    """Nobody looks."""


async def test_a_group_hears_no_secrets(tmp_path: Path) -> None:
    head = InMemoryHead(clock=ManualClock())
    bot, door = _bot(head, tmp_path), RecordingDoor(head.clock)
    bot.attach(door)
    ann = replace(await head.person_for_telegram(7, "Ann"), admitted=True)
    await head.allow_group((await head.local_person()).id, "test:-100", True)
    for line in ("/connect", "/dashboard", "small talk"):
        await bot.handle(Incoming(person=ann, chat_id="test:-100", private=False, what=Typed(text=line)))
    assert len(door.texts()) == 2
    assert not any("token" in said or "http" in said for said in door.texts())
    await bot.close()
