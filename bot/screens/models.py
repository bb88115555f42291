"""/models: your models, and what can be done with them. Deleting takes a second tap that names the model."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence

from bot import amounts, words
from bot.arguments import parse
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.comparison import compared
from bot.html import Html, clip, fill, lines
from bot.language import N_, tr
from bot.messages import Button, Message
from bot.named_models import SEARCHED, called, first_of
from bot.results import headline, model_title, place_title
from bot.screens.listing import Listing
from head.api import EXPORT_FORMS, ExportSpec, JobStatus, ModelView

Mine = Sequence[ModelView]
Act = Callable[[Chat, Mine, tuple[str, ...]], Awaitable[None]]


async def open(chat: Chat, arguments: str) -> None:
    """`/models`, or with something to do: `rename OLD NEW`, `delete NAME`, `compare ONE OTHER`, `export NAME FORM`."""
    given = parse(arguments).words
    if not given:
        await page(chat, 0)
        return
    act = _ACTS.get(given[0].casefold())
    if act is None:
        await _say_usage(chat, fill("I can't {word} models.", word=clip(given[0], 40)))
        return
    await act(chat, await chat.api.models(chat.person.id, limit=SEARCHED), given[1:])


async def page(chat: Chat, offset: int) -> None:
    """Models from `offset` on; each has a button that predicts with it."""
    await _MODELS.show(chat, chat.api.models, offset)


async def delete(chat: Chat, model_id: str) -> None:
    """After the question was answered with yes."""
    model = await chat.api.model(chat.person.id, model_id)
    await chat.api.drop_model(chat.person.id, model_id)
    where = place_title(model.place, model.place_name)
    await chat.show(fill("<b>{name}</b> is deleted from {where}.", name=called(model), where=where))


async def card(chat: Chat, model_id: str) -> None:
    """Begins to write a model's card, below its result; one that is being written is shown instead."""
    chat.keep()
    model = await chat.api.model(chat.person.id, model_id)
    spec = ExportSpec(model_id=model.id, form="card")
    open_ = [status for status in JobStatus if not status.ended]
    begun = [job for job in await chat.api.jobs(chat.person.id, limit=SEARCHED, among=open_) if job.spec == spec]
    if begun:
        await chat.show_job(begun[0])
    else:
        await _begin_export(chat, spec, model)


async def _rename(chat: Chat, mine: Mine, given: tuple[str, ...]) -> None:
    # The longest beginning that names a model and leaves a name: "/models rename my model better".
    model, rest = first_of(mine, given[:-1])
    name = " ".join((*rest, *given[-1:]))
    if model is None:
        await _say_unknown(chat, given, "rename")
        return
    renamed = await chat.api.rename_model(chat.person.id, model.id, name)
    await chat.show(fill("{old} is now <b>{new}</b>.", old=called(model), new=called(renamed)))


async def _ask_delete(chat: Chat, mine: Mine, given: tuple[str, ...]) -> None:
    model, rest = first_of(mine, given)
    if model is None or rest:
        await _say_unknown(chat, given, "delete")
        return
    name, where = called(model, 30), place_title(model.place, model.place_name)
    question = lines(
        fill("Delete <b>{name}</b> <code>{id}</code> from {where}?", name=name, id=model.id, where=where),
        fill("It is gone for good; predictions that it made stay."),
    )
    yes = Button(label=tr("Yes, delete {name}", name=name), callback=pack(Verb.DELETE, model.id))
    keep = Button(label=tr("Keep {name}", name=name), callback=pack(Verb.OPEN, "models"))
    await chat.show(Message(text=question, rows=((yes,), (keep,))))


async def _compare(chat: Chat, mine: Mine, given: tuple[str, ...]) -> None:
    one, rest = first_of(mine, given)
    other, beyond = first_of(mine, rest)
    if one is None or other is None or beyond:
        await _say_unknown(chat, rest or given, "compare")
        return
    await chat.show(compared(one, other, chat.clock.now()))


async def _export(chat: Chat, mine: Mine, given: tuple[str, ...]) -> None:
    forms = [form for form in EXPORT_FORMS if given and given[-1].casefold() == form]
    model, rest = first_of(mine, given[:-1] if forms else given)
    if model is None or rest:
        await _say_unknown(chat, given, "export")
        return
    await _begin_export(chat, ExportSpec(model_id=model.id, form=forms[0] if forms else "card"), model)


async def _begin_export(chat: Chat, spec: ExportSpec, model: ModelView) -> None:
    job = await chat.api.submit(chat.person.id, spec, model.place, request=f"export-{secrets.token_hex(8)}")
    chat.started.append(job.id)
    await chat.show_job(job)


_ACTS: dict[str, Act] = {"rename": _rename, "delete": _ask_delete, "compare": _compare, "export": _export}
_EXAMPLES = (
    "/models rename churn spring",
    "/models delete churn v1",
    "/models compare churn spring",
    "/models export churn onnx",
)


async def _say_unknown(chat: Chat, given: Sequence[str], act: str) -> None:
    wanted = clip(" ".join(given), 60)
    happened = fill("You have no model called {name}.", name=wanted) if given else fill("Which model?")
    await _say_usage(chat, happened, next(example for example in _EXAMPLES if act in example))


async def _say_usage(chat: Chat, happened: Html, example: str = "") -> None:
    examples = [example] if example else list(_EXAMPLES)
    good = [fill("<code>{example}</code>", example=each) for each in examples]
    like = fill("Names are those of /models. Good ones look like:")
    if not example or "export" in example:
        like = fill("export knows {forms}. {like}", forms=", ".join(EXPORT_FORMS), like=like)
    said = words.three(happened, fill("Nothing was changed."), like)
    await chat.show(lines(said, *good))


def _line(chat: Chat, model: ModelView) -> Html:
    return fill(
        "<b>{name}</b> <code>{id}</code>, {age}, on {where}\n{kind} for {target}: {result}",
        name=called(model),
        id=model.id,
        age=amounts.ago(model.created, chat.clock.now()),
        where=place_title(model.place, model.place_name),
        kind=clip(model_title(model.result.model), 60),
        target=clip(model.result.target, 60),
        result=headline(model.result),
    )


def _button(model: ModelView) -> Button:
    return Button(
        label=clip(tr("Predict with {model}", model=called(model, 22)), 40), callback=pack(Verb.MODEL, model.id)
    )


_MODELS = Listing[ModelView](
    command="models",
    heading=N_("Models"),
    nothing=N_("You have no model yet. Train one first."),
    line=_line,
    button=_button,
)
