"""/worker in the terminal: what a machine's card says, and pausing, draining and revoking one."""

from __future__ import annotations

from pathlib import Path

from bot.screens.connect import for_windows
from head.api import MachineState, Rest
from head.clock import ManualClock
from tests.support.chats import terminal
from tests.support.in_memory_head import COMMAND


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
        assert "[1] Pause  [2] Drain  [3] Run a test job  [4] Revoke desktop  [5] All machines" in printed


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
        assert "It is your last machine: your files and models on the server are deleted, and open jobs" in asked
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


async def test_a_machine_is_renamed_unless_another_bears_the_name(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        for name in ("laptop", "desk"):
            chat.head.add_machine(chat.person_id, name)
        assert "laptop is now <b>x</b>." in await chat.types("/worker rename laptop '<b>x</b>'")
        assert "another one's" in await chat.types("/worker rename '<b>x</b>' DESK")
        assert "no machine called moon" in await chat.types("/worker rename moon sun")
        assert "no machine called head" in await chat.types("/worker rename head sun")
        for line in ("/worker rename laptop", "/worker dance"):
            assert "Type it like /worker rename laptop desk" in await chat.types(line)
        assert {it.name for it in await chat.head.machines(chat.person_id)} == {"<b>x</b>", "desk"}


async def test_starting_with_the_system_is_explained_and_what_was_never_run_says_so(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        printed = await chat.types("/worker autostart")
        assert "hayride-node autostart on" in printed
        assert printed.count("experimental, never run there") == 2


async def test_connect_has_a_line_for_powershell_that_hands_over_to_wsl(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        printed = await chat.types("/connect")
        assert f'wsl -e sh -c "{COMMAND}"' in printed
        assert "experimental; needs WSL2" in printed


def test_the_line_for_powershell_fits_the_copy_button_or_is_left_out() -> None:
    spare = 256 - len(for_windows(""))
    assert len(for_windows("x" * spare)) == 256
    assert for_windows("x" * (spare + 1)) == ""
    for sign in ('"', "$", "`", "\\"):  # PowerShell or sh would read them
        assert for_windows(f"curl {sign}") == ""


async def test_a_test_job_is_one_job_on_exactly_that_machine(tmp_path: Path) -> None:
    async with terminal(tmp_path, ManualClock()) as chat:
        laptop, _ = (chat.head.add_machine(chat.person_id, name) for name in ("laptop", "desktop"))
        for _ in range(2):  # the same button, as far as it tells: drawn in the same second
            await chat.types("/worker")
            await chat.types("#1")
            printed = await chat.types("#3")
            assert "Train: breast-cancer.csv → diagnosis" in printed
            assert "Waiting on laptop" in printed
        (job,) = await chat.head.jobs(chat.person_id)
        assert job.place == laptop.id
        chat.bot.clock.advance(60)  # type: ignore[attr-defined]
        await chat.types("/worker")
        await chat.types("#1")
        chat.head.set_machine(laptop.id, state=MachineState.UNREACHABLE)
        assert "laptop is away just now." in await chat.types("#3")
        assert len(await chat.head.jobs(chat.person_id)) == 1


async def test_a_machine_that_begins_no_jobs_is_offered_none(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        for changes in ({"rest": Rest.PAUSED}, {"rest": Rest.LEAVING}, {"paused": "on battery"}):
            chat.head.set_machine(laptop.id, **{"rest": Rest.NONE, "paused": "", **changes})
            assert "Run a test job" not in await chat.types("/worker")
        chat.head.set_machine(laptop.id, paused="", state=MachineState.UNREACHABLE)
        assert "Run a test job" not in await chat.types("/worker")
