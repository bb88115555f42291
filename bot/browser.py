"""Looking through a machine's allowed folders by buttons, a page at a time, until a file is tapped.

A path does not fit into a button. What is looked at, with the entries of the page as they were shown, is kept in a
draft; a button carries the number of its entry and the draft's revision, so it means what stood on it or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from bot import amounts
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, clean, clip, fill, lines, units
from bot.language import tr
from bot.messages import Button, Row
from head.api import HEAD, Folder, FolderEntry, MachineState

PAGE = 8
#: The choice of the button that begins it.
START = "start"
#: More than anybody has; a message holds no more anyway.
_MOST_MACHINES = 12
_ICONS = {"folder": "📁", "file": "📄"}

_T = TypeVar("_T")


class Browsing(BaseModel):
    """What is looked at; a part of a draft. While there is no `place` it is asked which machine."""

    model_config = ConfigDict(frozen=True)

    place: str = ""
    place_name: str = ""
    machines: tuple[tuple[str, str], ...] = ()  #: (id, name) where there are several to choose from
    path: str = ""  #: as the machine's owner knows it; "": its allowed folders
    up: str | None = None
    entries: tuple[FolderEntry, ...] = ()  #: of the page
    offset: int = 0
    count: int = 0  #: on all pages
    more: bool = False  #: the folder holds more than that
    parquet: bool = False


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A file, or a folder that is a table, was tapped."""

    place: str
    place_name: str
    path: str


async def start(chat: Chat, place: str) -> Browsing | None:
    """At that machine, or, where none is given, at the one that is connected; of several it is asked which. None where
    there is none. Raises HayrideError.
    """
    there = await _machines(chat, place)
    if len(there) > 1:
        return Browsing(machines=there)
    return await _look(chat, Browsing(place=there[0][0], place_name=there[0][1]), "", 0) if there else None


async def press(chat: Chat, at: Browsing, choice: str) -> Browsing | Chosen | None:
    """What a button leads to; None for one that is not on offer. Raises HayrideError."""
    if not at.place:
        chosen = _numbered(at.machines, choice)
        return chosen and await _look(
            chat, Browsing(place=chosen[0], place_name=chosen[1], machines=at.machines), "", 0
        )
    entry = _numbered(at.entries, choice)
    if entry is not None:
        inside = Folder(path=at.path, entries=at.entries).path_of(entry)
        return await _look(chat, at, inside, 0) if entry.kind == "folder" else _chosen(at, inside)
    if choice == "whole" and at.parquet:
        return _chosen(at, at.path)
    if choice == "up" and at.up is None and at.machines:
        return Browsing(machines=at.machines)
    ways: dict[str, tuple[str | None, int]] = {
        "up": (at.up, 0),
        "again": (at.path, 0),
        "before": (at.path, at.offset - PAGE),
        "further": (at.path, at.offset + PAGE),
    }
    path, offset = ways.get(choice, (None, 0))
    return None if path is None else await _look(chat, at, path, offset)


async def offer(chat: Chat, place: str, draft: str, revision: int) -> tuple[Row, ...]:
    """The button that begins it, where there is a machine to look at."""
    if not await _machines(chat, place):
        return ()
    return ((Button(label=tr("Browse files"), callback=pack(Verb.BROWSE, draft, revision, START)),),)


def shown(at: Browsing, *, now: datetime) -> Html:
    """What is looked at, in words."""
    if not at.place:
        return fill("On which machine does the file lie?")
    name = clip(at.place_name, 40)
    if at.path:
        heading = fill("<code>{path}</code> on {name}", path=_middle(at.path, 300), name=name)
    elif not at.entries:
        return fill("{name} shares no folder. Type there: <code>hayride-node allow ~/data</code>", name=name)
    else:
        heading = fill("Folders that {name} shares:", name=name)
    if not at.entries:
        nothing = fill("There is no folder in it and no table: CSV, Parquet, Excel, JSON lines or Feather.")
        return lines(heading, nothing, fill("Put a file there on the machine, then press Look again."))
    last = at.offset + len(at.entries)
    page, more = None, None
    if at.count > PAGE:
        page = fill("{first} to {last} of {count}", first=at.offset + 1, last=last, count=amounts.number(at.count))
    if at.more and last == at.count:
        more = fill("There are more than I list. Type the path of a file that is not among them.")
    return lines(heading, *(_line(entry, now) for entry in at.entries), page, more)


def rows(at: Browsing, draft: str, revision: int) -> tuple[Row, ...]:
    """A button for each entry, and the ways on."""

    def button(label: str, choice: str) -> Button:
        return Button(label=label, callback=pack(Verb.BROWSE, draft, revision, choice))

    if not at.place:
        return tuple((button(clip(name, 40), str(index)),) for index, (_, name) in enumerate(at.machines))
    entries = [
        (button(f"{_ICONS[entry.kind]} {_middle(entry.name, 40)}", str(index)),)
        for index, entry in enumerate(at.entries)
    ]
    whole = [(button(tr("All Parquet files here as one table"), "whole"),)] if at.parquet else []
    ways = [
        *([button(tr("Up"), "up")] if at.up is not None or at.machines else []),
        *([button(tr("Before"), "before")] if at.offset else []),
        *([button(tr("Further"), "further")] if at.offset + len(at.entries) < at.count else []),
        *([button(tr("Look again"), "again")] if not at.entries else []),
    ]
    return (*whole, *entries, *((tuple(ways),) if ways else ()))


async def _machines(chat: Chat, place: str) -> tuple[tuple[str, str], ...]:
    """(id, name) of those that can be looked at: connected, and the one that is meant."""
    if place == HEAD:
        return ()
    mine = await chat.api.machines(chat.person.id)
    there = [(it.id, it.name) for it in mine if it.state is MachineState.CONNECTED]
    return tuple(it for it in there if place in ("", it[0]))[:_MOST_MACHINES]


async def _look(chat: Chat, at: Browsing, path: str, offset: int) -> Browsing:
    note = fill(
        "Looking into a folder on {name}… Waking a sleeping cluster takes about 12 seconds.",
        name=clip(at.place_name, 40),
    )
    async with chat.waiting(note):
        folder = await chat.api.browse(chat.person.id, at.place, path)
    count = len(folder.entries)
    offset = max(0, min(offset, (count - 1) // PAGE * PAGE))
    return at.model_copy(
        update={
            "path": folder.path, "up": folder.up, "entries": folder.entries[offset : offset + PAGE], "offset": offset,
            "count": count, "more": folder.more, "parquet": folder.parquet,
        }
    )  # fmt: skip


def _numbered(offered: tuple[_T, ...], choice: str) -> _T | None:
    return offered[int(choice)] if choice.isdigit() and int(choice) < len(offered) else None


def _chosen(at: Browsing, path: str) -> Chosen:
    return Chosen(place=at.place, place_name=at.place_name, path=path)


def _line(entry: FolderEntry, now: datetime) -> Html:
    icon, name = _ICONS[entry.kind], _middle(entry.name, 80)
    if entry.kind == "folder":
        return fill("{icon} {name}", icon=icon, name=name)
    age = amounts.ago(datetime.fromtimestamp(entry.changed, UTC), now)
    return fill("{icon} {name}: {size}, {age}", icon=icon, name=name, size=amounts.size(entry.size), age=age)


def _middle(value: str, limit: int) -> str:
    """The cleaned value in at most `limit` UTF-16 units; what is cut is in its middle, since names often begin alike,
    and their ending tells what they are.
    """
    name = clean(value)
    if units(name) <= limit:
        return name
    tail = name[-(limit // 3) :]
    while units(tail) > limit // 3:
        tail = tail[1:]
    return clip(name, limit - units(tail)) + tail
