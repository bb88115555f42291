"""Files by buttons, and the test job, on the strict fake Telegram: what it would refuse is a failure here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from head.api import Folder
from tests.support.chats import until
from tests.support.in_memory_folders import HOME, file, folder
from tests.support.in_memory_head import CHURN
from tests.support.telegram_world import World, telegram_world

ODD = ("<b>&\"'.csv", "größe 日本 🚲.csv", "x" * 251 + ".csv", "👩\u200d🔬" * 20 + ".csv", "*_[a](b)`.csv")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with telegram_world(tmp_path) as made:
        yield made


def refused(world: World) -> list[tuple[str, str]]:
    """What Telegram did not take; that a card drawn again is the same as before does no harm."""
    return [refusal for refusal in world.telegram.refusals if "message is not modified" not in refusal[1]]


async def test_a_file_of_any_name_is_found_by_buttons_also_after_a_restart(world: World) -> None:
    world.head.folders[f"{HOME}/odd"] = Folder(path=f"{HOME}/odd", up=HOME, entries=tuple(map(file, ODD)))
    world.head.folders[""] = Folder(path=HOME, entries=(folder("odd"), file("churn.csv")))
    world.head.files[f"{HOME}/odd/{ODD[0]}"] = CHURN
    async with world.serving():
        world.head.add_machine(await world.boss_id(), "laptop")
        world.boss.says("/train")
        form = await world.boss.sees("Which file?")
        world.boss.presses(form, "Browse files")
        await until(lambda: "📁 odd" in form.labels)
        before = form.button("📁 odd")["callback_data"]
        world.boss.presses(form, "📁 odd")
        await until(lambda: "Up" in form.labels)
        assert len([label for label in form.labels if label.startswith("📄")]) == len(ODD)
    async with world.serving():
        world.boss.presses_data(form, before)
        await until(lambda: world.boss.alerts == ["That form had changed since. Here it is as it stands."])
        world.boss.presses(form, f"📄 {ODD[0]}")
        await until(lambda: "7,043 rows" in form.text)
        assert f"{HOME}/odd/{ODD[0]} on laptop" in form.text
    assert refused(world) == []


async def test_two_taps_of_the_test_job_are_one_job_and_its_card_follows(world: World) -> None:
    async with world.serving():
        laptop = world.head.add_machine(await world.boss_id(), "laptop")
        world.boss.says("/worker")
        card = await world.boss.sees("Machines")
        packed = card.button("Run a test job")["callback_data"]
        for _ in range(2):
            world.boss.presses_data(card, packed)
        await until(lambda: "breast-cancer.csv → diagnosis" in card.text)
        world.boss.says("/jobs")
        await world.boss.sees("breast-cancer.csv → diagnosis: waiting")
        assert [job.place for job in world.head._jobs.values()] == [laptop.id]
    assert refused(world) == []
