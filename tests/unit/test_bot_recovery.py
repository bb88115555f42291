"""A process that was killed after it took in a job, or made a join command, before it kept which message shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from head.api import HEAD, MachineState, PathData, TrainSpec
from head.clock import ManualClock
from tests.support.chats import terminal, trained, until
from tests.support.doors import settled
from tests.support.in_memory_head import InMemoryHead

SPEC = TrainSpec(data=PathData(path="~/churn.csv"), target="churned")


async def _taken_in(folder: Path) -> tuple[InMemoryHead, str]:
    """A control plane with a job that no message shows."""
    async with terminal(folder) as chat:
        job = await chat.head.submit(chat.person_id, SPEC, HEAD, request="1")
        return chat.head, job.id


@pytest.mark.parametrize("ended", [False, True])
async def test_it_is_shown_by_the_next_one_once(tmp_path: Path, ended: bool) -> None:
    head, job = await _taken_in(tmp_path)
    if ended:
        head.finish(job, trained())
    async with terminal(tmp_path, head=head) as chat:
        if not ended:
            await until(lambda: f"job_{job}" in chat.out.getvalue())
            head.finish(job, trained())
        await until(lambda: "Accuracy 0.861" in chat.out.getvalue())
    async with terminal(tmp_path, head=head) as chat:
        await chat.types("/start")
        assert "churn.csv" not in chat.prints()


async def test_who_asks_just_then_is_shown_one_card(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        head = chat.head
    async with terminal(tmp_path, head=head) as chat:  # the first thing that is typed comes before the look at old jobs
        await chat.types("/train ~/churn.csv churned")
        await chat.types("#1")
        head.finish(chat.job().id, trained())
        await chat.types("!")
        assert len(await head.cards(f"job:{chat.job().id}")) == 1
        assert chat.out.getvalue().count(f"job_{chat.job().id}") == 1


async def test_a_join_command_that_nobody_used_expires_aloud_once(tmp_path: Path) -> None:
    clock = ManualClock()
    async with terminal(tmp_path, clock) as chat:
        head = chat.head
        await chat.types("/connect")
    async with terminal(tmp_path, clock, head=head) as chat:
        await settled()
        assert "expired" not in chat.out.getvalue()
        clock.advance(302)
        await until(lambda: "This command has expired" in chat.out.getvalue())
    async with terminal(tmp_path, clock, head=head) as chat:
        await settled()
        assert "expired" not in chat.out.getvalue()


async def test_an_unsealed_machine_is_told_of_with_what_listens_and_what_guards_it(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types("/connect")
        laptop = chat.head.add_machine(chat.person_id, "laptop", MachineState.NEVER)
        chat.head.redeem(chat.head.offers[-1], laptop.id)
        chat.head.set_machine(laptop.id, state=MachineState.CONNECTED, sealed=False)
        await until(lambda: "laptop joined" in chat.out.getvalue())
        assert "It is not sealed: jobs there can read and change the owner's files." in chat.out.getvalue()
        assert "Ray listens on its network there, guarded by your pool's Ray token" in chat.out.getvalue()
        assert "Not sealed" in await chat.types("/worker")


async def test_what_became_of_a_join_command_is_told_below(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        head, person_id = chat.head, chat.person_id
        await chat.types("/connect")
    # As it is kept while the message is on its way.
    await head.save_card(person_id, chat_id="console", subject=f"offer:{head.offers[-1]}", message_id=0)
    async with terminal(tmp_path, head=head) as chat:
        laptop = head.add_machine(person_id, "laptop", MachineState.NEVER)
        head.redeem(head.offers[-1], laptop.id)
        await until(lambda: "laptop used the command. Installing" in chat.out.getvalue())
        head.set_machine(laptop.id, state=MachineState.CONNECTED)
        await until(lambda: "laptop joined" in chat.out.getvalue())
