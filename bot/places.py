"""Where a job may run: a person's machines by name, and the server."""

from __future__ import annotations

from bot.chat import Chat
from bot.language import tr
from head.api import HEAD, MachineState, MachineView

SERVER_NAMES = {HEAD, "server"}


async def machine(chat: Chat, place: str) -> MachineView | None:
    """The person's machine of that id; None for the server and for what is not theirs any more."""
    return next((it for it in await chat.api.machines(chat.person.id) if it.id == place), None)


async def find(chat: Chat, name: str) -> tuple[str, str] | None:
    """Id and name of the place that a person means by a name or an id, in any case of letters."""
    wanted = name.strip().casefold()
    if wanted in {*SERVER_NAMES, tr("server")}:
        return HEAD, HEAD
    mine = await chat.api.machines(chat.person.id)
    for it in mine:
        if it.name.casefold() == wanted or it.id == wanted:
            return it.id, it.name
    return None


async def choices(chat: Chat) -> list[tuple[str, str]]:
    """(label, id) of every place, connected machines first, the server last."""
    mine = await chat.api.machines(chat.person.id)
    ready = sorted(mine, key=lambda it: it.state is not MachineState.CONNECTED)
    labels = [
        (it.name if it.state is MachineState.CONNECTED else tr("{name} (away)", name=it.name), it.id) for it in ready
    ]
    return [*labels, (tr("the server"), HEAD)]
