"""What the train and predict forms have in common: a card with every field, editable in any order, [Run] first.

A draft's fields are checked as soon as they are known, on the machine where the file lies. What is wrong is said at its
field, and the good values stay. Every press names the draft and the revision that it was drawn from.
"""

from __future__ import annotations

import secrets
from abc import abstractmethod
from typing import ClassVar

from pydantic import ValidationError

from bot import browser, errors, places
from bot.browser import Browsing, Chosen
from bot.callbacks import Callback, Verb
from bot.chat import Chat
from bot.form import Trouble
from bot.html import Html, fill, text
from bot.language import tr
from bot.messages import Row
from bot.recipes import PredictRecipe, TrainRecipe
from bot.screens.form_card import FormCard, Option, invalid
from bot.screens.form_data import F, FormData
from head.api import (
    HEAD,
    Data,
    Draft,
    HayrideError,
    MachineState,
    Spec,
)


class FormScreen(FormData[F]):
    """One kind of form. Subclasses say what its fields are and what spec comes of it."""

    kind: ClassVar[str]
    heading: ClassVar[str]
    form: type[F]

    def __init__(self, *, time_limit: int) -> None:
        self.time_limit = time_limit  #: seconds, where the form says nothing else

    # --- what a kind of form says ---

    @abstractmethod
    def body(self, form: F) -> list[Html]:
        """The fields below the data, with their values."""

    @abstractmethod
    def missing(self, form: F) -> str:
        """The first field that has to be asked for, or ""."""

    @abstractmethod
    async def question(self, chat: Chat, form: F, field: str) -> tuple[Html, list[Option]]:
        """What is asked for a field, and the answers that are offered."""

    @abstractmethod
    async def set(self, chat: Chat, form: F, field: str, answer: str) -> F:
        """The form with the answer in the field, or with a trouble at it."""

    @abstractmethod
    def spec(self, form: F) -> Spec:
        """What is submitted. Raises pydantic's ValidationError for a value out of range."""

    @abstractmethod
    def recipe(self, form: F) -> TrainRecipe | PredictRecipe:
        """The form by names, for a template. Raises pydantic's ValidationError for a value that can't be kept."""

    @abstractmethod
    async def filled(self, chat: Chat, recipe: TrainRecipe | PredictRecipe) -> F:
        """A fresh form with what the recipe says; a name that is nobody's is a trouble at its field."""

    def then(self, form: F) -> str:
        """A path to predict once the job has trained a model; "" for none."""
        return ""

    def browsed(self, form: F) -> str:
        """The place whose folders are browsed; "" for any machine."""
        return form.place if form.place_chosen else ""

    # --- what happens to every form ---

    def blank(self) -> F:
        return self.form(time_limit=self.time_limit)

    async def begin(self, chat: Chat, form: F) -> None:
        """A fresh form, checked as far as it is filled in."""
        await self._advance(chat, secrets.token_hex(5), 0, form)

    async def answer(self, chat: Chat, draft: Draft, answer: str) -> None:
        """A line of text for the field that was asked for."""
        form = await self.set(chat, self.load(draft), draft.asking, answer)
        await self._advance(chat, draft.id, draft.revision, form)

    async def put_data(self, chat: Chat, draft: Draft, data: Data, place: str) -> None:
        """A file that was just sent, while the form asks for one."""
        form = self._of_another(self.load(draft))
        form = self._with(form, data=data, place=place, place_name="", candidates=())
        await self._advance(chat, draft.id, draft.revision, self.settled(form))

    async def press(self, chat: Chat, draft: Draft, callback: Callback) -> None:
        """RUN, EDIT, PICK, BROWSE, DROP, RESUME or LAST on this draft."""
        form = self.load(draft)
        if form.job:
            await chat.alert("This form was run already. Its job is in /jobs")
        elif callback.verb is Verb.RESUME:
            await self._ask(chat, draft.id, draft.revision, form, draft.asking)
        elif callback.verb is Verb.DROP:
            await chat.api.drop_draft(chat.person.id, draft.id)
            await chat.show(fill("The form is cancelled; nothing was started."))
        elif callback.revision != draft.revision:
            await chat.alert("That form had changed since. Here it is as it stands.")
            await self._show(chat, draft, form)
        elif callback.verb is Verb.LAST:
            await self._same_as_last(chat, draft)
        elif callback.verb is Verb.RUN:
            await self._run(chat, draft, form)
        elif callback.verb is Verb.EDIT:
            asked = callback.choice if callback.choice in dict(self.fields) else ""
            await self._ask(chat, draft.id, draft.revision, self._with(form, browsing=None), asked)
        elif callback.verb is Verb.BROWSE:
            await self._browse(chat, draft, form, callback.choice)
        else:
            await self._pick(chat, draft, form, callback.choice)

    def load(self, draft: Draft) -> F:
        try:
            return self.form.model_validate(draft.fields)
        except ValidationError:  # of another version, that took other values
            return self.blank()

    def worthless(self, draft: Draft) -> bool:
        """Whether nothing is lost when the form is dropped without a word."""
        return self.load(draft).data is None

    # --- steps ---

    async def _pick(self, chat: Chat, draft: Draft, form: F, choice: str) -> None:
        _, options = await self.question(chat, form, draft.asking) if draft.asking else (text(""), [])
        if not choice.isdigit() or int(choice) >= len(options):
            await chat.alert("That answer is not on offer any more.")
            await self._show(chat, draft, form)
            return
        form = await self.set(chat, form, draft.asking, options[int(choice)][1])
        await self._advance(chat, draft.id, draft.revision, form)

    async def _browse(self, chat: Chat, draft: Draft, form: F, choice: str) -> None:
        """One step through a machine's folders; a file that was tapped is the data, on that machine."""
        try:
            if choice == browser.START:
                at: Browsing | Chosen | None = await browser.start(chat, self.browsed(form))
            else:
                at = await browser.press(chat, form.browsing, choice) if form.browsing is not None else None
        except HayrideError as error:
            trouble = Trouble(field="data", html=errors.told(error))
            form = self._with(form, browsing=None, trouble=trouble)
            await self._ask(chat, draft.id, draft.revision, form, "data")
            return
        if at is None:
            await chat.alert("That answer is not on offer any more.")
            await self._show(chat, draft, form)
        elif isinstance(at, Browsing):
            await self._ask(chat, draft.id, draft.revision, self._with(form, browsing=at), "data")
        else:
            form = await self.with_data(chat, form, at.path)
            form = self._with(form, place=at.place, place_name=at.place_name)
            await self._advance(chat, draft.id, draft.revision, form)

    async def _same_as_last(self, chat: Chat, draft: Draft) -> None:
        last = await chat.api.last_run(chat.person.id, self.kind)
        if last is None:
            await chat.alert("There is no last form of that kind any more.")
            return
        try:
            recipe = self.recipe(self.load(last))
        except ValidationError:
            await chat.alert("The last form has a value that can't be used again. Fill in this one.")
            return
        await self._advance(chat, draft.id, draft.revision, await self.filled(chat, recipe))

    async def _advance(self, chat: Chat, draft_id: str, revision: int, form: F) -> None:
        """Checks what is known, then asks for what is wrong or missing."""
        form = await self.checked(chat, self._with(form, browsing=None))
        asked = form.trouble.field if form.trouble is not None else self.missing(form)
        await self._ask(chat, draft_id, revision, form, asked)

    async def _ask(self, chat: Chat, draft_id: str, revision: int, form: F, asked: str) -> None:
        draft = await self._save(chat, draft_id, revision + 1, form, asked)
        await self._show(chat, draft, form)

    async def _save(self, chat: Chat, draft_id: str, revision: int, form: F, asked: str) -> Draft:
        draft = Draft(
            id=draft_id,
            chat_id=chat.id,
            kind=self.kind,
            fields=form.model_dump(mode="json"),
            asking=asked,
            revision=revision,
            paused=bool(form.job),
        )
        return await chat.api.save_draft(chat.person.id, draft)

    async def _run(self, chat: Chat, draft: Draft, form: F) -> None:
        """Starts the job, or says at its field what is in the way. A machine may have gone since the card was drawn."""
        missing = self.missing(form)
        if missing:
            await chat.alert("First the {field}, please.", field=tr(dict(self.fields)[missing]).lower())
            await self._ask(chat, draft.id, draft.revision, form, missing)
            return
        if form.trouble is not None:
            await self._advance(chat, draft.id, draft.revision, self._with(form, trouble=None, facts=None))
            return
        if form.place != HEAD and not form.away:
            machine = await places.machine(chat, form.place)
            if machine is None or machine.state is not MachineState.CONNECTED:
                await self._advance(chat, draft.id, draft.revision, self._with(form, facts=None))
                return
        await self._submit(chat, draft, form)

    async def _submit(self, chat: Chat, draft: Draft, form: F) -> None:
        try:
            spec = self.spec(form)
            request = f"{draft.id}:{draft.revision}"
            job = await chat.api.submit(chat.person.id, spec, form.place, request=request, then=self.then(form))
        except ValidationError as error:
            trouble = invalid(error)
            await self._ask(chat, draft.id, draft.revision, self._with(form, trouble=trouble), trouble.field)
            return
        except HayrideError as error:
            trouble = Trouble(field="", html=errors.told(error))
            await self._ask(chat, draft.id, draft.revision, self._with(form, trouble=trouble), "")
            return
        await self._save(chat, draft.id, draft.revision, self._with(form, job=job.id), "")
        chat.started.append(job.id)
        await chat.show_job(job)

    async def _show(self, chat: Chat, draft: Draft, form: F) -> None:
        question, options = await self.question(chat, form, draft.asking) if draft.asking else (None, [])
        browse: tuple[Row, ...] = ()
        if draft.asking == "data" and form.browsing is not None:
            question = browser.shown(form.browsing, now=chat.clock.now())
            browse = browser.rows(form.browsing, draft.id, draft.revision)
        elif draft.asking == "data":
            browse = await browser.offer(chat, self.browsed(form), draft.id, draft.revision)
        again = form.data is None and await chat.api.last_run(chat.person.id, self.kind) is not None
        card = FormCard(
            draft=draft, form=form, heading=self.heading, body=self.body(form), fields=self.fields, question=question,
            options=options, browse=browse, again=again,
        )  # fmt: skip
        await chat.show(card.message())
