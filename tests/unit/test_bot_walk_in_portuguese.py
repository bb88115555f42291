"""Who chose Portuguese is told nothing in English: every screen, in every state, against all texts of the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.commands import ADMIN_COMMANDS, COMMANDS
from bot.html import Html, plain
from tests.support import chat_texts
from tests.support.chats import Terminal, predicted, terminal, trained

#: What is typed at each screen, right and wrong: what an answer, a path, a setting and a button would be.
LINES = (
    "churned",
    "~/churn.csv",
    "~/nowhere.csv",
    "max_depth=3",
    "limit=never",
    "random_forest",
    "nonsense",
    "#1",
    "#99",
)


def _sentences(text: str) -> list[str]:
    """What a reader sees of it between its holes, where that has three words or more."""
    pieces = re.split(r"\{\w+\}", plain(Html(text.replace("{url}", "x"))))
    return [piece.strip() for piece in pieces if len(re.findall(r"[^\W\d_]{2,}", piece)) >= 3]


@pytest.fixture(scope="module")
def english() -> list[str]:
    """Every sentence of ours that is another one in Portuguese."""
    (path,) = (path for language, path in chat_texts.catalogues() if language == "pt")
    found = set()
    for message in chat_texts.read("pt", path):
        ids = (message.id,) if isinstance(message.id, str) else message.id
        said = message.string if isinstance(message.string, str) else " ".join(message.string or ())
        found |= {piece for id in ids if id for piece in _sentences(id) if piece not in said}
    assert len(found) > 300
    return sorted(found)


async def _state(chat: Terminal, state: str) -> str:
    if state == "empty":
        return ""
    chat.head.add_machine(chat.person_id, "laptop")
    printed = await chat.types("/train ~/churn.csv churned") + await chat.types("#1")
    if state == "running":
        chat.run_job()
    if state == "done":
        chat.run_job()
        chat.head.finish(chat.job().id, trained())
        printed += await chat.types("!")
        printed += await chat.types("/predict ~/new.csv") + await chat.types("#1")
        chat.run_job()
        chat.head.finish(chat.job().id, predicted())
        printed += await chat.types("!")
    return printed


@pytest.mark.parametrize("state", ["empty", "queued", "running", "done"])
@pytest.mark.parametrize("command", [command.name for command in COMMANDS + ADMIN_COMMANDS])
async def test_no_sentence_of_ours_is_english(tmp_path: Path, state: str, command: str, english: list[str]) -> None:
    number, buttons = 0, 1
    while number <= buttons:
        async with terminal(tmp_path, language="pt") as chat:
            printed = await _state(chat, state)
            opened = await chat.types(f"/{command}")
            buttons = len(re.findall(r"\[\d+\] ", opened.strip().splitlines()[-1]))
            printed += opened
            for line in (*([f"#{number}"] if number else []), *LINES):
                said = await chat.types(line)
                if chat.head.people[chat.person_id].language != "pt":
                    break  # a button of /settings has chosen another one
                printed += said
        assert [sentence for sentence in english if sentence in printed] == []
        number += 1
