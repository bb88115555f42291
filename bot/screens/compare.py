"""[Compare] below a model: which other one is meant, and the two side by side."""

from __future__ import annotations

from collections.abc import Sequence

from bot.callbacks import Callback, Verb, pack
from bot.chat import Chat
from bot.comparison import compared
from bot.html import Html, clip, fill
from bot.language import N_, tr
from bot.messages import Button, Message
from bot.named_models import SEARCHED, called
from bot.results import headline
from bot.screens.listing import Listing
from head.api import ModelView

#: Characters of the other model's id that stand in a button, so that both fit: 80 bits of one that we made.
_BEGINNING = 20


async def press(chat: Chat, callback: Callback) -> None:
    """Below a result, with no other model yet; or on one of the list."""
    if not callback.choice:
        chat.keep()
    one = await chat.api.model(chat.person.id, callback.id)
    others = await _others(chat, one)
    if callback.choice:
        others = [other for other in others if other.id[:_BEGINNING] == callback.choice]
        if not others:
            await chat.alert("That model is gone. Here are those that are there.")
            await page(chat, callback.id, 0)
            return
    if not others:
        train = Button(label=tr("Train a model"), callback=pack(Verb.OPEN, "train"))
        said = fill("<b>{name}</b> is your only model. Train another one, then compare them here.", name=called(one))
        await chat.show(Message(text=said, rows=((train,),)))
    elif len(others) == 1:
        await _show(chat, one, others[0], asked=bool(callback.choice))
    else:
        await page(chat, one.id, 0)


async def page(chat: Chat, model_id: str, offset: int) -> None:
    """The other models from `offset` on: those of the same target first, since their numbers compare."""
    one = await chat.api.model(chat.person.id, model_id)

    async def others(person_id: str, /, *, limit: int, offset: int) -> Sequence[ModelView]:
        return (await _others(chat, one))[offset : offset + limit]

    def button(other: ModelView) -> Button:
        packed = pack(Verb.COMPARE, one.id, 0, other.id[:_BEGINNING])
        return Button(label=clip(called(other, 30), 40), callback=packed)

    listed = Listing[ModelView](
        command=f"compare-{one.id}",
        heading=N_("Compare with which model?"),
        nothing=N_("There is no other model to compare with. Train another one."),
        line=_line,
        button=button,
    )
    await listed.show(chat, others, offset)


async def _others(chat: Chat, one: ModelView) -> list[ModelView]:
    others = [model for model in await chat.api.models(chat.person.id, limit=SEARCHED) if model.id != one.id]
    return sorted(others, key=lambda model: model.result.target != one.result.target)


async def _show(chat: Chat, one: ModelView, other: ModelView, *, asked: bool) -> None:
    predict = tuple(
        Button(label=clip(tr("Predict with {model}", model=called(it, 22)), 40), callback=pack(Verb.MODEL, it.id))
        for it in (one, other)
    )
    back = Button(label=tr("Compare with another one"), callback=pack(Verb.PAGE, f"compare-{one.id}", 0, "0"))
    rows = (predict, (back,)) if asked else (predict,)
    await chat.show(Message(text=compared(one, other, chat.clock.now()), rows=rows))


def _line(chat: Chat, model: ModelView) -> Html:
    target = clip(model.result.target, 60)
    return fill(
        "<b>{name}</b> for {target}: {result}", name=called(model), target=target, result=headline(model.result)
    )
