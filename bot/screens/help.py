"""/help: every command with a word about it."""

from __future__ import annotations

from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.commands import ADMIN_COMMANDS, COMMANDS
from bot.html import Html, fill, lines
from bot.language import tr
from bot.messages import Button, Message


async def open(chat: Chat, arguments: str) -> None:
    every: list[Html] = []
    for it in COMMANDS + (ADMIN_COMMANDS if chat.person.admin else ()):
        every.append(fill("/{name} {about}", name=it.name, about=tr(it.about)))
        if it.example:
            every.append(fill("<code>{example}</code>", example=it.example))
    more = lines(
        Html(""),
        fill("Send me a CSV or Parquet file and I ask what to do with it. Quote names that have spaces."),
        fill("Settings go behind: <code>model=random_forest max_depth=6 test=0.2 limit=30m on=laptop</code>"),
        fill("All in one: <code>/train ~/hayride/churn.csv churned then predict ~/hayride/new.csv</code>"),
    )
    buttons = (
        Button(label=tr("Connect a machine"), callback=pack(Verb.OPEN, "connect")),
        Button(label=tr("Train a model"), callback=pack(Verb.OPEN, "train")),
    )
    await chat.show(Message(text=lines(*every, more), rows=(buttons,)))
