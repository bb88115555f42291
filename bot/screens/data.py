"""/data: what a table is like, before anything is trained on it."""

from __future__ import annotations

import secrets

from pydantic import ValidationError

from bot import errors, places, words
from bot.arguments import parse
from bot.chat import Chat
from bot.html import Html, clip, fill, lines
from head.api import Data, HayrideError, PathData, ProfileSpec, UploadData

_EXAMPLE = "/data ~/hayride/churn.csv churned"


async def open(chat: Chat, arguments: str) -> None:
    """`/data PATH [TARGET] [on=MACHINE] [sheet=NAME]`: starts the job that looks; the target is looked at as such."""
    given = parse(arguments)
    if not given.words:
        await chat.show(fill("Which file? Type it behind the command: <code>{example}</code>", example=_EXAMPLE))
        return
    try:
        data, place = await _find(chat, given.words[0], given.options)
        spec = ProfileSpec(data=data, target=" ".join(given.words[1:]) or None)
        job = await chat.api.submit(chat.person.id, spec, place, request=f"data-{secrets.token_hex(8)}")
    except ValidationError:
        said = words.three(
            fill("That name is too long."),
            fill("Nothing was read."),
            fill("A good one looks like {example}", example=_EXAMPLE),
        )
        await chat.show(said)
    except _NoSuchPlace as error:
        await chat.show(error.said)
    except HayrideError as error:
        await chat.show(errors.told(error))
    else:
        chat.started.append(job.id)
        await chat.show_job(job)


class _NoSuchPlace(Exception):
    def __init__(self, said: Html) -> None:
        self.said = said


async def _find(chat: Chat, name: str, options: dict[str, str]) -> tuple[Data, str]:
    """The file and where it lies: one that was sent, else a path on the machine that was named, or the usual one."""
    place = ""
    if wanted := options.get("on", ""):
        found = await places.find(chat, wanted)
        if found is None:
            names = ", ".join(label for label, _ in await places.choices(chat))
            happened = fill("You have no machine called {name}.", name=clip(wanted, 60))
            raise _NoSuchPlace(
                words.three(happened, fill("Nothing was read."), fill("Choose one of: {names}", names=names))
            )
        place = found[0]
    sheet = options.get("sheet", "")
    sent = await chat.api.find_upload(chat.person.id, name) if "/" not in name and name[0] != "~" else None
    if sent is not None and place in ("", sent.place):
        return UploadData(upload_id=sent.id, name=sent.name, sheet=sheet), sent.place
    path = PathData(path=name, sheet=sheet)
    return path, place or await _place_of(chat, path)


async def _place_of(chat: Chat, path: PathData) -> str:
    """The machine that has the file. Raises _NoSuchPlace where none has it, or several."""
    searched = await places.search(chat, path)
    if searched is None:
        return await chat.api.default_place(chat.person.id)
    if not searched.found:
        raise _NoSuchPlace(places.nowhere(path, searched))
    if len(searched.found) > 1:
        names = [name for name, _ in await places.choices(chat, searched.found)]
        ways = [fill('<code>on="{name}"</code>', name=name) for name in names]
        ask = fill("Several of your machines have that file. Send the command again with one of these at its end:")
        raise _NoSuchPlace(lines(ask, *ways))
    return searched.found[0]
