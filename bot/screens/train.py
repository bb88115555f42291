"""/train: one card with the data, the target, the model, where it runs and the settings."""

from __future__ import annotations

from typing import ClassVar

from bot import amounts, form_settings, parameters, places, table_facts, words
from bot.arguments import parse, unquote
from bot.chat import Chat
from bot.form import TrainForm, Trouble
from bot.form_settings import NotUsable
from bot.html import Html, clip, fill, lines, text
from bot.language import N_, tr
from bot.machine_words import heard
from bot.recipes import PredictRecipe, TrainRecipe
from bot.results import model_title
from bot.screens.form_card import MOST_OPTIONS, Option
from bot.screens.form_screen import FormScreen
from head.api import (
    AUTO,
    CATALOGUE,
    DataRefused,
    FileSplit,
    GroupSplit,
    HayrideError,
    Parameter,
    PathData,
    RandomSplit,
    Spec,
    Split,
    Task,
    TimeSplit,
    TrainSpec,
    UploadData,
)

#: What a target can be, in words.
_TASKS: dict[Task, str] = {"classification": N_("classification"), "regression": N_("regression")}
#: The model whose time a machine estimates.
_USUAL = "hist_gradient_boosting"
_SETTINGS_EXAMPLE = "max_depth=6 test=0.2 split=time:sold_on exclude=id,notes limit=30m"


class TrainScreen(FormScreen[TrainForm]):
    kind = "train"
    heading = N_("Train a model")
    fields: ClassVar = (
        ("data", N_("Data")),
        ("target", N_("Target")),
        ("model", N_("Model")),
        ("place", N_("Machine")),
        ("settings", N_("Settings")),
    )
    form = TrainForm

    async def open(self, chat: Chat, arguments: str) -> None:
        """`/train PATH TARGET [model=NAME] [key=value ...] [on=MACHINE] [then predict PATH]`; the rest is asked."""
        given = parse(arguments)
        words_, then = _with_then(given.words)
        form = self.blank()
        options = {**given.options, **({"then": then} if then else {})}
        if on := options.pop("on", ""):
            form = await self.with_place(chat, form, on)
        if words_:
            placed = form
            form = await self.with_data(chat, form, words_[0])
            form = form.model_copy(update={"trouble": placed.trouble or form.trouble})
        # A target of several words needs no quotes: nothing else can follow the path.
        form = form.model_copy(update={"target": " ".join(words_[1:])})
        trouble = form.trouble
        if name := options.pop("model", ""):
            form = self._with_model(form, name)
        form = self._with_settings(form, options)
        await self.begin(chat, form if trouble is None else form.model_copy(update={"trouble": trouble}))

    async def open_file(self, chat: Chat, data: UploadData, place: str) -> None:
        """The form for a file that was just sent."""
        await self.begin(chat, self.blank().model_copy(update={"data": data, "place": place}))

    def then(self, form: TrainForm) -> str:
        return form.then

    def recipe(self, form: TrainForm) -> TrainRecipe:
        kept = form.model_dump(include=set(TrainRecipe.model_fields) - {"kind", "data"})
        return TrainRecipe(data=form.file, machine=form.place_name, **kept)

    async def filled(self, chat: Chat, recipe: TrainRecipe | PredictRecipe) -> TrainForm:
        assert isinstance(recipe, TrainRecipe)
        kept = recipe.model_dump(exclude={"kind", "data", "machine", "model"})
        form = TrainForm.model_validate(kept)
        if recipe.machine:
            form = await self.with_place(chat, form, recipe.machine)
        trouble = form.trouble
        form = self._with_model(await self.with_data(chat, form, recipe.data), recipe.model)
        return form if trouble is None else form.model_copy(update={"trouble": trouble})

    def target(self, form: TrainForm) -> str | None:
        return form.target or None

    def missing(self, form: TrainForm) -> str:
        return "data" if form.data is None else "place" if form.undecided else "target" if not form.target else ""

    def spec(self, form: TrainForm) -> Spec:
        data = form.table
        assert data is not None
        assert data.kind != "rows"
        budget, limit = self._times(form)
        return TrainSpec(
            data=data,
            target=form.target,
            model=form.model,
            task=form.task,
            parameters=dict(form.parameters),
            include=form.include,
            exclude=form.exclude,
            split=_split(form),
            folds=form.folds,
            budget=budget,
            name=form.name,
            seed=form.seed,
            time_limit=limit,
        )

    def _times(self, form: TrainForm) -> tuple[int, int]:
        """Seconds that auto may search, and for the whole job: a limit that was typed bounds the search, else the
        search gets its time.
        """
        if form.model != AUTO:
            return form.budget, form.time_limit
        if form.time_limit != self.time_limit:
            return max(5, min(form.budget, form.time_limit // 2)), form.time_limit
        return form.budget, max(form.time_limit, 2 * form.budget)

    def body(self, form: TrainForm) -> list[Html]:
        given = [f"{name}={parameters.shown(each)}" for name, each in list(form.parameters.items())[:12]]
        changed = [clip(each, 80) for each in given]
        task = [tr(_TASKS[form.task])] if form.task else []
        seconds, most = self._times(form)
        limit = tr("at most {time}", time=amounts.duration(most))
        budget = [tr("{time} to compare and tune", time=amounts.duration(seconds))] if form.model == AUTO else []
        sheet = [tr("sheet {sheet}", sheet=clip(form.sheet, 40))] if form.sheet else []
        settings = ", ".join([*sheet, *task, *changed, *_columns(form), *_checked(form), *budget, limit])
        facts = form.facts if form.facts is not None and form.facts.target == form.target else None
        about = table_facts.about_target(facts) if facts is not None else ""
        usual = {AUTO: seconds, _USUAL: 0}.get(form.model)
        needs = table_facts.estimate(facts, beside=usual) if facts is not None else None
        return [
            fill("Target: {target}{about}", target=clip(form.target, 100) or tr("not chosen yet"), about=about),
            fill("Model: {model}", model=model_title(form.model)),
            *([fill("Then predicts: <code>{file}</code>", file=clip(form.then, 300))] if form.then else []),
            fill("Settings: {settings}", settings=settings),
            *([needs] if needs is not None else []),
        ]

    async def question(self, chat: Chat, form: TrainForm, field: str) -> tuple[Html, list[Option]]:
        if field == "data":
            like = "~/hayride/churn.csv"
            ask = fill(
                "Which file? Type its path on your machine, like <code>{like}</code>, or send it to me.", like=like
            )
            return ask, []
        if field == "target":
            columns = [] if form.facts is None else table_facts.likeliest_first(form.facts)
            likely = None if form.facts is None else table_facts.likely_target(form.facts)
            ask = lines(fill("Which column should the model learn to predict?"), likely)
            if not 0 < len(columns) <= MOST_OPTIONS:
                ask = fill("{ask} Type its name.", ask=ask)
            return ask, [(name, name) for name in columns[:MOST_OPTIONS]]
        if field == "model":
            task = form.task or (form.facts.task if form.facts is not None else None)
            fitting = [entry for entry in CATALOGUE if task is None or task in entry.tasks]
            about = [text(f"{heard(entry.title)}: {heard(entry.good_for)}") for entry in fitting]
            options = [(heard(entry.title), entry.name) for entry in fitting]
            return lines(fill("Which model?"), *about), options
        if field == "place" and form.undecided:
            ask = fill("Several of your machines have that file. Which one?")
            return ask, await places.choices(chat, form.candidates)
        if field == "place":
            return fill("Where does the file lie and the job run?"), await places.choices(chat)
        ask = fill("Which settings? Type them like <code>{example}</code>", example=_SETTINGS_EXAMPLE)
        all_of_them = clip(parameters.as_typed(form.model, form.parameters), 1000)
        of_model = fill("Those of the model: <code>{line}</code>", line=all_of_them) if all_of_them else None
        paste = fill("Or paste them as JSON: <code>{example}</code>", example='{"max_depth": 6}') if of_model else None
        return lines(ask, of_model, paste), []

    async def set(self, chat: Chat, form: TrainForm, field: str, answer: str) -> TrainForm:
        if field == "data":
            return await self.with_data(chat, form, unquote(answer))
        if field == "place":
            return await self.with_place(chat, form, answer)
        form = form.model_copy(update={"trouble": None})
        if field == "target":
            return form.model_copy(update={"target": self._column(form, unquote(answer))})
        if field == "model":
            return self._with_model(form, unquote(answer))
        if answer.lstrip().startswith("{"):
            try:
                return self._with_parameters(form, parameters.pasted(answer))
            except NotUsable as error:
                return form.model_copy(update={"trouble": error.trouble})
        given = parse(answer)
        if given.words:
            happened = fill("I did not understand {words}.", words=clip(" ".join(given.words), 80))
            like = fill("Settings look like {settings_example}", settings_example=_SETTINGS_EXAMPLE)
            return form.model_copy(update={"trouble": form_settings.trouble(happened, like)})
        return self._with_settings(form, given.options)

    async def checked(self, chat: Chat, form: TrainForm) -> TrainForm:
        """Also whether the model has those parameters and fits the target, and whether the other files are there."""
        if form.trouble is None and (trouble := parameters.strange(form.model, form.parameters)) is not None:
            return form.model_copy(update={"trouble": trouble})
        form = await self._others_checked(chat, await super().checked(chat, form))
        task = form.task or (form.facts.task if form.facts is not None else None)
        fits = any(entry.name == form.model and task in entry.tasks for entry in CATALOGUE)
        if form.trouble is not None or task is None or fits:
            return form
        said = words.three(
            fill("{model} does not do {task}.", model=model_title(form.model), task=tr(_TASKS[task])),
            fill("Nothing was started."),
            fill("Choose another model; Histogram gradient boosting fits both classes and numbers."),
        )
        return form.model_copy(update={"trouble": Trouble(field="model", html=said)})

    async def _others_checked(self, chat: Chat, form: TrainForm) -> TrainForm:
        """What the model is tested on, and what it predicts afterwards."""
        kind, _, test = form.split.partition(":")
        named = [path for path in (test if kind == "file" else "", form.then) if path]
        new = [path for path in named if path not in form.seen]
        if not new or form.trouble is not None or form.away or form.data is None:
            return form
        try:
            for path in new:
                await chat.api.inspect(chat.person.id, form.place, PathData(path=path), None)
        except DataRefused as refused:
            trouble = Trouble(field="settings", html=words.problem(refused.problem))
            return form.model_copy(update={"trouble": trouble})
        except HayrideError as error:
            return form.model_copy(update={"trouble": Trouble(field="", html=words.error(error))})
        return form.model_copy(update={"seen": tuple(named)})

    def _column(self, form: TrainForm, answer: str) -> str:
        """The column as the file spells it, where only the case of letters differs."""
        names = [] if form.facts is None else [column.name for column in form.facts.columns]
        alike = [name for name in names if name.casefold() == answer.casefold()]
        return alike[0] if answer not in names and len(alike) == 1 else answer

    def _with_model(self, form: TrainForm, name: str) -> TrainForm:
        wanted = name.strip().casefold()
        for entry in CATALOGUE:
            if wanted in {entry.name.casefold(), entry.title.casefold()}:
                return form.model_copy(update={"model": entry.name})
        known = ", ".join(entry.name for entry in CATALOGUE)
        said = words.three(
            fill("I know no model called {name}.", name=clip(name, 60)),
            fill("Nothing was started."),
            fill("Choose one of: {known}", known=known),
        )
        return form.model_copy(update={"trouble": Trouble(field="model", html=said)})

    def _with_settings(self, form: TrainForm, options: dict[str, str]) -> TrainForm:
        """Ours by their names, everything else is a parameter of the model; an empty value takes one away."""
        ours = form_settings.TRAIN
        try:
            form = self.with_settings(form, ours, options)
            added = parameters.typed({name: given for name, given in options.items() if given and name not in ours})
        except NotUsable as error:
            return form.model_copy(update={"trouble": error.trouble})
        gone = {name for name, given in options.items() if not given}
        kept = {name: each for name, each in form.parameters.items() if name not in gone}
        return self._with_parameters(form.model_copy(update={"parameters": kept}), added)

    def _with_parameters(self, form: TrainForm, added: dict[str, Parameter]) -> TrainForm:
        """With more of them. What the model does not have is refused, and not kept; where it has none, it is kept until
        a model is chosen.
        """
        trouble = parameters.strange(form.model, added)
        if trouble is not None and parameters.known(form.model):
            return form.model_copy(update={"trouble": trouble})
        return form.model_copy(update={"parameters": {**form.parameters, **added}})


def _with_then(given: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """`PATH [TARGET] then predict OTHER`: the words before, and the other path; "" where that is not what was said."""
    for index in range(1, len(given) - 2):
        if (given[index].casefold(), given[index + 1].casefold()) == ("then", "predict"):
            return given[:index], " ".join(given[index + 2 :])
    return given, ""


def _split(form: TrainForm) -> Split:
    kind, _, column = form.split.partition(":")
    if kind == "time":
        return TimeSplit(column=column, test_fraction=form.test_fraction)
    if kind == "group":
        return GroupSplit(column=column, test_fraction=form.test_fraction)
    if kind == "file":
        return FileSplit(data=PathData(path=column))
    return RandomSplit(test_fraction=form.test_fraction)


def _checked(form: TrainForm) -> list[str]:
    """How the model is judged, in words."""
    share = amounts.percent(form.test_fraction)
    kind, _, column = form.split.partition(":")
    how = {
        "time": tr("the newest {share} by {column} kept to check it", share=share, column=clip(column, 40)),
        "group": tr("{share} kept to check it, each {column} on one side", share=share, column=clip(column, 40)),
        "file": tr("checked on {file}", file=clip(column, 100)),
    }.get(kind, tr("{share} of the rows kept to check it", share=share))
    return [how, *([amounts.plural(form.folds, "{n} fold", "{n} folds")] if form.folds else [])]


def _columns(form: TrainForm) -> list[str]:
    """The lists of columns, in words."""
    only, without = (clip(", ".join(names), 60) for names in (form.include, form.exclude))
    return [
        *([tr("only {columns}", columns=only)] if only else []),
        *([tr("without {columns}", columns=without)] if without else []),
    ]
