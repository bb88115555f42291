"""/disconnect: takes a machine out of the pool, or all of them. The first tap asks and names, the second does it."""

from __future__ import annotations

from bot import amounts, places, words
from bot.arguments import unquote
from bot.callbacks import Callback, Verb, pack
from bot.chat import Chat
from bot.html import clip, fill, lines, text
from bot.language import tr
from bot.messages import Button, Message, Row
from bot.screens import worker
from head.api import HEAD, MachineView

_EVERYTHING = ("all", "everything")
#: More than anybody has; a message holds no more anyway.
_SHOWN = 12


async def open(chat: Chat, arguments: str) -> None:
    """`/disconnect [MACHINE | all]`; without one, what there is to choose from."""
    wanted = unquote(arguments)
    machines = await chat.api.machines(chat.person.id)
    if not machines:
        connect = Button(label=tr("Connect a machine"), callback=pack(Verb.OPEN, "connect"))
        rows: tuple[Row, ...] = ((connect,),) if chat.api.joining_enabled else ()
        await chat.show(Message(text=fill("You have no machine, so there is nothing to disconnect."), rows=rows))
        return
    if wanted.casefold() in _EVERYTHING:
        await _doubt_all(chat, machines)
        return
    found = await places.find(chat, wanted) if wanted else None
    if found is not None and found[0] != HEAD:
        await worker.doubt(chat, found[0])
        return
    said = fill("Which machine shall I take out of your pool?")
    if wanted:
        unknown = fill("You have no machine called {name}.", name=clip(wanted, 60))
        said = lines(words.three(unknown, fill("Nothing was disconnected."), fill("Choose one of yours below.")))
    rows = tuple((Button(label=clip(it.name, 40), callback=pack(Verb.DOUBT, it.id)),) for it in machines[:_SHOWN])
    everything = Button(label=tr("All of them"), callback=pack(Verb.DISCONNECT))
    await chat.show(Message(text=said, rows=(*rows, (everything,))))


async def press(chat: Chat, callback: Callback) -> None:
    machines = await chat.api.machines(chat.person.id)
    if not machines:
        await chat.alert("You have no machine any more.")
    elif callback.choice == "yes":
        await _all(chat, machines)
    else:
        await _doubt_all(chat, machines)


async def _doubt_all(chat: Chat, machines: list[MachineView]) -> None:
    names = ", ".join(clip(it.name, 30) for it in machines[:_SHOWN])
    question = lines(
        fill("Disconnect everything: <b>{names}</b>?", names=names),
        fill("They are cut off at once, and their open jobs end. Files and models on them stay on them."),
        fill("Your files and models on the server are deleted, open jobs there end, and your pool gets fresh keys."),
    )
    yes = Button(label=tr("Yes, disconnect everything"), callback=pack(Verb.DISCONNECT, choice="yes"))
    keep = Button(label=tr("Keep them"), callback=pack(Verb.OPEN, "worker"))
    await chat.show(Message(text=question, rows=((yes,), (keep,))))


async def _all(chat: Chat, machines: list[MachineView]) -> None:
    """One after the other: with the last one the pool's contents go, and its token and tag are made anew."""
    for machine in machines:
        await chat.api.revoke(chat.person.id, machine.id)
    said = amounts.plural(
        len(machines),
        "{n} machine cut off. To use it again, /connect it.",
        "{n} machines cut off. To use one again, /connect it.",
    )
    await chat.show(text(said))
