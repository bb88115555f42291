"""Where a job may run: a person's machines by name, and the server."""

from __future__ import annotations

from bot import words
from bot.chat import Chat
from bot.html import Html, clip, fill
from bot.language import tr
from head.api import HEAD, DataPlaces, MachineState, MachineView, PathData

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


async def search(chat: Chat, data: PathData) -> DataPlaces | None:
    """Where a path lies; None with fewer than two connected machines, since then there is nothing to choose."""
    mine = await chat.api.machines(chat.person.id)
    if sum(it.state is MachineState.CONNECTED for it in mine) < 2:
        return None
    looking = fill(
        "Looking for <code>{file}</code> on your machines… Waking a sleeping cluster takes about 12 seconds.",
        file=clip(data.path, 200),
    )
    async with chat.waiting(looking):
        return await chat.api.places_with(chat.person.id, data)


def nowhere(data: PathData, searched: DataPlaces) -> Html:
    """That no machine has the file; which were asked, and which could not be."""
    file = clip(data.path, 200)
    looked, silent = (", ".join(clip(name, 40) for name in names) for names in (searched.without, searched.silent))
    if not looked:
        happened = fill("None of your machines answered: {silent}.", silent=silent)
    else:
        happened = fill("{file} is on none of these machines: {names}.", file=file, names=looked)
    meant = fill("Not looked at, since away: {silent}.", silent=silent) if silent and looked else None
    remedy = fill("Check the path and the folders that the machine shares: hayride-node allow, typed there.")
    return words.three(happened, meant or fill("Nothing was started."), remedy)


async def choices(chat: Chat, among: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """(label, id) of every place, connected machines first, the server last; or of the machines `among` only."""
    mine = await chat.api.machines(chat.person.id)
    if among:
        return [(it.name, it.id) for it in mine if it.id in among]
    ready = sorted(mine, key=lambda it: it.state is not MachineState.CONNECTED)
    labels = [
        (it.name if it.state is MachineState.CONNECTED else tr("{name} (away)", name=it.name), it.id) for it in ready
    ]
    return [*labels, (tr("the server"), HEAD)]
