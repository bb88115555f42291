"""/jobs: the list, a job's card, and stopping one."""

from __future__ import annotations

from bot import amounts, words
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, plain
from bot.language import N_, tr
from bot.messages import Button
from bot.results import place_title, title
from bot.screens.listing import Listing
from head.api import JobView


async def open(chat: Chat, arguments: str) -> None:
    await page(chat, 0)


async def page(chat: Chat, offset: int) -> None:
    """Jobs from `offset` on; each has a button that opens its card."""
    await _JOBS.show(chat, chat.api.jobs, offset)


async def show(chat: Chat, job_id: str) -> None:
    """One job's card, which follows it from now on."""
    await chat.show_job(await chat.api.job(chat.person.id, job_id))


async def stop(chat: Chat, job_id: str) -> None:
    """Really stops the work. The card shows how it goes on."""
    job = await chat.api.job(chat.person.id, job_id)
    if job.status.ended:
        await chat.alert("That job is {state} already.", state=tr(words.STATUSES[job.status][1]))
        await chat.show_job(job)
        return
    job = await chat.api.cancel(chat.person.id, job_id)
    await chat.alert("Stopping it.")
    await chat.show_job(job)


def _line(chat: Chat, job: JobView) -> Html:
    icon, state = words.STATUSES[job.status]
    where = place_title(job.place, job.place_name)
    age = amounts.ago(job.ended or job.created, chat.clock.now())
    return fill(
        "{icon} {title}: {state} on {where}, {age}",
        icon=icon,
        title=title(job),
        state=tr(state),
        where=where,
        age=age,
    )


def _button(job: JobView) -> Button:
    label = clip(f"{words.STATUSES[job.status][0]} {plain(title(job))}", 40)
    return Button(label=label, callback=pack(Verb.JOB, job.id))


_JOBS = Listing[JobView](
    command="jobs", heading=N_("Jobs"), nothing=N_("No jobs yet. Start one with /train"), line=_line, button=_button
)
