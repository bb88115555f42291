"""Looking through a machine's folders by buttons: in the forms and at /data."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import browser
from bot.browser import Browsing
from bot.callbacks import LIMIT
from bot.html import plain, units
from bot.messages import Incoming, Pressed
from head.api import Folder, FolderEntry, MachineState, PathData, PoolUnavailable, ProfileSpec, TrainSpec
from tests.support.chats import Terminal, terminal, trained
from tests.support.in_memory_folders import HOME, file, folder


async def press(chat: Terminal, label: str) -> str:
    """The last shown button whose label begins like that."""
    buttons = re.findall(r"\[(\d+)\] (.*?)(?=  \[|$)", chat.out.getvalue().strip().splitlines()[-1])
    number = next(number for number, name in buttons if name.startswith(label))
    return await chat.types(f"#{number}")


async def callback(chat: Terminal, packed: str) -> list[str]:
    """What a press of that very button is answered, whether it is shown still or not."""
    answers: list[str] = []

    async def answer(words: str) -> None:
        answers.append(words)

    what = Pressed(callback=packed, message_id=1, editable=False, answer=answer)
    person = chat.head.people[chat.person_id]
    await chat.bot.handle(Incoming(person=person, chat_id="console", private=True, what=what))
    return answers


async def test_a_file_that_is_tapped_fills_the_field(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        await chat.types("/train")
        listed = await press(chat, "Browse files")
        assert f"{HOME} on laptop" in listed
        assert "📄 churn.csv: 138 kB, " in listed
        assert f"Data: {HOME}/churn.csv on laptop" in await press(chat, "📄 churn.csv")
        await press(chat, "churned")
        await press(chat, "Run")
        spec = chat.job().spec
        assert isinstance(spec, TrainSpec)
        assert (spec.data, chat.job().place) == (PathData(path=f"{HOME}/churn.csv"), laptop.id)


async def test_folders_pages_and_the_way_back(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        await chat.types("/train")
        await press(chat, "Browse files")
        first = await press(chat, "📁 sales")
        assert "1 to 8 of 11" in first
        assert "part-6.parquet" in first
        assert "part-7.parquet" not in first
        assert "Before" not in first
        second = await press(chat, "Further")
        assert "9 to 11 of 11" in second
        assert "Further" not in second
        assert "1 to 8 of 11" in await press(chat, "Before")
        empty = await press(chat, "📁 empty")
        assert "There is no folder in it and no table" in empty
        assert "press Look again" in empty
        chat.head.folders[f"{HOME}/sales/empty"] = Folder(path=f"{HOME}/sales/empty", entries=(file("late.csv"),))
        assert "late.csv" in await press(chat, "Look again")
        await chat.types("/train")
        await press(chat, "Browse files")
        await press(chat, "📁 sales")
        assert "📁 sales" in await press(chat, "Up")
        await press(chat, "📁 sales")
        assert f"Data: {HOME}/sales on laptop" in await press(chat, "All Parquet files here")


async def test_of_several_machines_first_which(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        for name in ("laptop", "desktop"):
            chat.head.add_machine(chat.person_id, name)
        chat.head.add_machine(chat.person_id, "attic", MachineState.UNREACHABLE)
        await chat.types("/train")
        asked = await press(chat, "Browse files")
        assert "On which machine does the file lie?" in asked
        assert "attic" not in asked
        assert f"{HOME} on laptop" in await press(chat, "laptop")
        assert "On which machine" in await press(chat, "Up")
        await press(chat, "desktop")
        assert f"{HOME}/churn.csv on desktop" in await press(chat, "📄 churn.csv")
        await chat.types("/train on=laptop")
        assert f"{HOME} on laptop" in await press(chat, "Browse files")


async def test_a_prediction_looks_where_its_model_lives(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        for name in ("laptop", "desktop"):
            chat.head.add_machine(chat.person_id, name)
        await chat.types("/train ~/churn.csv churned on=desktop")
        await press(chat, "Run")
        chat.run_job()
        chat.head.finish(chat.job().id, trained())
        await chat.types("!")
        await chat.types("/predict")
        assert f"{HOME} on desktop" in await press(chat, "Browse files")
        assert f"Data: {HOME}/new.csv on desktop" in await press(chat, "📄 new.csv")
        await press(chat, "Run")
        assert chat.job().place_name == "desktop"


async def test_on_the_server_there_is_nothing_to_browse(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        assert "Browse" not in await chat.types("/train")
        assert "Or send me the file here" in await chat.types("/data")
        sent = tmp_path / "churn.csv"
        sent.write_text("age,churned\n1,no\n")
        await chat.types(f"+{sent}")
        await press(chat, "Train on it")
        await chat.types("churned")
        await press(chat, "Run")
        chat.run_job()
        chat.head.finish(chat.job().id, trained())
        await chat.types("!")
        chat.head.add_machine(chat.person_id, "laptop")
        asked = await chat.types("/predict")
        assert "This model lives on the server. Send me the file" in asked
        assert "Browse" not in asked


async def test_data_without_a_path_looks_into_the_folders(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        assert f"{HOME} on laptop" in await chat.types("/data")
        await press(chat, "📁 sales")
        await press(chat, "Up")
        (draft,) = [draft for _, draft in chat.head._drafts.values() if draft.kind == "data"]
        await press(chat, "📄 churn.csv")
        await callback(chat, f"browse:{draft.id}:{draft.revision}:1")
        (job,) = await chat.head.jobs(chat.person_id)
        assert isinstance(job.spec, ProfileSpec)
        assert (job.spec.data, job.place) == (PathData(path=f"{HOME}/churn.csv"), laptop.id)
        await chat.types("/data")
        assert "Nothing was read." in await press(chat, "Cancel")
        assert [draft.id for _, draft in chat.head._drafts.values()] == [draft.id]


@pytest.mark.parametrize("command", ["/train", "/data"])
async def test_a_stale_press_is_answered_and_redrawn(tmp_path: Path, command: str) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        await chat.types(command)
        if command == "/train":
            await press(chat, "Browse files")
        (draft,) = [draft for _, draft in chat.head._drafts.values()]
        await press(chat, "📁 sales")
        (answered,) = await callback(chat, f"browse:{draft.id}:{draft.revision}:0")
        assert "since" in answered
        assert f"{HOME}/sales on laptop" in chat.prints()
        revision = draft.revision + 1
        for choice in ("99", "x", "start" if command == "/data" else "999", "before1"):
            assert await callback(chat, f"browse:{draft.id}:{revision}:{choice}") == [
                "That answer is not on offer any more."
            ]


@pytest.mark.parametrize("command", ["/train", "/data"])
async def test_a_folder_that_is_gone_is_told_and_another_can_be_chosen(tmp_path: Path, command: str) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        await chat.types(command)
        if command == "/train":
            await press(chat, "Browse files")
        kept = chat.head.folders.pop(f"{HOME}/sales")
        assert f"There is no folder {HOME}/sales." in await press(chat, "📁 sales")
        chat.head.folders[kept.path] = kept
        if command == "/train":
            await press(chat, "Browse files")
        assert "part-0.parquet" in await press(chat, "📁 sales")


async def test_a_pool_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")

        async def browse(*_: object) -> Folder:
            raise PoolUnavailable("Your pool does not answer.")

        monkeypatch.setattr(chat.head, "browse", browse)
        assert "Your pool does not answer." in await chat.types("/data")
        await chat.types("/train")
        assert "Your pool does not answer." in await press(chat, "Browse files")


async def test_typing_goes_on_while_one_browses_and_another_field_ends_it(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        await chat.types("/train")
        await press(chat, "Browse files")
        assert "Data: ~/churn.csv on laptop" in await chat.types("~/churn.csv")
        await chat.types("churned")
        await press(chat, "Data")
        await press(chat, "Browse files")
        await press(chat, "Back")
        assert "Browse files" in await press(chat, "Data")


def _at(*names: str, path: str = "/allowed") -> Browsing:
    entries = tuple(FolderEntry(name=name, kind="file", size=7) for name in names)
    return Browsing(place="m1", place_name="laptop", path=path, entries=entries, count=len(entries), offset=0)


async def test_several_allowed_folders_are_listed_by_their_paths_and_none_says_what_to_do(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        chat.head.folders[""] = Folder(path="", entries=(folder(HOME), folder("/srv/data")))
        chat.head.folders[HOME] = replace_up(chat.head.folders[HOME], "")
        listed = await chat.types("/data")
        assert f"Folders that laptop shares:\n📁 {HOME}\n📁 /srv/data" in listed
        assert "churn.csv" in await press(chat, f"📁 {HOME}")
        assert "/srv/data" in await press(chat, "Up")
        chat.head.folders[""] = Folder(path="", entries=())
        assert "laptop shares no folder. Type there: hayride-node allow" in await chat.types("/data")


def replace_up(it: Folder, up: str) -> Folder:
    return it.model_copy(update={"up": up})


async def test_a_folder_that_holds_more_says_so(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        chat.head.folders[""] = Folder(path=HOME, entries=(file("a.csv"),), more=True)
        assert "There are more than I list." in await chat.types("/data")


NOW = datetime(2026, 1, 1, tzinfo=UTC)
names = st.text(min_size=1, max_size=255).filter(lambda name: "/" not in name and name not in (".", ".."))


@settings(max_examples=200)
@given(name=names, more=names)
def test_any_name_can_be_shown_and_tapped(name: str, more: str) -> None:
    at = _at(name, more, path=f"/{more}")
    for row in browser.rows(at, "ab12cd34ef", 999_999):
        for button in row:
            assert len(getattr(button, "callback", "").encode()) <= LIMIT
            assert 0 < units(button.label) <= 64
            assert "\n" not in button.label
    shown = plain(browser.shown(at, now=NOW))
    assert len(shown.splitlines()) == 3
    assert units(shown) < 1000


def test_of_long_names_beginning_and_end_are_shown() -> None:
    ((button,),) = browser.rows(_at("customers-" * 20 + "2024-01.csv"), "ab12cd34ef", 1)
    assert re.fullmatch(r"📄 customers-.*….*2024-01\.csv", button.label)


def test_what_is_looked_at_survives_a_restart() -> None:
    at = _at("a.csv")
    assert Browsing.model_validate(at.model_dump(mode="json")) == at


async def test_another_persons_folder_cannot_be_pressed(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        await chat.types("/data")
        (draft,) = [draft for _, draft in chat.head._drafts.values()]
        eve = replace(await chat.head.person_for_telegram(7, "Eve"), admitted=True)
        answers: list[str] = []

        async def answer(words: str) -> None:
            answers.append(words)

        what = Pressed(callback=f"browse:{draft.id}:1:1", message_id=1, editable=False, answer=answer)
        await chat.bot.handle(Incoming(person=eve, chat_id="console", private=True, what=what))
        assert answers == ["That form is gone. Send the command again for a fresh one."]
        assert await chat.head.jobs(chat.person_id) == []
