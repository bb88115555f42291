"""/predict: one card with the model and the data. It runs where the model lives."""

from __future__ import annotations

from typing import ClassVar

from bot import amounts, words
from bot.arguments import parse, unquote
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.form import PredictForm, Trouble
from bot.html import Html, clip, fill
from bot.language import N_, tr
from bot.messages import Button, Message
from bot.named_models import SEARCHED, called, find, first_of, last_of
from bot.recipes import PredictRecipe, TrainRecipe
from bot.results import headline, place_title
from bot.screens.form_card import Option
from bot.screens.form_screen import FormScreen, with_limit
from head.api import HEAD, ModelView, Spec, UploadData
from head.api import PredictSpec as Predict

_OFFERED = 8


class PredictScreen(FormScreen[PredictForm]):
    kind = "predict"
    heading = N_("Predict with a model")
    fields: ClassVar = (("model", N_("Model")), ("data", N_("Data")), ("settings", N_("Settings")))
    form = PredictForm

    async def open(self, chat: Chat, arguments: str) -> None:
        """`/predict [MODEL] PATH [limit=TIME]`; without a model, the newest."""
        models = await _models(chat)
        if not models:
            return
        given = parse(arguments)
        model, path, unknown = _sorted_out(models, given.words)
        form = self._with_model(self.blank(), model)
        if unknown:
            form = form.model_copy(update={"trouble": _no_model(unknown)})
        trouble = form.trouble
        if path:
            form = await self.with_data(chat, form, path)
        for name in given.options:
            form = await self.set(chat, form, "settings", f"{name}={given.options[name]}")
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
        return PredictRecipe(data=form.file, model=form.model_name, time_limit=form.time_limit)

    async def filled(self, chat: Chat, recipe: TrainRecipe | PredictRecipe) -> PredictForm:
        assert isinstance(recipe, PredictRecipe)
        form = PredictForm(time_limit=recipe.time_limit)
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
        assert form.data is not None
        return Predict(data=form.data, model_id=form.model_id, time_limit=form.time_limit)

    def body(self, form: PredictForm) -> list[Html]:
        model = fill("Model: {title} <code>{id}</code>", title=clip(form.model_title, 160), id=form.model_id)
        shown = [model if form.model_id else fill("Model: not chosen yet")]
        if form.facts is not None:
            there = {column.name for column in form.facts.columns}
            lacking = [clip(name, 40) for name in form.features if name not in there]
            if lacking:
                names = ", ".join(lacking[:5]) + (" …" if len(lacking) > 5 else "")
                shown.append(fill("⚠️ The model learned from columns that this file lacks: {names}", names=names))
        return [*shown, fill("Settings: at most {duration}", duration=amounts.duration(form.time_limit))]

    async def question(self, chat: Chat, form: PredictForm, field: str) -> tuple[Html, list[Option]]:
        if field == "data" and form.model_place == HEAD:
            return fill("This model lives on the server. Send me the file to predict."), []
        if field == "data":
            where = place_title(form.place, form.place_name) if form.place else tr("the model's machine")
            return fill("Which file? Type its path on {where}, or send me the file.", where=where), []
        if field == "model":
            models = await chat.api.models(chat.person.id, limit=_OFFERED)
            now = chat.clock.now()
            options = [(f"{called(model)}, {amounts.ago(model.created, now)}", model.id) for model in models]
            return fill("Which model?"), options
        return fill("How long may it take? Type it like <code>limit=10m</code>"), []

    async def set(self, chat: Chat, form: PredictForm, field: str, answer: str) -> PredictForm:
        if field == "data":
            return await self.with_data(chat, form, unquote(answer))
        form = form.model_copy(update={"trouble": None})
        if field == "model":
            found = find(await chat.api.models(chat.person.id, limit=SEARCHED), unquote(answer))
            if found is None:
                return form.model_copy(update={"trouble": _no_model(answer)})
            return self._with_model(form, found)
        limit = with_limit(unquote(answer).removeprefix("time_").removeprefix("limit="))
        if limit is None:
            said = words.three(
                fill("I did not understand {answer}.", answer=clip(answer, 60)),
                fill("The form keeps what it had."),
                fill("A good one looks like limit=10m"),
            )
            return form.model_copy(update={"trouble": Trouble(field="settings", html=said)})
        return form.model_copy(update={"time_limit": limit})

    def _with_model(self, form: PredictForm, model: ModelView) -> PredictForm:
        changes: dict[str, object] = {
            "model_id": model.id,
            "model_name": f"{model.name} v{model.version}",
            "model_title": f"{called(model)} ({_score(model)})",
            "features": model.result.features,
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
