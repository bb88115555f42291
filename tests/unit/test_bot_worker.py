"""/worker in the terminal: what a machine's card says, and pausing, draining and revoking one."""

from __future__ import annotations

from pathlib import Path

from head.api import MachineState, Rest
from tests.support.chats import terminal


async def test_a_card_says_how_the_machine_is_now(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        facts = {"load": 1.5, "memory_free": 8 << 30, "disk_free": 50 << 30, "gpus": 1, "running_jobs": 2}
        chat.head.set_machine(laptop.id, **facts)
        printed = await chat.types("/worker")
        for words in ("8 cores, 32 GB, 1 GPU, 2 jobs running", "load 1.5, 8 GB", "of disk free", "Node agent 0.1.0"):
            assert words in printed
        chat.head.set_machine(laptop.id, state=MachineState.UNREACHABLE)
        assert "load" not in await chat.types("/worker")


async def test_of_several_each_has_a_card_of_its_own(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        for name in ("laptop", "desktop"):
            chat.head.add_machine(chat.person_id, name)
        assert "[1] laptop  [2] desktop" in await chat.types("/worker")
        printed = await chat.types("#2")
        assert "desktop" in printed
        assert "laptop" not in printed
        assert "[1] Pause  [2] Drain  [3] Revoke desktop  [4] All machines" in printed


async def test_a_paused_machine_begins_no_job_until_it_is_resumed_and_the_job_says_so(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        await chat.types("/worker")
        printed = await chat.types("#1")
        assert "Paused: no job begins there" in printed
        assert "[1] Resume  [2] Drain" in printed
        await chat.types("/train ~/churn.csv churned")
        await chat.types("#1")
        chat.head.set_job(chat.job().id, rest=Rest.PAUSED)
        assert "laptop is paused. The job begins when you press Resume" in await chat.types(f"job_{chat.job().id}")
        chat.head.set_job(chat.job().id, rest=Rest.LEAVING)
        assert "Press Resume in /worker, or this job ends" in await chat.types(f"job_{chat.job().id}")
        await chat.types("/worker")
        assert "Paused" not in await chat.types("#1")
        assert (await chat.head.machines(chat.person_id))[0] == laptop


async def test_draining_asks_first_and_can_be_taken_back_while_jobs_run(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        chat.head.set_machine(laptop.id, running_jobs=1)
        await chat.types("/worker")
        asked = await chat.types("#2")
        assert "Drain laptop?" in asked
        assert "It is your last machine" in asked
        assert (await chat.head.machines(chat.person_id))[0].rest is Rest.NONE
        printed = await chat.types("#1")
        assert "Draining: no job begins there" in printed
        assert "[1] Resume  [2] Revoke laptop" in printed
        await chat.types("#1")
        assert (await chat.head.machines(chat.person_id))[0].rest is Rest.NONE


async def test_an_idle_machine_that_is_drained_leaves_at_once(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        await chat.types("/worker")
        await chat.types("#2")
        assert "the machine has left" in await chat.types("#1")
        assert await chat.head.machines(chat.person_id) == []
