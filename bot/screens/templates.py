"""/templates: forms under a name. Saved from a form's card, opened filled in, sent to another person as a text."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import ValidationError

from bot import amounts, recipes, words
from bot.arguments import unquote
from bot.callbacks import Callback, Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, lines, plain, text
from bot.language import N_, tr
from bot.messages import COPY_LIMIT, Button, CopyButton, Message, Row
from bot.recipes import BadText, PredictRecipe, TrainRecipe
from bot.screens.form_screen import FormScreen
from bot.screens.listing import Listing
from head.api import TEMPLATE_NAME_LIMIT, Draft, HayrideError, RefusedError, Template

#: The kind of the draft that waits for a template's name.
KIND = "template"
#: The newest of a person's templates, which are looked through.
_SEARCHED = 200
_MOST_TWINS = 20

Forms = Mapping[str, FormScreen[Any]]


class Templates:
    """Knows the forms, which it fills in."""

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._acts: dict[str, Callable[[Chat, Template], Awaitable[None]]] = {
            "open": self.run,
            "share": _share,
            "rename": _ask_name,
            "doubt": _doubt,
            "drop": _drop,
        }

    async def open(self, chat: Chat, arguments: str) -> None:
        """`/templates`, or `/templates NAME` to open that one's form."""
        wanted = " ".join(unquote(arguments).split()).casefold()
        if not wanted:
            await page(chat, 0)
            return
        mine = await chat.api.templates(chat.person.id, limit=_SEARCHED)
        found = next((template for template in mine if wanted in (template.name.casefold(), template.id)), None)
        if found is None:
            happened = fill("You have no template called {name}.", name=clip(arguments, 60))
            await chat.show(
                words.three(happened, fill("Nothing was started."), fill("See /templates for those that you have."))
            )
            return
        await self.run(chat, found)

    async def press(self, chat: Chat, callback: Callback) -> None:
        """A template's own screen, or what its buttons do."""
        template = await chat.api.template(chat.person.id, callback.id)
        await self._acts.get(callback.choice, _show)(chat, template)

    async def run(self, chat: Chat, template: Template) -> None:
        """The form, filled in and checked as if it had been typed just now."""
        recipe = _recipe(template)
        screen = self._forms[recipe.kind]
        await screen.begin(chat, await screen.filled(chat, recipe))

    async def answer(self, chat: Chat, draft: Draft, line: str) -> None:
        """The name that was asked for. One that cannot be used is asked for again."""
        try:
            if renamed := draft.fields.get("rename"):
                template = await chat.api.rename_template(chat.person.id, str(renamed), line)
            else:
                recipe = recipes.from_fields(dict(draft.fields))
                template = await chat.api.add_template(
                    chat.person.id, name=line, kind=recipe.kind, fields=recipes.to_fields(recipe)
                )
        except RefusedError as error:
            await chat.show(lines(words.error(error), Html(""), fill("Which name? /cancel leaves it.")))
            return
        except HayrideError:
            await chat.api.drop_draft(chat.person.id, draft.id)
            raise
        await chat.api.drop_draft(chat.person.id, draft.id)
        await _show(chat, template)

    async def take_in(self, chat: Chat, line: str) -> None:
        """A text that another person shared. Its name gets a number where it is taken."""
        try:
            shared = recipes.unpacked(line)
        except BadText as error:
            await chat.show(
                words.three(
                    text(tr(str(error))),
                    fill("Nothing was imported."),
                    fill("Ask for the text again, and send all of it."),
                )
            )
            return
        template = await _added(chat, shared.name, shared.recipe)
        await _show(chat, template, fill("Imported. Look at it before you run it: it was written by somebody else."))


async def save(chat: Chat, recipe: TrainRecipe | PredictRecipe) -> None:
    """Asks for the name under which a form is kept."""
    await _ask(chat, recipes.to_fields(recipe))
    await chat.say(fill("Under which name shall I keep this form? Type it, like churn weekly. /cancel leaves it."))


async def page(chat: Chat, offset: int) -> None:
    """Templates from `offset` on; each has a button that opens it."""
    await _TEMPLATES.show(chat, chat.api.templates, offset)


async def _show(chat: Chat, template: Template, note: Html | None = None) -> None:
    said = lines(note, fill("<b>{name}</b>", name=template.name), *_about(_recipe(template)))
    rows: tuple[Row, ...] = (
        (Button(label=tr("Open the form"), callback=pack(Verb.TEMPLATE, template.id, 0, "open")),),
        (
            Button(label=tr("Share"), callback=pack(Verb.TEMPLATE, template.id, 0, "share")),
            Button(label=tr("Rename"), callback=pack(Verb.TEMPLATE, template.id, 0, "rename")),
            Button(label=tr("Delete"), callback=pack(Verb.TEMPLATE, template.id, 0, "doubt")),
        ),
        (Button(label=tr("All templates"), callback=pack(Verb.OPEN, "templates")),),
    )
    await chat.show(Message(text=said, rows=rows))


async def _share(chat: Chat, template: Template) -> None:
    try:
        packed = recipes.packed(template.name, _recipe(template))
    except BadText as error:
        await chat.show(
            words.three(text(tr(str(error))), fill("The template is as it was."), fill("Shorten its lists of columns."))
        )
        return
    copy = ((CopyButton(label=tr("Copy the text"), text=packed),),) if len(packed) <= COPY_LIMIT else ()
    said = lines(
        fill("<b>{name}</b> as a text: whoever sends it to their Hayride has the template.", name=template.name),
        fill("It holds the paths and names that you see in it, and none of your data."),
        fill("<code>{packed}</code>", packed=packed),
    )
    await chat.say(Message(text=said, rows=copy))


async def _ask_name(chat: Chat, template: Template) -> None:
    await _ask(chat, {"rename": template.id})
    await chat.say(fill("What shall <b>{name}</b> be called? Type it. /cancel leaves it.", name=template.name))


async def _doubt(chat: Chat, template: Template) -> None:
    """Asks, and names what would go."""
    name = clip(template.name, TEMPLATE_NAME_LIMIT)
    yes = Button(
        label=plain(fill("Yes, delete {name}", name=name)), callback=pack(Verb.TEMPLATE, template.id, 0, "drop")
    )
    keep = Button(label=plain(fill("Keep {name}", name=name)), callback=pack(Verb.TEMPLATE, template.id))
    question = fill("Delete the template <b>{name}</b>? Models and jobs stay.", name=name)
    await chat.show(Message(text=question, rows=((yes,), (keep,))))


async def _drop(chat: Chat, template: Template) -> None:
    await chat.api.drop_template(chat.person.id, template.id)
    every = Button(label=tr("All templates"), callback=pack(Verb.OPEN, "templates"))
    said = fill("The template <b>{name}</b> is deleted.", name=template.name)
    await chat.show(Message(text=said, rows=((every,),)))


async def _ask(chat: Chat, fields: dict[str, object]) -> None:
    """From now on the next line is a name."""
    draft = Draft(
        id=secrets.token_hex(5), chat_id=chat.id, kind=KIND, fields=fields, asking="name", revision=1, paused=False
    )
    await chat.api.save_draft(chat.person.id, draft)


async def _added(chat: Chat, name: str, recipe: TrainRecipe | PredictRecipe) -> Template:
    for number in range(1, _MOST_TWINS):
        ending = f" {number}" if number > 1 else ""
        try:
            return await chat.api.add_template(
                chat.person.id,
                name=name[: TEMPLATE_NAME_LIMIT - len(ending)] + ending,
                kind=recipe.kind,
                fields=recipes.to_fields(recipe),
            )
        except RefusedError:
            if number == _MOST_TWINS - 1:
                raise
    raise AssertionError("unreachable")


def _recipe(template: Template) -> TrainRecipe | PredictRecipe:
    try:
        return recipes.from_fields(template.fields)
    except ValidationError as error:
        raise RefusedError(
            tr("{name} was written by another version of Hayride.", name=template.name),
            remedy=tr("Delete it and save the form again."),
        ) from error


def _about(recipe: TrainRecipe | PredictRecipe) -> list[Html]:
    data = fill("Data: <code>{file}</code>", file=clip(recipe.data, 300)) if recipe.data else fill("Data: asked for")
    model = fill("Model: {model}", model=clip(recipe.model, 100)) if recipe.model else fill("Model: asked for")
    if recipe.sheet:
        data = fill("{data}, {sheet}", data=data, sheet=tr("sheet {sheet}", sheet=clip(recipe.sheet, 40)))
    limit = fill("At most {time}", time=amounts.duration(recipe.time_limit))
    if isinstance(recipe, PredictRecipe):
        result = tr("result as {format}", format=recipe.output) if recipe.output != "same" else ""
        return [fill("Predicts"), model, data, *([text(result)] if result else []), limit]
    target = fill("Target: {target}", target=clip(recipe.target, 100)) if recipe.target else fill("Target: asked for")
    machine = fill("Machine: {machine}", machine=clip(recipe.machine, 60)) if recipe.machine else None
    then = fill("Then predicts: <code>{file}</code>", file=clip(recipe.then, 300)) if recipe.then else None
    file = recipe.split.removeprefix("file:") if recipe.split.startswith("file:") else ""
    checked = text(tr("checked on {file}", file=clip(file, 300))) if file else None
    more = [line for line in (machine, checked, then) if line is not None]
    return [fill("Trains"), data, target, model, *more, limit]


def _line(chat: Chat, template: Template) -> Html:
    kind = {"train": tr("trains"), "predict": tr("predicts")}.get(template.kind, template.kind)
    age = amounts.ago(template.created, chat.clock.now())
    return fill("<b>{name}</b> {kind}, {age}", name=template.name, kind=kind, age=age)


def _button(template: Template) -> Button:
    return Button(label=template.name, callback=pack(Verb.TEMPLATE, template.id))


_TEMPLATES = Listing[Template](
    command="templates",
    heading=N_("Templates"),
    nothing=N_("You have no template yet. Fill in a form and press Save as template."),
    line=_line,
    button=_button,
)
