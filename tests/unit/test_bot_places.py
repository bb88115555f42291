"""Which machine a path means where a person has several: the one that has the file, else the person is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

from head.api import DataRefused, JobRefused, MachineState, Problem, ProblemCode
from head.data_places import DataPlaces, look
from ray_jobs.spec import DataFacts
from tests.support.chats import Terminal, terminal
from tests.support.in_memory_head import CHURN


def _two(chat: Terminal, *, laptop: bool, desktop: bool) -> tuple[str, str]:
    ids = []
    for name, has in (("laptop", laptop), ("desktop", desktop)):
        ids.append(chat.head.add_machine(chat.person_id, name).id)
        chat.head.files_on[ids[-1]] = {"~/churn.csv": CHURN} if has else {}
    return ids[0], ids[1]


async def test_the_one_machine_that_has_the_file_is_meant(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop, _ = _two(chat, laptop=True, desktop=False)
        assert "~/churn.csv on laptop" in await chat.types("/train ~/churn.csv churned")
        await chat.types("#1")
        assert chat.job().place == laptop
        await chat.types("/data ~/churn.csv")
        assert chat.job().place == laptop


async def test_where_several_have_it_the_form_asks_and_offers_only_those(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        _, desktop = _two(chat, laptop=True, desktop=True)
        chat.head.files_on[chat.head.add_machine(chat.person_id, "server7").id] = {}
        printed = await chat.types("/train ~/churn.csv churned")
        assert "Several of your machines have that file. Which one?" in printed
        assert "[2] laptop  [3] desktop  [4] Back" in printed
        await chat.types("#1")
        assert await chat.head.jobs(chat.person_id) == []
        assert "~/churn.csv on desktop" in await chat.types("desktop")
        await chat.types("#1")
        assert chat.job().place == desktop
        assert 'on="laptop"\non="desktop"' in await chat.types("/data ~/churn.csv churned")
        await chat.types('/data ~/churn.csv churned on="desktop"')
        assert chat.job().place == desktop


async def test_where_none_has_it_the_machines_are_named(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        _two(chat, laptop=False, desktop=False)
        chat.head.add_machine(chat.person_id, "attic", MachineState.UNREACHABLE)
        for command in ("/train", "/data"):
            printed = await chat.types(f"{command} ~/churn.csv churned")
            assert "~/churn.csv is on none of these machines: laptop, desktop." in printed
            assert "Not looked at, since away: attic." in printed
        assert await chat.head.jobs(chat.person_id) == []


async def test_a_machine_that_was_named_is_not_second_guessed(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        _two(chat, laptop=True, desktop=False)
        assert "There is no file ~/churn.csv" in await chat.types("/train ~/churn.csv churned on=desktop")


async def test_machines_are_asked_at_once_and_those_that_do_not_answer_are_named() -> None:
    facts = DataFacts(path="a.csv", bytes=1, rows=1, columns=())
    all_asked, asked = asyncio.Event(), 0

    async def inspect(place: str) -> DataFacts:
        nonlocal asked
        asked += 1
        if asked == 5:
            all_asked.set()
        await all_asked.wait()
        if place == "slow":
            await asyncio.Event().wait()
        if place == "gone":
            raise JobRefused("away")
        if place in {"none", "broken"}:
            code = ProblemCode.FILE_MISSING if place == "none" else ProblemCode.FILE_EMPTY
            raise DataRefused(Problem(code=code, message=""))
        return facts

    machines = {id: id.upper() for id in ("slow", "gone", "none", "broken", "good")}
    looked = await look(machines, ("AWAY",), inspect, seconds=0.5)
    assert looked == DataPlaces(found=("broken", "good"), without=("NONE",), silent=("AWAY", "SLOW", "GONE"))
    asked = 4
    assert await look({"good": "GOOD"}, (), inspect) == DataPlaces(found=("good",), facts=facts)
