"""A file that was sent: it fills the field that asks for one, else the person says what it is for."""

from __future__ import annotations

import secrets

from bot import amounts, words
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import clip, fill, lines
from bot.language import tr
from bot.messages import Button, Message, Sent
from bot.results import place_title
from head.api import HEAD, UPLOAD_LIMIT, Draft, UploadData, UploadView

#: The kind of the draft that keeps a sent file until its purpose is known.
KIND = "file"


async def receive(chat: Chat, file: Sent) -> UploadView | None:
    """The file, stored; None where it was not taken, and that was said."""
    name = clip(file.name, 100)
    if file.size > UPLOAD_LIMIT:
        said = words.three(
            fill(
                "{name} has {size}; this chat takes at most {limit}.",
                name=name,
                size=amounts.size(file.size),
                limit=amounts.size(UPLOAD_LIMIT),
            ),
            fill("It was not sent anywhere."),
            fill("Put it into ~/hayride on your machine and send me its path, or send a smaller Parquet file."),
        )
        await chat.show(said)
        return None
    if file.size == 0:
        empty = fill("{name} is empty.", name=name)
        await chat.show(
            words.three(empty, fill("There was nothing to store."), fill("Check that the export finished."))
        )
        return None
    async with chat.waiting(
        fill("Taking in <code>{name}</code>… Waking a sleeping cluster takes about 12 seconds.", name=name)
    ):
        return await chat.api.upload(chat.person.id, name, file.content())


async def offer(chat: Chat, upload: UploadView) -> None:
    """What is it for?"""
    data = UploadData(upload_id=upload.id, name=upload.name)
    draft = Draft(
        id=secrets.token_hex(5),
        chat_id=chat.id,
        kind=KIND,
        fields={"data": data.model_dump(mode="json"), "place": upload.place},
        asking="",
        revision=1,
        paused=True,
    )
    await chat.api.save_draft(chat.person.id, draft)
    where = tr("the server") if upload.place == HEAD else await _name(chat, upload.place)
    said = lines(
        fill(
            "Got <code>{name}</code>, {size}. It is on {where} now.",
            name=clip(upload.name, 100),
            size=amounts.size(upload.size),
            where=where,
        ),
        fill("What shall I do with it?"),
    )
    train = Button(label=tr("Train on it"), callback=pack(Verb.USE, draft.id, 1, "train"))
    predict = Button(label=tr("Predict with it"), callback=pack(Verb.USE, draft.id, 1, "predict"))
    await chat.show(Message(text=said, rows=((train, predict),)))


async def _name(chat: Chat, place: str) -> str:
    machines = await chat.api.machines(chat.person.id)
    return place_title(place, next((it.name for it in machines if it.id == place), ""))
