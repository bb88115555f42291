"""/connect: one command to paste on a machine. The same message then tells how the joining goes."""

from __future__ import annotations

from bot import amounts, words
from bot.chat import Chat
from bot.html import Html, fill, lines, text
from bot.language import tr
from bot.messages import CopyButton, Message, Row
from bot.screens import groups
from head.api import JoinOffer, JoinState


async def open(chat: Chat, arguments: str) -> None:
    if not chat.api.joining_enabled:
        off = words.three(
            fill("Adding machines is switched off on this server."),
            fill("Files that you send me are used on the server itself."),
            fill("Send me a file, or ask the admin to switch joining on."),
        )
        await chat.show(off)
        return
    if not chat.private:
        why = fill("I only show that command in our private chat: whoever has it can join your machines.")
        await groups.in_private(chat, why)
        return
    offer = await chat.api.offer_join(chat.person.id)
    await chat.joins.show(chat.person.id, chat.id, offer, lambda: chat.show(_command(chat, offer)))


#: What Telegram's copy button takes.
_COPIED = 256


def for_windows(command: str) -> str:
    """A PowerShell line that hands the command over to WSL2; "" where it would not arrive there as it is."""
    line = f'wsl -e sh -c "{command}"'
    return "" if len(line) > _COPIED or any(sign in command for sign in '"$`\\') else line


def _command(chat: Chat, offer: JoinOffer) -> Message:
    minutes = amounts.duration((offer.expires - chat.clock.now()).total_seconds())
    windows = for_windows(offer.command)
    rows: list[Row] = [(CopyButton(label=tr("Copy the command"), text=offer.command),)]
    if windows:
        rows.append((CopyButton(label=tr("Copy for Windows PowerShell"), text=windows),))
    return Message(
        text=lines(
            fill("<b>Run this on the machine</b> (Linux, or WSL2 on Windows; macOS is experimental):"),
            fill("<code>{command}</code>", command=offer.command),
            Html(""),
            fill("Windows PowerShell (experimental; needs WSL2 with a Linux in it): <code>{line}</code>", line=windows)
            if windows
            else None,
            fill(
                "It works once, within {minutes}. It installs into a folder of its own and needs no root.",
                minutes=minutes,
            ),
            fill("The machine then shares one folder, ~/hayride, with your jobs, read-only. Put your data there."),
            Html(""),
            text(tr(words.JOINS[JoinState.WAITING])),
        ),
        rows=tuple(rows),
    )
