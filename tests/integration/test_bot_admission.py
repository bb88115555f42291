"""Who may come in, what admins see, and groups, through the real python-telegram-bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from head.api import HEAD, PathData, PoolView, TrainSpec
from tests.fakes.telegram import Person, Room
from tests.support.chats import until
from tests.support.telegram_world import BOSS, World, telegram_world

GROUP = -100


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with telegram_world(tmp_path) as made:
        yield made


async def _admitted(world: World, id: int, name: str) -> Person:
    boss = await world.head.person_for_telegram(BOSS, "Boss")
    await world.head.admit(boss.id, (await world.head.person_for_telegram(id, name)).id, True)
    return world.telegram.person(id, name)


async def test_a_request_outlives_a_restart_and_is_made_once(world: World) -> None:
    eve = world.telegram.person(7, "Eve")
    async with world.serving():
        eve.says("/start")
        greeting = await eve.sees("An admin can let you in")
        eve.presses(greeting, "Request access")
        await eve.sees("No admin can be reached just now. Your request is kept")  # nobody has written yet
    async with world.serving():
        eve.says("/start")
        greeting = await eve.sees("An admin can let you in")
        eve.presses(greeting, "Request access")
        await until(lambda: eve.alerts == ["Your request is with the admins already."])
        world.boss.says("/users")
        users = await world.boss.sees("Eve: 🔔 asks to come in")
        assert users.labels == ["Eve", "Boss"]
        world.boss.presses(users, "Eve")
        await until(lambda: users.labels == ["Admit", "Refuse", "All users"])
        world.boss.presses(users, "Refuse")
        await eve.sees("An admin declined your request")
        eve.presses(greeting, "Request access")
        await until(lambda: len(eve.alerts) == 2)
        assert eve.alerts[1].startswith("An admin declined your request.")
    assert world.telegram.refusals == []


async def test_removing_a_person_takes_a_second_tap_and_ends_their_jobs(world: World) -> None:
    ann = await _admitted(world, 7, "Ann <&>")
    person = await world.head.person_for_telegram(7, "Ann <&>")
    job = await world.head.submit(person.id, TrainSpec(data=PathData(path="~/a.csv"), target="y"), HEAD, request="1")
    async with world.serving():
        ann.says("/start")
        await ann.sees("Train and use models")
        world.boss.says("/users")
        users = await world.boss.sees("Ann <&>: admitted")
        world.boss.presses(users, "Ann <&>")
        await until(lambda: "Remove" in users.labels)
        world.boss.presses(users, "Remove")
        await until(lambda: "Remove Ann <&>?" in users.text)
        assert "Open jobs of theirs are cancelled: 1." in users.text
        world.boss.presses(users, "Yes, remove")
        await ann.sees("An admin removed you from this server.")
        ann.says("/jobs")
        await ann.sees("An admin can let you in")
    assert (await world.head.job(person.id, job.id)).cancelling


async def test_an_old_refuse_button_lets_nobody_out(world: World) -> None:
    eve = world.telegram.person(7, "Eve")
    async with world.serving():
        world.boss.says("/start")
        await world.boss.sees("Train and use models")
        eve.says("/start")
        eve.presses(await eve.sees("An admin can let you in"), "Request access")
        question = await world.boss.sees("Eve asks to use this server.")
        refuse = question.button("Refuse")["callback_data"]
        world.boss.presses(question, "Allow")
        await eve.sees("You are in. Welcome!")
        world.boss.presses_data(question, refuse)
        await until(lambda: question.text == "Eve is in already. /users has them.")
    assert (await world.head.person_for_telegram(7, "Eve")).admitted


async def test_nobody_but_an_admin_knows_of_admins_commands(world: World) -> None:
    ann = await _admitted(world, 7, "Ann")
    async with world.serving():
        ann.says("/users")
        await ann.sees("I do not know /users.")
        ann.says("/pools")
        await ann.sees("I do not know /pools.")
        world.boss.says("/pools")
        await world.boss.sees("There is no pool yet.")
    names = {
        key: [command["command"] for command in menu] for key, menu in world.telegram.menus.items() if key[1] == ""
    }
    assert "users" not in names["default", ""]
    assert "users" in names[f"chat:{BOSS}", ""]
    assert "connect" not in names["all_group_chats", ""]
    assert ("chat:7", "") not in names
    portuguese = world.telegram.menus["default", "pt"]
    assert {"command": "train", "description": "treinar um modelo"} in portuguese


async def test_an_idle_pool_is_put_to_sleep(world: World) -> None:
    now = world.head.clock.now()
    for id, name, jobs in (("pool1", "Ann", 0), ("pool2", "Bob", 1)):
        world.head.pool_views[id] = PoolView(
            id=id, name=name, awake=True, since=now, memory=450 << 20, machines=0, jobs=jobs
        )
    async with world.serving():
        world.boss.says("/pools")
        pools = await world.boss.sees("450 MB of memory, 0 machines connected, 1 job open")
        assert pools.labels == ["Put to sleep: Ann"]
        world.boss.presses(pools, "Put to sleep: Ann")
        await until(lambda: "💤 asleep since just now: Ann" in pools.text)


async def _says_nothing(world: World, room: Room) -> None:
    """What is said afterwards in private is answered, and by then nothing was said in the room."""
    count = len(room.messages)
    private = len(world.boss.messages)
    world.boss.says("/jobs")
    await until(lambda: len(world.boss.messages) > private)
    await asyncio.sleep(0.05)
    assert len(room.messages) == count


async def test_a_group_is_answered_where_an_admin_allowed_it(world: World) -> None:
    group = world.telegram.group(GROUP, "Team")
    ann, eve = await _admitted(world, 7, "Ann"), world.telegram.person(8, "Eve")
    async with world.serving():
        ann.says("/jobs", group)
        ann.says("/allow_here", group)
        eve.says("/start", group)
        await _says_nothing(world, group)
        world.boss.says("/allow_here", group)
        await group.sees("From now on I answer here")
        for ignored in ("hello all", "/jobs@another_bot", "/allow_here"):
            ann.says(ignored, group)
        eve.says("/jobs", group)
        await _says_nothing(world, group)
        ann.says("/jobs@hayride_bot", group)
        await group.sees("No jobs yet")
        ann.says("/train", group)
        asked = await group.sees(lambda shown: "Cancel" in shown.labels)
        ann.says("~/churn.csv", group)  # to whom?
        await _says_nothing(world, group)
        ann.says("~/churn.csv", group, reply_to=asked)
        await group.sees("churn.csv")
    async with world.serving():
        world.boss.says("/forbid_here", group)
        await group.sees("I answer here no more.")
        ann.says("/jobs", group)
        await _says_nothing(world, group)


async def test_a_group_never_hears_a_token_or_a_link(world: World) -> None:
    group = world.telegram.group(GROUP, "Team")
    async with world.serving():
        world.boss.says("/allow_here", group)
        await group.sees("From now on I answer here")
        for command in ("/connect", "/dashboard", "/users", "/pools"):
            world.boss.says(command, group)
            shown = await group.sees(lambda shown: "private chat" in shown.text)
            assert shown.rows == [[{"text": "Write to me in private", "url": "https://t.me/hayride_bot"}]]
            del group.messages[shown.id]
    assert world.head.offers == []
    assert not any("token=" in shown.html or "dashboard-link" in shown.html for shown in group.messages.values())


async def test_a_job_in_a_group_is_its_writers(world: World) -> None:
    group = world.telegram.group(GROUP, "Team")
    ann, bob = await _admitted(world, 7, "Ann"), await _admitted(world, 8, "Bob")
    async with world.serving():
        world.boss.says("/allow_here", group)
        await group.sees("From now on I answer here")
        ann.says("/train ~/churn.csv churned", group)
        form = await group.sees("7,043 rows")
        bob.presses(form, "Run", group)
        await until(lambda: bool(bob.alerts))
        assert not world.head._jobs
        ann.presses(form, "Run", group)
        await until(lambda: bool(world.head._jobs))
    assert world.job().person_id == (await world.head.person_for_telegram(7, "Ann")).id
