"""/dashboard: a link to the person's own Ray dashboard, good once."""

from __future__ import annotations

from urllib.parse import urlsplit

from bot.chat import Chat
from bot.html import fill, lines
from bot.language import tr
from bot.messages import LinkButton, Message, Row
from bot.screens import groups


async def open(chat: Chat, arguments: str) -> None:
    await _open(chat)


async def open_task(chat: Chat, job_id: str) -> None:
    """The job's own page there."""
    chat.keep()
    await _open(chat, job_id)


async def _open(chat: Chat, job_id: str = "") -> None:
    if not chat.private:
        why = fill("I only send that link in our private chat: whoever has it sees your cluster.")
        await groups.in_private(chat, why)
        return
    async with chat.waiting(fill("Opening your dashboard… Waking a sleeping cluster takes about 12 seconds.")):
        url = await chat.api.dashboard_link(chat.person.id, job_id=job_id)
    said = lines(
        fill("That job on your dashboard: {url}", url=url) if job_id else fill("Your dashboard: {url}", url=url),
        fill("The link works once, within five minutes, and only for you."),
    )
    await chat.show(Message(text=said, rows=_button(url)))


def _button(url: str) -> tuple[Row, ...]:
    """Telegram takes no button for an address that only this computer knows."""
    host = urlsplit(url).hostname or ""
    public = "." in host and not host.startswith("127.")
    return ((LinkButton(label=tr("Open"), url=url),),) if public else ()
