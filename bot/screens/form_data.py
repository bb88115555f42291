"""The data of a form: where it lies, which machine has it, and what was found when it was looked at there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

from pydantic import ValidationError

from bot import errors, form_settings, places, words
from bot.chat import Chat
from bot.form import Form, Trouble
from bot.form_settings import Setting
from bot.html import clip, fill
from bot.results import place_title
from head.api import (
    HEAD,
    DataFacts,
    DataRefused,
    HayrideError,
    JobRefused,
    MachineState,
    PathData,
    RowsData,
    UploadData,
)

F = TypeVar("F", bound=Form)


class FormData(ABC, Generic[F]):
    """What a kind of form does with its data; the rest of it is a FormScreen."""

    #: (name, button's label) in the order of the card.
    fields: ClassVar[tuple[tuple[str, str], ...]]

    @abstractmethod
    def blank(self) -> F:
        """A fresh form."""

    @abstractmethod
    def target(self, form: F) -> str | None:
        """The column that an inspection should look at."""

    def settled(self, form: F) -> F:
        """The form after its data changed."""
        return form

    async def with_data(self, chat: Chat, form: F, name: str) -> F:
        """The form with a path, or with a file that was sent before under that name."""
        if not name:
            return form
        form = self._with(self._of_another(form), away=False, candidates=())
        sent = await chat.api.find_upload(chat.person.id, name) if "/" not in name and name[0] != "~" else None
        if sent is not None and not (form.place_chosen and form.place != sent.place):
            data = UploadData(upload_id=sent.id, name=sent.name)
            return self.settled(self._with(form, data=data, place=sent.place, place_name=""))
        try:
            path = PathData(path=name)
        except ValidationError:
            example = fill("A good one looks like {example}", example="~/hayride/churn.csv")
            said = words.three(fill("That path is too long."), fill("Nothing was read."), example)
            return self._with(form, data=None, trouble=Trouble(field="data", html=said))
        return self.settled(self._with(form, data=path, place=form.place if form.place_chosen else ""))

    def _of_another(self, form: F) -> F:
        """The form without what was true of one file. A sheet stays where no file was found yet that it is of."""
        sheet = form.sheet if form.facts is None else ""
        return self._with(form, facts=None, trouble=None, sheet=sheet)

    def with_settings(self, form: F, settings: Mapping[str, Setting], options: Mapping[str, str]) -> F:
        """The form with what was typed; what was taken away is as in a fresh one. Raises NotUsable."""
        changes = form_settings.read(settings, options)
        usual = self.blank()
        changes = {field: getattr(usual, field) if given is None else given for field, given in changes.items()}
        facts = None if "sheet" in changes else form.facts
        return self._with(form, **changes, facts=facts)

    async def with_place(self, chat: Chat, form: F, answer: str) -> F:
        """The form on the place of that name or id."""
        found = await places.find(chat, answer)
        if found is None:
            names = ", ".join(label for label, _ in await places.choices(chat))
            said = words.three(
                fill("You have no machine called {name}.", name=clip(answer, 60)),
                fill("Nothing was started."),
                fill("Choose one of: {names}", names=names),
            )
            return self._with(form, trouble=Trouble(field="place", html=said))
        place, name = found
        if form.data is not None and form.data.kind == "upload" and form.place and place != form.place:
            said = words.three(
                fill(
                    "{name} was sent to {place}, so it can only be used there.",
                    name=form.data.name,
                    place=place_title(form.place, form.place_name),
                ),
                fill("The file is as it was."),
                fill("Leave the machine as it is, or give a path on the other machine."),
            )
            return self._with(form, trouble=Trouble(field="place", html=said))
        return self._with(form, place=place, place_name=name, place_chosen=True, facts=None, trouble=None, away=False)

    async def checked(self, chat: Chat, form: F) -> F:
        """The form with the facts of its file, looked at where it lies; or with what is in the way."""
        if form.trouble is not None or form.data is None:
            return form
        form = await self._placed(chat, form)
        if form.trouble is not None or form.away or form.undecided:
            return form
        looked_at = form.facts is not None and form.facts.target == self.target(form)
        if looked_at or isinstance(form.data, RowsData):
            return form  # nothing that the facts depend on has changed, or there is nothing to look at
        try:
            facts = await self._inspect(chat, form, self.target(form))
        except DataRefused as refused:
            field = words.FIELDS.get(refused.problem.code, "data")
            trouble = Trouble(field=field, html=words.problem(refused.problem))
            # The file itself may be fine: then its columns are the answers that can be offered.
            known = await self._columns(chat, form) if field == "target" else None
            return self._with(form, facts=known, trouble=trouble)
        except JobRefused as refused:
            if form.place != HEAD:
                return self._with(form, facts=None, away=True)
            return self._with(form, facts=None, trouble=Trouble(field="", html=errors.told(refused)))
        except HayrideError as error:
            return self._with(form, facts=None, trouble=Trouble(field="", html=errors.told(error)))
        return self._with(form, facts=facts, away=False)

    async def _placed(self, chat: Chat, form: F) -> F:
        """The form with a place that exists, and whether that is away."""
        if form.undecided:
            return form
        if not form.place and isinstance(form.data, PathData) and "place" in dict(self.fields):
            form = await self._searched(chat, form, form.data.model_copy(update={"sheet": form.sheet}))
            if form.trouble is not None or form.undecided:
                return form
        place = form.place or await chat.api.default_place(chat.person.id)
        if place == HEAD:
            return self._with(form, place=HEAD, place_name=HEAD, away=False)
        machine = await places.machine(chat, place)
        if machine is None:
            said = words.three(
                fill("That machine is not yours any more."), fill("Nothing was started."), fill("Choose another one.")
            )
            field = "place" if "place" in dict(self.fields) else "model"
            return self._with(form, place="", place_name="", candidates=(), trouble=Trouble(field=field, html=said))
        away = machine.state is not MachineState.CONNECTED
        return self._with(form, place=place, place_name=machine.name, away=away)

    async def _searched(self, chat: Chat, form: F, data: PathData) -> F:
        """The form at the one machine that has the file; or undecided, or with a trouble."""
        try:
            searched = await places.search(chat, data)
        except HayrideError as error:
            return self._with(form, trouble=Trouble(field="", html=words.error(error)))
        if searched is None:
            return form
        if not searched.found:
            return self._with(form, trouble=Trouble(field="data", html=places.nowhere(data, searched)))
        if len(searched.found) > 1:
            return self._with(form, candidates=searched.found)
        return self._with(form, place=searched.found[0], facts=searched.facts)

    async def _inspect(self, chat: Chat, form: F, target: str | None) -> DataFacts:
        data = form.table
        assert data is not None
        assert data.kind != "rows"
        note = fill(
            "Looking at <code>{file}</code> on {where}… Waking a sleeping cluster takes about 12 seconds.",
            file=clip(form.file, 200),
            where=place_title(form.place, form.place_name),
        )
        async with chat.waiting(note):
            return await chat.api.inspect(chat.person.id, form.place, data, target)

    async def _columns(self, chat: Chat, form: F) -> DataFacts | None:
        try:
            return await self._inspect(chat, form, None)
        except HayrideError:
            return None

    def _with(self, form: F, **changes: object) -> F:
        return form.model_copy(update=changes)
