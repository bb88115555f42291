"""/models: your models, and predicting with one."""

from __future__ import annotations

from bot import amounts
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill
from bot.messages import Button
from bot.results import headline, model_title, place_title
from bot.screens.listing import Listing
from head.api import ModelView


async def open(chat: Chat, arguments: str) -> None:
    await page(chat, 0)


async def page(chat: Chat, offset: int) -> None:
    """Models from `offset` on; each has a button that predicts with it."""
    await _MODELS.show(chat, chat.api.models, offset)


def _line(chat: Chat, model: ModelView) -> Html:
    return fill(
        "<b>{name}</b> <code>{id}</code>, {age}, on {where}\n{kind} for {target}: {result}",
        name=clip(model.name, 60),
        id=model.id,
        age=amounts.ago(model.created, chat.clock.now()),
        where=place_title(model.place, model.place_name),
        kind=clip(model_title(model.result.model), 60),
        target=clip(model.result.target, 60),
        result=headline(model.result),
    )


def _button(model: ModelView) -> Button:
    return Button(label=clip(f"Predict with {model.name}", 40), callback=pack(Verb.MODEL, model.id))


_MODELS = Listing[ModelView](
    command="models",
    heading="Models",
    nothing="You have no model yet. Train one first.",
    line=_line,
    button=_button,
)
