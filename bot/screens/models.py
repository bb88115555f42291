"""/models: your models, and predicting with one."""

from __future__ import annotations

from bot import amounts
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import clip, fill, lines, text
from bot.messages import Button, Message, Row
from bot.results import headline, model_title, place_title
from bot.screens.jobs import PAGE, pages
from head.api import ModelView


async def open(chat: Chat, arguments: str) -> None:
    await page(chat, 0)


async def page(chat: Chat, offset: int) -> None:
    found = await chat.api.models(chat.person.id, limit=PAGE + 1, offset=offset)
    shown = found[:PAGE]
    if not shown:
        train = Button(label="Train a model", callback=pack(Verb.OPEN, "train"))
        await chat.show(Message(text=text("You have no model yet. Train one first."), rows=((train,),)))
        return
    now = chat.clock.now()
    listed = [
        fill(
            "<b>{name}</b> <code>{id}</code>, {age}, on {where}\n{kind} for {target}: {result}",
            name=clip(model.name, 60),
            id=model.id,
            age=amounts.ago(model.created, now),
            where=place_title(model.place, model.place_name),
            kind=clip(model_title(model.result.model), 60),
            target=clip(model.result.target, 60),
            result=headline(model.result),
        )
        for model in shown
    ]
    rows: list[Row] = [(_predict(model),) for model in shown]
    text_ = lines(fill("<b>Models</b>"), *listed)
    await chat.show(Message(text=text_, rows=(*rows, *pages("models", offset, len(found) > PAGE))))


def _predict(model: ModelView) -> Button:
    return Button(label=clip(f"Predict with {model.name}", 40), callback=pack(Verb.MODEL, model.id))
