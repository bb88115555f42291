"""Once more: the form as it was, to be changed and run; or the very same job, where it came to no result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bot import errors, job_buttons, places, recipes, words
from bot.callbacks import Callback
from bot.chat import Chat
from bot.html import Html, fill
from bot.language import tr
from bot.messages import Message
from bot.results import place_title
from bot.screens.form_screen import FormScreen
from head.api import HEAD, HayrideError, JobStatus, JobView, PredictSpec, ProfileSpec, TrainSpec

#: The kind of form.
TRAIN = "train"


async def open(chat: Chat, job_id: str, forms: Mapping[str, FormScreen[Any]]) -> None:
    """A fresh form, filled in as the job was and checked as if it had been typed just now."""
    chat.keep()
    job = await chat.api.job(chat.person.id, job_id)
    if not isinstance(job.spec, TrainSpec | PredictSpec):
        await chat.alert("That job was started without a form. Send its command again.")
        return
    try:
        recipe = recipes.of_job(job.spec, machine=job.place_name, then=job.then)
    except ValidationError:
        await chat.alert("That job has a setting that no form can hold. Send its command again.")
        return
    screen = forms[recipe.kind]
    await screen.begin(chat, await screen.filled(chat, recipe))


async def train_on(chat: Chat, job_id: str, forms: Mapping[str, FormScreen[Any]]) -> None:
    """A training's form with the table that a job looked at, where that lies."""
    chat.keep()
    job = await chat.api.job(chat.person.id, job_id)
    if not isinstance(job.spec, ProfileSpec):
        await chat.alert("That job looked at no table. Start with /train")
        return
    screen = forms[TRAIN]
    recipe = recipes.of_table(job.spec, machine=job.place_name, time_limit=screen.time_limit)
    await screen.begin(chat, await screen.filled(chat, recipe))


async def retry(chat: Chat, callback: Callback) -> None:
    """The same spec at the same place; of one old job there is one new one, however often the button is pressed."""
    chat.keep()
    old = await chat.api.job(chat.person.id, callback.id)
    if not old.status.ended or old.status is JobStatus.COMPLETED:
        await chat.alert("That job is {state}, so there is nothing to retry.", state=tr(words.STATUSES[old.status][1]))
        return
    if old.place != HEAD and await places.machine(chat, old.place) is None:
        happened = fill("{where} is not in your pool any more.", where=place_title(old.place, old.place_name))
        remedy = fill("Press Again and choose another machine.")
        await _refuse(chat, old, words.three(happened, fill("Nothing was started."), remedy))
        return
    try:
        request = f"retry:{old.id}:{old.revision}"
        job = await chat.api.submit(chat.person.id, old.spec, old.place, request=request, then=old.then)
    except HayrideError as error:
        await _refuse(chat, old, errors.told(error))
        return
    chat.started.append(job.id)
    await chat.show_job(job)


async def _refuse(chat: Chat, old: JobView, said: Html) -> None:
    rows = ((job_buttons.again(old),),) if job_buttons.has_form(old) else ()
    await chat.show(Message(text=said, rows=rows))
