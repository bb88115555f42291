"""The one router: whatever a person does reaches exactly one screen. Admission is checked here, before all else."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from bot.callbacks import BadCallback, Callback, Verb, unpack
from bot.chat import Chat
from bot.html import clip, fill, lines
from bot.language import tr
from bot.messages import Button, Message, Pressed, Sent, Typed
from bot.recipes import MARK
from bot.screens import (
    access,
    again,
    cancel,
    compare,
    connect,
    dashboard,
    data,
    disconnect,
    files,
    groups,
    help,
    jobs,
    models,
    pools,
    settings,
    start,
    templates,
    users,
    worker,
)
from bot.screens.form_screen import FormScreen
from bot.screens.predict import PredictScreen
from bot.screens.templates import Templates
from bot.screens.train import TrainScreen
from head.api import Draft, NotFoundError, UploadData

Open = Callable[[Chat, str], Awaitable[None]]
Press = Callable[[Chat, Callback], Awaitable[None]]

_COMMAND = re.compile(r"/([A-Za-z_]+)(?:@\w+)?(?:\s+(.*))?", re.DOTALL)
_PAGES = {"models": models.page, "templates": templates.page, "users": users.page, "pools": pools.page}
_FARTHEST = 1_000_000  #: beyond it no list goes, whatever a forged button says
_FORM_VERBS = (Verb.RUN, Verb.EDIT, Verb.PICK, Verb.DROP, Verb.RESUME, Verb.LAST)


class Router:
    """Knows every screen. `commands` and `presses` are total: a test walks them."""

    def __init__(self, *, train_limit: int, predict_limit: int) -> None:
        self.train = TrainScreen(time_limit=train_limit)
        self.predict = PredictScreen(time_limit=predict_limit)
        self.forms: dict[str, FormScreen[Any]] = {"train": self.train, "predict": self.predict}
        self.templates = Templates(self.forms)
        self.commands: dict[str, Open] = {
            "start": start.open,
            "help": help.open,
            "connect": connect.open,
            "disconnect": disconnect.open,
            "worker": worker.open,
            "data": data.open,
            "train": self.train.open,
            "predict": self.predict.open,
            "jobs": jobs.open,
            "models": models.open,
            "templates": self.templates.open,
            "dashboard": dashboard.open,
            "settings": settings.open,
            "cancel": cancel.open,
        }
        self.admin_commands: dict[str, Open] = {
            "users": users.open,
            "pools": pools.open,
            "allow_here": groups.allow,
            "forbid_here": groups.forbid,
        }
        self.presses: dict[Verb, Press] = {
            **dict.fromkeys(_FORM_VERBS, self._form),
            Verb.BROWSE: self._browse,
            Verb.OPEN: self._open,
            Verb.PAGE: self._page,
            Verb.ASK: lambda chat, _: access.ask(chat),
            Verb.ALLOW: lambda chat, callback: access.decide(chat, callback.id, True),
            Verb.REFUSE: lambda chat, callback: access.decide(chat, callback.id, False),
            Verb.USER: lambda chat, callback: users.show(chat, callback.id),
            Verb.OUST: lambda chat, callback: users.oust(chat, callback.id),
            Verb.REMOVE: lambda chat, callback: access.remove(chat, callback.id),
            Verb.SLEEP: lambda chat, callback: pools.sleep(chat, callback.id),
            Verb.SET: settings.press,
            Verb.DISCONNECT: disconnect.press,
            Verb.SAVE: self._save,
            Verb.TEMPLATE: self.templates.press,
            Verb.USE: self._use,
            Verb.JOB: lambda chat, callback: jobs.show(chat, callback.id),
            Verb.STOP: lambda chat, callback: jobs.stop(chat, callback.id),
            Verb.DETAILS: lambda chat, callback: jobs.tell_details(chat, callback.id),
            Verb.DASHBOARD: lambda chat, callback: dashboard.open_task(chat, callback.id),
            Verb.LOSSES: lambda chat, callback: jobs.draw_losses(chat, callback.id),
            Verb.AGAIN: self._again,
            Verb.LEARN: self._learn,
            Verb.RETRY: again.retry,
            Verb.COMPARE: compare.press,
            Verb.CARD: lambda chat, callback: models.card(chat, callback.id),
            Verb.MODEL: lambda chat, callback: self.predict.open_with(chat, callback.id),
            Verb.DELETE: lambda chat, callback: models.delete(chat, callback.id),
            Verb.MACHINE: lambda chat, callback: worker.show(chat, callback.id),
            Verb.TEST: lambda chat, callback: worker.test(chat, callback.id, callback.revision),
            Verb.REST: lambda chat, callback: worker.rest(chat, callback.id, callback.choice),
            Verb.DRAIN: lambda chat, callback: worker.drain(chat, callback.id),
            Verb.DOUBT: lambda chat, callback: worker.doubt(chat, callback.id),
            Verb.REVOKE: lambda chat, callback: worker.revoke(chat, callback.id),
        }

    async def route(self, chat: Chat) -> None:
        what = chat.incoming.what
        if not chat.private and not await self._answers_here(chat):
            return
        if isinstance(what, Pressed):
            await self._pressed(chat, what)
        elif not chat.person.admitted:
            await access.stranger(chat)
        elif isinstance(what, Sent):
            await self._sent(chat, what)
        else:
            await self._typed(chat, what.text.strip())

    async def _answers_here(self, chat: Chat) -> bool:
        """Whether a group is one that an admin allowed; the command that allows it is heard everywhere."""
        what = chat.incoming.what
        command = _COMMAND.fullmatch(what.text.strip()) if isinstance(what, Typed) else None
        allowing = command is not None and command[1].lower() == "allow_here" and chat.person.admin
        return allowing or await chat.api.group_allowed(chat.id)

    # --- what was typed ---

    async def _typed(self, chat: Chat, line: str) -> None:
        command = _COMMAND.fullmatch(line)
        link = start.JOB_LINK.fullmatch(line)
        if command is not None:
            await self._command(chat, command[1].lower(), command[2] or "")
        elif link is not None:
            await jobs.show(chat, link[1])
        elif line.startswith(MARK):
            await self._set_aside(chat)
            await self.templates.take_in(chat, line)
        else:
            await self._answer(chat, line)

    async def _command(self, chat: Chat, name: str, arguments: str) -> None:
        opened = self._opens(chat, name)
        if opened is None:
            if chat.private:
                await chat.show(fill("I do not know /{name}. See /help for what I can do.", name=clip(name, 40)))
            return
        if name != "cancel":
            await self._set_aside(chat)
        await opened(chat, arguments)

    def _opens(self, chat: Chat, name: str) -> Open | None:
        """An admin's command is no command for anybody else."""
        return self.commands.get(name) or (self.admin_commands.get(name) if chat.person.admin else None)

    async def _set_aside(self, chat: Chat) -> None:
        """A form that waits for an answer must not swallow what is typed from now on; it can be taken up again."""
        draft = await chat.api.active_draft(chat.person.id, chat.id)
        form = self._form_of(draft)
        if draft is not None and draft.kind == templates.KIND:
            await chat.api.drop_draft(chat.person.id, draft.id)
            return
        if draft is None or form is None or not draft.asking:
            return
        if form.worthless(draft):
            await chat.api.drop_draft(chat.person.id, draft.id)
            return
        await chat.api.save_draft(chat.person.id, _paused(draft))
        resume = Button(label=tr("Go on with it"), callback=Callback(verb=Verb.RESUME, id=draft.id).pack())
        said = fill("I set your train form aside.") if draft.kind == "train" else fill("I set your predict form aside.")
        await chat.say(Message(text=said, rows=((resume,),), silent=True))

    async def _answer(self, chat: Chat, line: str) -> None:
        """Free text goes to the field that was just asked for, and nowhere else."""
        draft = await chat.api.active_draft(chat.person.id, chat.id)
        form = self._form_of(draft)
        if draft is not None and form is not None and draft.asking:
            await form.answer(chat, draft, line)
        elif draft is not None and draft.kind == templates.KIND:
            await self.templates.answer(chat, draft, line)
        elif chat.private:
            said = lines(
                fill("I am not asking anything just now."),
                fill("Send me a CSV or Parquet file, or start with /train or /predict. All commands: /help"),
            )
            await chat.show(said)

    # --- what was sent ---

    async def _sent(self, chat: Chat, file: Sent) -> None:
        upload = await files.receive(chat, file)
        if upload is None:
            return
        draft = await chat.api.active_draft(chat.person.id, chat.id)
        form = self._form_of(draft)
        if draft is not None and form is not None and draft.asking == "data":
            data = UploadData(upload_id=upload.id, name=upload.name)
            await form.put_data(chat, draft, data, upload.place)
        else:
            await files.offer(chat, upload)

    # --- what was pressed ---

    async def _pressed(self, chat: Chat, press: Pressed) -> None:
        try:
            callback = unpack(press.callback)
        except BadCallback:
            await chat.alert("That button is from an older version. Send the command again.")
            return
        if not chat.person.admitted and callback.verb is not Verb.ASK:
            await chat.alert("An admin has to let you in first.")
            return
        await self.presses[callback.verb](chat, callback)

    async def _open(self, chat: Chat, callback: Callback) -> None:
        opened = self._opens(chat, callback.id)
        if opened is not None:
            await opened(chat, "")

    async def _page(self, chat: Chat, callback: Callback) -> None:
        offset = min(int(callback.choice), _FARTHEST) if callback.choice.isdigit() else 0
        command, _, part = callback.id.partition("-")
        if command == "compare":
            await compare.page(chat, part, offset)
        elif command in _PAGES:
            await _PAGES[command](chat, offset)
        else:
            await jobs.page(chat, offset, part)

    async def _again(self, chat: Chat, callback: Callback) -> None:
        await self._set_aside(chat)
        await again.open(chat, callback.id, self.forms)

    async def _learn(self, chat: Chat, callback: Callback) -> None:
        await self._set_aside(chat)
        await again.train_on(chat, callback.id, self.forms)

    async def _form(self, chat: Chat, callback: Callback) -> None:
        draft = await self._draft(chat, callback)
        form = self._form_of(draft)
        if draft is not None and form is not None:
            await form.press(chat, draft, callback)

    async def _browse(self, chat: Chat, callback: Callback) -> None:
        """A step through a machine's folders, for a form's data or to look at a table."""
        draft = await self._draft(chat, callback)
        if draft is not None and draft.kind == data.KIND:
            await data.press(chat, draft, callback)
        elif (form := self._form_of(draft)) is not None and draft is not None:
            await form.press(chat, draft, callback)

    async def _save(self, chat: Chat, callback: Callback) -> None:
        """Keeps a form as a template, one that was run too."""
        draft = await self._draft(chat, callback)
        form = self._form_of(draft)
        if draft is not None and form is not None:
            try:
                recipe = form.recipe(form.load(draft))
            except ValidationError:
                await chat.alert("One of the settings can't be kept. Correct it, then save the form.")
                return
            await templates.save(chat, recipe)

    async def _use(self, chat: Chat, callback: Callback) -> None:
        """What a sent file is for."""
        draft = await self._draft(chat, callback)
        if draft is None or draft.kind != files.KIND:
            return
        await self._set_aside(chat)
        data = UploadData.model_validate(draft.fields["data"])
        screen = self.predict if callback.choice == "predict" else self.train
        await screen.open_file(chat, data, str(draft.fields["place"]))

    async def _draft(self, chat: Chat, callback: Callback) -> Draft | None:
        try:
            return await chat.api.draft(chat.person.id, callback.id)
        except NotFoundError:
            await chat.alert("That form is gone. Send the command again for a fresh one.")
            return None

    def _form_of(self, draft: Draft | None) -> FormScreen[Any] | None:
        return self.forms.get(draft.kind) if draft is not None else None


def _paused(draft: Draft) -> Draft:
    return replace(draft, paused=True)
