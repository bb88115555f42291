"""docs/chat.md shows what the chat says."""

from __future__ import annotations

from tests.support import chat_pictures
from tests.support.chat_page import PAGE, rendered


async def test_its_transcripts_are_what_the_screens_say() -> None:
    """Where they are not: `python -m tests.support.chat_page` writes them anew."""
    page = PAGE.read_text(encoding="utf-8")
    assert "> /train" in page
    assert await rendered(page) == page


async def test_its_pictures_are_what_the_screens_say() -> None:
    """Where they are not: `python -m tests.support.chat_pictures` draws them anew."""
    kept = {path.stem: path.read_text(encoding="utf-8") for path in chat_pictures.FOLDER.glob("*.svg")}
    assert await chat_pictures.drawn() == kept
