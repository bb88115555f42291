"""/jobs: the list, a job's card, and stopping one."""

from __future__ import annotations

from bot import amounts, words
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, lines, plain, text
from bot.messages import Button, Message, Row
from bot.results import place_title, title
from head.api import JobView

PAGE = 8


async def open(chat: Chat, arguments: str) -> None:
    await page(chat, 0)


async def page(chat: Chat, offset: int) -> None:
    """Eight jobs from `offset` on; each has a button that opens its card."""
    found = await chat.api.jobs(chat.person.id, limit=PAGE + 1, offset=offset)
    shown = found[:PAGE]
    if not shown:
        train = Button(label="Train a model", callback=pack(Verb.OPEN, "train"))
        await chat.show(Message(text=text("No jobs yet. Start one with /train"), rows=((train,),)))
        return
    now = chat.clock.now()
    listed = lines(
        fill("<b>Jobs</b>"),
        *(_line(job, amounts.ago(job.ended or job.created, now)) for job in shown),
    )
    rows: list[Row] = [(Button(label=_label(job), callback=pack(Verb.JOB, job.id)),) for job in shown]
    await chat.show(Message(text=listed, rows=(*rows, *pages("jobs", offset, len(found) > PAGE))))


def pages(command: str, offset: int, more: bool) -> tuple[Row, ...]:
    """The way to the neighbouring pages of a list, where there are any."""
    back = Button(label="Newer", callback=pack(Verb.PAGE, command, 0, str(max(0, offset - PAGE))))
    on = Button(label="Older", callback=pack(Verb.PAGE, command, 0, str(offset + PAGE)))
    row = (*((back,) if offset else ()), *((on,) if more else ()))
    return (row,) if row else ()


async def show(chat: Chat, job_id: str) -> None:
    """One job's card, which follows it from now on."""
    await chat.cards.open(chat, await chat.api.job(chat.person.id, job_id))


async def stop(chat: Chat, job_id: str) -> None:
    """Really stops the work. The card shows how it goes on."""
    job = await chat.api.job(chat.person.id, job_id)
    if job.status.ended:
        await chat.alert(f"That job is {words.STATUSES[job.status][1]} already.")
        await chat.cards.open(chat, job)
        return
    job = await chat.api.cancel(chat.person.id, job_id)
    await chat.alert("Stopping it.")
    await chat.cards.open(chat, job)


def _line(job: JobView, age: str) -> Html:
    icon, state = words.STATUSES[job.status]
    where = place_title(job.place, job.place_name)
    line = "{icon} {title}: {state} on {where}, {age}"
    return fill(line, icon=icon, title=title(job), state=state, where=where, age=age)


def _label(job: JobView) -> str:
    return clip(f"{words.STATUSES[job.status][0]} {plain(title(job))}", 40)
