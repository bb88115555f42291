"""/connect: one command to paste on a machine. The same message then tells how the joining goes."""

from __future__ import annotations

from bot import amounts, words
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, lines, text
from bot.messages import Button, CopyButton, Message
from head.api import JoinOffer, JoinState, MachineView


async def open(chat: Chat, arguments: str) -> None:
    if not chat.api.joining_enabled:
        off = words.three(
            "Adding machines is switched off on this server.",
            "Files that you send me are used on the server itself.",
            "Send me a file, or ask the admin to switch joining on.",
        )
        await chat.show(off)
        return
    if not chat.private:
        await chat.show(text("I only show that command in our private chat: whoever has it can join your machines."))
        return
    offer = await chat.api.offer_join(chat.person.id)
    message_id = await chat.show(_command(chat, offer))
    await chat.joins.watch(chat.person.id, chat.id, offer, message_id)


def _command(chat: Chat, offer: JoinOffer) -> Message:
    minutes = amounts.duration((offer.expires - chat.clock.now()).total_seconds())
    return Message(
        text=lines(
            fill("<b>Run this on the machine</b> (Linux, or WSL2 on Windows):"),
            fill("<code>{command}</code>", command=offer.command),
            Html(""),
            text(f"It works once, within {minutes}. It installs into a folder of its own and needs no root."),
            text("The machine then shares one folder, ~/hayride, with your jobs, read-only. Put your data there."),
            Html(""),
            text(words.JOINS[JoinState.WAITING]),
        ),
        rows=((CopyButton(label="Copy the command", text=offer.command),),),
    )


def progress(state: JoinState, machine: MachineView | None) -> Message | None:
    """What takes the command's place once it was used or has died; None while it still waits."""
    if state is JoinState.WAITING:
        return None
    if machine is None:
        fresh = Button(label="Fresh command", callback=pack(Verb.OPEN, "connect"))
        return Message(text=text(words.JOINS[state]), rows=((fresh,),), silent=True, pushed=True)
    name = clip(machine.name, 40)
    if state is not JoinState.JOINED:
        said = fill("<b>{name}</b> used the command. {state}", name=name, state=words.JOINS[state])
        return Message(text=said, silent=True, pushed=True)
    cores = f"{machine.cores} cores" if machine.cores else ""
    memory = amounts.memory(machine.memory) if machine.memory else ""
    known = ", ".join(fact for fact in (cores, memory) if fact)
    train = Button(label="Train a model", callback=pack(Verb.OPEN, "train"))
    mine = Button(label="My machines", callback=pack(Verb.OPEN, "worker"))
    said = fill("🟢 <b>{name}</b> joined{known}.", name=name, known=f": {known}" if known else "")
    unsealed = text("⚠️ It is not sealed: jobs there can read the owner's files.") if machine.sealed is False else None
    return Message(text=lines(said, unsealed), rows=((train, mine),), silent=True, pushed=True)
