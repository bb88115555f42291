"""docs/chat.md shows what the chat says."""

from __future__ import annotations

from tests.support.chat_page import PAGE, rendered


async def test_its_transcripts_are_what_the_screens_say() -> None:
    """Where they are not: `python -m tests.support.chat_page` writes them anew."""
    page = PAGE.read_text(encoding="utf-8")
    assert "> /train" in page
    assert await rendered(page) == page
