"""/data: what a table is like, before anything is trained on it."""

from __future__ import annotations

import secrets
from dataclasses import replace

from pydantic import ValidationError

from bot import browser, errors, places, words
from bot.arguments import parse
from bot.browser import Browsing, Chosen
from bot.callbacks import Callback, Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, lines
from bot.language import tr
from bot.messages import Button, Message, Row
from head.api import Data, Draft, HayrideError, PathData, ProfileSpec, UploadData

_EXAMPLE = "/data ~/hayride/churn.csv churned"


#: The kind of the draft that keeps the folder which is looked through.
KIND = "data"
_LEAVE = "leave"


async def open(chat: Chat, arguments: str) -> None:
    """`/data PATH [TARGET] [on=MACHINE] [sheet=NAME]`: starts the job that looks; the target is looked at as such.
    Without a path, the machine's folders.
    """
    given = parse(arguments)
    try:
        if not given.words:
            await _browse(chat, await _named(chat, given.options))
            return
        data, place = await _find(chat, given.words[0], given.options)
        target = " ".join(given.words[1:]) or None
        await _start(chat, data, target, place, request=f"data-{secrets.token_hex(8)}")
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


async def press(chat: Chat, draft: Draft, callback: Callback) -> None:
    """One step through the folders. A file that is tapped is looked at, once however often it is tapped."""
    at = Browsing.model_validate(draft.fields)
    if callback.choice == _LEAVE:
        await chat.api.drop_draft(chat.person.id, draft.id)
        await chat.show(fill("Nothing was read."))
        return
    if callback.revision != draft.revision:
        await chat.alert("That folder was left since. Here is where you are.")
        await _show(chat, draft, at)
        return
    try:
        reached = await browser.press(chat, at, callback.choice)
        if isinstance(reached, Chosen):
            path = PathData(path=reached.path)
            await _start(chat, path, None, reached.place, request=f"{draft.id}:{draft.revision}")
            return
    except HayrideError as error:
        await chat.show(Message(text=errors.told(error), rows=_rows(draft, at)))
        return
    if reached is None:
        await chat.alert("That answer is not on offer any more.")
        await _show(chat, draft, at)
        return
    draft = replace(draft, fields=reached.model_dump(mode="json"), revision=draft.revision + 1)
    await _show(chat, await chat.api.save_draft(chat.person.id, draft), reached)


async def _browse(chat: Chat, place: str) -> None:
    """The folders of a machine, or which machine; how else to name a file where none can be looked at."""
    at = await browser.start(chat, place)
    if at is None:
        ask = fill("Which file? Type it behind the command: <code>{example}</code>", example=_EXAMPLE)
        await chat.show(lines(ask, fill("Or send me the file here, then its name behind the command.")))
        return
    draft = Draft(
        id=secrets.token_hex(5), chat_id=chat.id, kind=KIND, fields=at.model_dump(mode="json"), asking="", revision=1,
        paused=True,
    )  # fmt: skip
    await _show(chat, await chat.api.save_draft(chat.person.id, draft), at)


async def _show(chat: Chat, draft: Draft, at: Browsing) -> None:
    typed = fill("Or type the path: <code>{example}</code>", example=_EXAMPLE)
    said = lines(fill("<b>Look at a table</b>"), browser.shown(at, now=chat.clock.now()), Html(""), typed)
    await chat.show(Message(text=said, rows=_rows(draft, at)))


def _rows(draft: Draft, at: Browsing) -> tuple[Row, ...]:
    cancel = Button(label=tr("Cancel"), callback=pack(Verb.BROWSE, draft.id, draft.revision, _LEAVE))
    return (*browser.rows(at, draft.id, draft.revision), (cancel,))


async def _start(chat: Chat, data: Data, target: str | None, place: str, *, request: str) -> None:
    spec = ProfileSpec(data=data, target=target)
    job = await chat.api.submit(chat.person.id, spec, place, request=request)
    chat.started.append(job.id)
    await chat.show_job(job)


class _NoSuchPlace(Exception):
    def __init__(self, said: Html) -> None:
        self.said = said


async def _named(chat: Chat, options: dict[str, str]) -> str:
    """The place that `on=` names; "" for none. Raises _NoSuchPlace."""
    wanted = options.get("on", "")
    found = await places.find(chat, wanted) if wanted else ("", "")
    if found is None:
        names = ", ".join(label for label, _ in await places.choices(chat))
        happened = fill("You have no machine called {name}.", name=clip(wanted, 60))
        raise _NoSuchPlace(
            words.three(happened, fill("Nothing was read."), fill("Choose one of: {names}", names=names))
        )
    return found[0]


async def _find(chat: Chat, name: str, options: dict[str, str]) -> tuple[Data, str]:
    """The file and where it lies: one that was sent, else a path on the machine that was named, or the usual one."""
    place = await _named(chat, options)
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
