"""/predict: one card with the model and the data. It runs where the model lives."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import ClassVar

from pydantic import ValidationError

from bot import amounts, form_settings, words
from bot.arguments import parse, unquote
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.form import PredictForm, Trouble
from bot.form_settings import NotUsable
from bot.html import Html, clip, fill, lines
from bot.language import N_, tr
from bot.messages import Button, Message
from bot.named_models import SEARCHED, called, find, first_of, last_of
from bot.recipes import PredictRecipe, TrainRecipe
from bot.results import headline, place_title
from bot.screens.form_card import Option
from bot.screens.form_screen import FormScreen
from bot.typed_rows import example, typed_rows
from head.api import HEAD, TYPED_ROWS, ModelView, RowsData, Spec, UploadData
from head.api import PredictSpec as Predict

_OFFERED = 8
_SETTINGS_EXAMPLE = "output=xlsx reasons=3 limit=10m"


class PredictScreen(FormScreen[PredictForm]):
    kind = "predict"
    heading = N_("Predict with a model")
    fields: ClassVar = (("model", N_("Model")), ("data", N_("Data")), ("settings", N_("Settings")))
    form = PredictForm

    async def open(self, chat: Chat, arguments: str) -> None:
        """`/predict [MODEL] PATH [limit=TIME]`, or rows for a path: `/predict [MODEL] age=41 plan=pro`, more of them on
        further lines; without a model, the newest.
        """
        models = await _models(chat)
        if not models:
            return
        given = [parse(line) for line in arguments.splitlines()]
        model, path, unknown = _sorted_out(models, tuple(word for line in given for word in line.words))
        form = self._with_model(self.blank(), model)
        if unknown:
            form = form.model_copy(update={"trouble": _no_model(unknown)})
        trouble = form.trouble
        settings: dict[str, str] = {}
        rows = []
        for line in given:
            ours, row = _told_apart(line.options, (*form.features, form.target))
            settings |= ours | (row if path else {})  # beside a path there are no rows
            rows += [row] if row else []
        if path:
            form = await self.with_data(chat, form, path)
        elif rows:
            form = self._with_rows(form, rows)
        if settings:
            form = self._with_settings(form, settings)
        await self.begin(chat, form if trouble is None else form.model_copy(update={"trouble": trouble}))

    async def open_file(self, chat: Chat, data: UploadData, place: str) -> None:
        """The form for a file that was just sent: the newest model that lives beside it, else the newest."""
        models = await _models(chat)
        if not models:
            return
        beside = [model for model in models if model.place == place] or models
        form = self.blank().model_copy(update={"data": data, "place": place})
        await self.begin(chat, self._with_model(form, max(beside, key=lambda model: model.created)))

    async def open_with(self, chat: Chat, model_id: str) -> None:
        """The form for one model, from its [Predict] button."""
        await self.begin(chat, self._with_model(self.blank(), await chat.api.model(chat.person.id, model_id)))

    def recipe(self, form: PredictForm) -> PredictRecipe:
        kept = form.model_dump(include={"time_limit", "sheet", "output", "reasons", "threshold"})
        return PredictRecipe(data=form.file, model=form.model_name, **kept)

    async def filled(self, chat: Chat, recipe: TrainRecipe | PredictRecipe) -> PredictForm:
        assert isinstance(recipe, PredictRecipe)
        form = PredictForm.model_validate(recipe.model_dump(exclude={"kind", "data", "model"}))
        if recipe.model:
            form = await self.set(chat, form, "model", recipe.model)
        trouble = form.trouble
        form = await self.with_data(chat, form, recipe.data)
        return form if trouble is None else form.model_copy(update={"trouble": trouble})

    def target(self, form: PredictForm) -> str | None:
        return None

    def browsed(self, form: PredictForm) -> str:
        return form.model_place

    def missing(self, form: PredictForm) -> str:
        return "model" if not form.model_id else "data" if form.data is None else ""

    def spec(self, form: PredictForm) -> Spec:
        assert form.table is not None
        return Predict(
            data=form.table,
            model_id=form.model_id,
            output=form.output,
            reasons=form.reasons,
            threshold=form.threshold,
            time_limit=form.time_limit,
        )

    def body(self, form: PredictForm) -> list[Html]:
        model = fill("Model: {title} <code>{id}</code>", title=clip(form.model_title, 160), id=form.model_id)
        shown = [model if form.model_id else fill("Model: not chosen yet")]
        lacking = [clip(name, 40) for name in _lacking(form)]
        if lacking:
            names = ", ".join(lacking[:5]) + (" …" if len(lacking) > 5 else "")
            said = fill("⚠️ The model learned from columns that this file lacks: {names}", names=names)
            typed = fill("⚠️ The model also learned from columns that you did not type: {names}", names=names)
            shown.append(said if form.facts is not None else typed)
        return [*shown, fill("Settings: {settings}", settings=", ".join(_settings(form)))]

    async def question(self, chat: Chat, form: PredictForm, field: str) -> tuple[Html, list[Option]]:
        if field == "data":
            where = place_title(form.place, form.place_name) if form.place else tr("the model's machine")
            on_the_server = fill("This model lives on the server. Send me the file to predict.")
            path = fill("Which file? Type its path on {where}, or send me the file.", where=where)
            like = clip(example(form.features), 120)
            row = fill("Or type a row: <code>{row}</code>", row=like) if like else None
            return lines(on_the_server if form.model_place == HEAD else path, row), []
        if field == "model":
            models = await chat.api.models(chat.person.id, limit=_OFFERED)
            now = chat.clock.now()
            options = [(f"{called(model)}, {amounts.ago(model.created, now)}", model.id) for model in models]
            return fill("Which model?"), options
        return fill("Which settings? Type them like <code>{example}</code>", example=_SETTINGS_EXAMPLE), []

    async def set(self, chat: Chat, form: PredictForm, field: str, answer: str) -> PredictForm:
        if field == "data":
            return await self.with_data(chat, form, answer)
        form = form.model_copy(update={"trouble": None})
        if field == "model":
            found = find(await chat.api.models(chat.person.id, limit=SEARCHED), unquote(answer))
            if found is None:
                return form.model_copy(update={"trouble": _no_model(answer)})
            return self._with_model(form, found)
        given = parse(answer)
        return self._with_settings(form, given.options, given.words)

    def _with_settings(self, form: PredictForm, options: dict[str, str], rest: Sequence[str] = ()) -> PredictForm:
        """`rest`: what was typed besides, and means nothing."""
        strange = [*rest, *(f"{name}={given}" for name, given in options.items() if name not in form_settings.PREDICT)]
        if strange:
            happened = fill("I did not understand {words}.", words=clip(" ".join(strange), 80))
            like = fill("Settings look like {settings_example}", settings_example=_SETTINGS_EXAMPLE)
            return form.model_copy(update={"trouble": form_settings.trouble(happened, like)})
        try:
            return self.with_settings(form, form_settings.PREDICT, options)
        except NotUsable as error:
            return form.model_copy(update={"trouble": error.trouble})

    async def with_data(self, chat: Chat, form: PredictForm, name: str) -> PredictForm:
        """Rows, or a file as any form takes it."""
        typed = typed_rows(name)
        return self._with_rows(form, typed) if typed else await super().with_data(chat, form, unquote(name))

    def _with_rows(self, form: PredictForm, rows: list[dict[str, str]]) -> PredictForm:
        """The form with typed rows. Case does not matter; a name that the model never saw is a trouble."""
        known = {name.casefold() for name in (*form.features, form.target)}
        strange = [name for row in rows for name in row if known and name.strip().casefold() not in known]
        if strange:
            near = get_close_matches(strange[0], form.features, n=3) or form.features[:5]
            return _not_taken(
                form,
                fill("The model knows no column {name}.", name=clip(strange[0], 60)),
                fill("It learned from: {names}", names=", ".join(clip(name, 40) for name in near)),
            )
        try:
            data = RowsData(rows=tuple(rows))
        except ValidationError:
            return _not_taken(
                form,
                fill("Those are more rows, or longer ones, than I take as text."),
                fill("Send up to {n} rows, or a file.", n=TYPED_ROWS),
            )
        changes = {"data": data, "facts": None, "trouble": None, "away": False}
        return self.settled(form.model_copy(update=changes))

    def _with_model(self, form: PredictForm, model: ModelView) -> PredictForm:
        changes: dict[str, object] = {
            "model_id": model.id,
            "model_name": f"{model.name} v{model.version}",
            "model_title": f"{called(model)} ({_score(model)})",
            "features": model.result.features,
            "target": model.result.target,
            "place": model.place,
            "place_name": model.place_name,
            "place_chosen": False,
            "model_place": model.place,
            "facts": None,
            "away": False,
        }
        moved = form.data is not None and form.place != model.place
        return self._near_model(form.model_copy(update=changes), moved=moved)

    def settled(self, form: PredictForm) -> PredictForm:
        return self._near_model(form, moved=form.place != form.model_place)

    def _near_model(self, form: PredictForm, *, moved: bool) -> PredictForm:
        """The form at its model's place; a sent file that lies elsewhere is a trouble."""
        data = form.data
        changes: dict[str, object] = {"place": form.model_place or form.place}
        if moved and data is not None and data.kind == "upload" and form.model_place:
            said = words.three(
                fill("{name} was sent to another place than the one where this model lives.", name=data.name),
                fill("The file is as it was."),
                fill(
                    "Send it again while the model's machine is connected, type a path there, or choose another model."
                ),
            )
            changes["trouble"] = Trouble(field="data", html=said)
        return form.model_copy(update=changes)


def _told_apart(options: dict[str, str], columns: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """(settings, row). A column that is called like a setting is a column."""
    known = {name.casefold() for name in columns}
    settings = form_settings.PREDICT
    ours = {name: given for name, given in options.items() if name in settings and name.casefold() not in known}
    return ours, {name: given for name, given in options.items() if name not in ours}


def _settings(form: PredictForm) -> list[str]:
    """In words."""
    return [
        *([tr("sheet {sheet}", sheet=clip(form.sheet, 40))] if form.sheet else []),
        *([tr("result as {format}", format=form.output)] if form.output != "same" else []),
        *([_reasons(form.reasons)] if form.reasons else []),
        *([tr("threshold {threshold}", threshold=amounts.metric(form.threshold))] if form.threshold else []),
        tr("at most {time}", time=amounts.duration(form.time_limit)),
    ]


def _reasons(n: int) -> str:
    return amounts.plural(n, "with {n} reason for each row", "with {n} reasons for each row")


def _not_taken(form: PredictForm, happened: Html, remedy: Html) -> PredictForm:
    said = words.three(happened, fill("The form keeps what it had."), remedy)
    return form.model_copy(update={"trouble": Trouble(field="data", html=said)})


def _lacking(form: PredictForm) -> list[str]:
    """The model's columns that the data has not, as far as it is known."""
    if isinstance(form.data, RowsData):
        typed = {name.strip().casefold() for row in form.data.rows for name in row}
        return [name for name in form.features if name.casefold() not in typed]
    if form.facts is None:
        return []
    there = {column.name for column in form.facts.columns}
    return [name for name in form.features if name not in there]


async def _models(chat: Chat) -> list[ModelView]:
    """The person's models; where there is none, says so."""
    models = await chat.api.models(chat.person.id, limit=SEARCHED)
    if not models:
        train = Button(label=tr("Train a model"), callback=pack(Verb.OPEN, "train"))
        await chat.show(Message(text=fill("You have no model yet. Train one first."), rows=((train,),)))
    return models


def _score(model: ModelView) -> str:
    """The result in one line, without its looks."""
    return headline(model.result).replace("<b>", "").replace("</b>", "")


def _sorted_out(models: list[ModelView], given: tuple[str, ...]) -> tuple[ModelView, str, str]:
    """(model, path, words that should have been a model). In either order, since both are natural."""
    newest = max(models, key=lambda model: model.created)
    if len(given) == 1 and ("/" in given[0] or "." in given[0]):
        return newest, given[0], ""
    for named in (first_of, last_of):
        model, rest = named(models, given)
        if model is not None:
            return model, " ".join(rest), ""
    return newest, " ".join(given[1:]) if len(given) > 1 else " ".join(given), given[0] if len(given) > 1 else ""


def _no_model(name: str) -> Trouble:
    said = words.three(
        fill("You have no model called {name}.", name=clip(name, 60)),
        fill("Nothing was started."),
        fill("Choose one of yours below, or see /models"),
    )
    return Trouble(field="model", html=said)
