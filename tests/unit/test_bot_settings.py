"""/settings and /disconnect: what is chosen stays, what is deleted was named before; forgotten forms expire aloud."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.callbacks import Verb, pack
from bot.messages import Incoming, Pressed
from bot.service import Bot
from head.api import DRAFT_DAYS, ChatSettings
from head.clock import ManualClock
from tests.support.chats import Terminal, terminal
from tests.support.doors import RecordingDoor, settled
from tests.support.in_memory_head import InMemoryHead


async def _press(chat: Terminal, printed: str, label: str) -> str:
    """Presses the button of that label, and nothing else."""
    (number,) = re.findall(rf"\[(\d+)\] {re.escape(label)}(?=  \[|$)", printed, re.MULTILINE)
    return await chat.types(f"#{number}")


async def test_what_is_chosen_stays(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        shown = await chat.types("/settings")
        assert "✓ Automatic" in shown
        shown = await _press(chat, shown, "Português")
        assert "✓ Português" in shown
        assert "Idioma: Português" in shown  # from this answer on
        shown = await _press(chat, shown, "Não me avisar das máquinas")
        shown = await _press(chat, shown, "Guardar arquivos que envio")
        person = await chat.head.local_person()
        assert (person.language, person.machine_news, person.keep_uploads) == ("pt", False, True)
        shown = await _press(chat, shown, "Apagar arquivos depois da tarefa")
        shown = await _press(chat, shown, "Avisar-me das máquinas")
        assert "Language: Automatic" in await _press(chat, shown, "Automático")
        person = await chat.head.local_person()
        assert (person.language, person.machine_news, person.keep_uploads) == ("", True, False)


async def test_all_data_can_be_taken_along(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        printed = await _press(chat, await chat.types("/settings"), "Export all my data")
        (path,) = re.findall(r"\S+/hayride-my-data\.json", printed)
        assert json.loads(_content(path))["person"] == {"id": chat.person_id}


def _content(path: str) -> str:
    return Path(path).read_text()


async def test_deleting_everything_names_what_goes_and_takes_a_second_tap(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        await chat.types("/train ~/churn.csv churned")
        await chat.types("#1")
        asked = await _press(chat, await chat.types("/settings"), "Delete all my data")
        assert "1 job, 0 models, 0 templates" in asked
        assert "laptop" in asked
        assert len(await chat.head.jobs(chat.person_id)) == 1
        kept = await _press(chat, asked, "Keep my data")
        asked = await _press(chat, kept, "Delete all my data")
        gone = await _press(chat, asked, "Yes, delete all my data")
        assert "is deleted" in gone
        assert await chat.head.jobs(chat.person_id) == []
        assert await chat.head.machines(chat.person_id) == []
        assert "No machine is connected yet" in await chat.types("/start")


async def test_nobodys_data_leaves_or_goes_in_a_group(tmp_path: Path) -> None:
    head = InMemoryHead(clock=ManualClock())
    bot, door = Bot(head, clock=head.clock, settings=ChatSettings(files=tmp_path)), RecordingDoor(head.clock)
    bot.attach(door)
    ann = replace(await head.person_for_telegram(7, "Ann"), admitted=True)
    await head.allow_group((await head.local_person()).id, "test:-100", True)
    answers: list[str] = []

    async def answer(words: str) -> None:
        answers.append(words)

    for id, choice in (("export", ""), ("erase", ""), ("erase", "yes")):
        press = Pressed(callback=pack(Verb.SET, id, 0, choice), message_id=1, editable=True, answer=answer)
        await bot.handle(Incoming(person=ann, chat_id="test:-100", private=False, what=press))
    assert len(answers) == 3
    assert all("only" in said for said in answers)
    assert ann.id in head.people
    await bot.close()


async def test_disconnecting_one_machine_or_all_of_them_asks_first(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        assert "nothing to disconnect" in await chat.types("/disconnect")
        for name in ("laptop", "tower", "pi"):
            chat.head.add_machine(chat.person_id, name)
        assert "You have no machine called phone." in await chat.types("/disconnect phone")
        asked = await chat.types("/disconnect Laptop")
        assert "is cut off" in await _press(chat, asked, "Yes, revoke laptop")
        asked = await _press(chat, await chat.types("/disconnect"), "All of them")
        assert "tower" in asked
        assert "pi" in asked
        assert len(await chat.head.machines(chat.person_id)) == 2
        assert "2 machines cut off" in await _press(chat, asked, "Yes, disconnect everything")
        assert await chat.head.machines(chat.person_id) == []
        assert "You have no machine any more." not in await chat.types("/disconnect all")


async def test_a_form_that_is_left_alone_expires_aloud(tmp_path: Path) -> None:
    clock = ManualClock()
    async with terminal(tmp_path, clock) as chat:
        await chat.types("/train ~/churn.csv")
        await chat.types("/train ~/new.csv churned")
        await chat.types("#1")  # that one became a job
        clock.advance(timedelta(days=DRAFT_DAYS).total_seconds() + 1)
        await settled()  # the bot looks for such forms now and then
        printed = chat.prints()
        assert printed.count("was left alone for 7 days, so it is gone") == 1
        assert "~/churn.csv" in printed
        assert await chat.head.expired_drafts() == []
