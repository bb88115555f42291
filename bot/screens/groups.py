"""Group chats: answered only where an admin allowed it, and never told a secret."""

from __future__ import annotations

from bot.chat import Chat
from bot.html import Html, fill
from bot.language import tr
from bot.messages import LinkButton, Message


async def allow(chat: Chat, arguments: str) -> None:
    """/allow_here, of an admin."""
    if chat.private:
        await chat.show(fill("Here I answer anyway. Send it in the group in which I shall answer."))
        return
    await chat.api.allow_group(chat.person.id, chat.id, True)
    await chat.show(
        fill("From now on I answer here whoever was admitted, about their own jobs. /forbid_here ends that.")
    )


async def forbid(chat: Chat, arguments: str) -> None:
    """/forbid_here, of an admin."""
    if chat.private:
        await chat.show(fill("This is our private chat. Send it in the group in which I shall not answer."))
        return
    await chat.api.allow_group(chat.person.id, chat.id, False)
    await chat.show(fill("I answer here no more. /allow_here changes that."))


async def in_private(chat: Chat, why: Html) -> None:
    """Says that this is not for a group, and leads to where it is."""
    link = (LinkButton(label=tr("Write to me in private"), url=chat.incoming.private_url),)
    await chat.show(Message(text=why, rows=(link,) if chat.incoming.private_url else ()))
