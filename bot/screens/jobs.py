"""/jobs: the list and its parts, a job's card and details, and stopping one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from bot import amounts, details, job_buttons, loss_curve, results, words
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, lines, plain
from bot.language import N_, tr
from bot.messages import Button, Message, Row
from bot.results import place_title, title
from bot.screens.listing import Listing
from head.api import EVENTS_PAGE, Event, JobStatus, JobView

#: Pages of events that are looked through for losses; more are not kept of a job.
_PAGES = 10


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Some of the jobs, by where they stand."""

    label: str
    heading: str
    among: tuple[JobStatus, ...]
    nothing: str


_PARTS = {
    "": _Part(label=N_("All"), heading=N_("Jobs"), among=(), nothing=N_("No jobs yet. Start one with /train")),
    "running": _Part(
        label=N_("Running"),
        heading=N_("Jobs that run or wait"),
        among=tuple(status for status in JobStatus if not status.ended),
        nothing=N_("No job runs or waits just now. Start one with /train or /predict"),
    ),
    "done": _Part(
        label=N_("Done"),
        heading=N_("Jobs that are done"),
        among=(JobStatus.COMPLETED,),
        nothing=N_("No job is done yet. Look at those that run, or start one with /train"),
    ),
    "failed": _Part(
        label=N_("Failed"),
        heading=N_("Jobs that came to no result"),
        among=(JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.CANCELLED),
        nothing=N_("Every job that ended came to a result. Look at those that are done, or start one with /train"),
    ),
}


async def open(chat: Chat, arguments: str) -> None:
    """`/jobs`, or those of a part: `/jobs running`, `/jobs done`, `/jobs failed`."""
    part = arguments.strip().casefold()
    if part in _PARTS:
        await page(chat, 0, part)
        return
    said = words.three(
        fill("I know no jobs that are {word}.", word=clip(arguments, 40)),
        fill("Nothing was changed."),
        fill("Good ones look like:"),
    )
    await chat.show(Message(text=lines(said, *(_example(part) for part in _PARTS if part)), rows=(_parts(""),)))


async def page(chat: Chat, offset: int, part: str = "") -> None:
    """Jobs from `offset` on; each has a button that opens its card."""
    part = part if part in _PARTS else ""
    there = await chat.api.jobs(chat.person.id, limit=1)
    listed = Listing[JobView](
        command=_command(part),
        heading=_PARTS[part].heading,
        nothing=_PARTS[part].nothing,
        line=_line,
        button=_button,
        below=lambda: (_parts(part),) if there else (),
    )
    await listed.show(chat, partial(chat.api.jobs, among=_PARTS[part].among), offset)


async def show(chat: Chat, job_id: str) -> None:
    """One job's card, which follows it from now on; of one that has ended, how it ended and what there is to know."""
    job = await chat.api.job(chat.person.id, job_id)
    if not job.status.ended:
        await chat.show_job(job)
        return
    known = details.below(job, await _newest(chat, job), chat.clock.now())
    said = lines(results.ending(job).text, Html(""), known)
    await chat.show(Message(text=said, rows=job_buttons.rows(job, details=False)))


async def tell_details(chat: Chat, job_id: str) -> None:
    """All that is known of a job, below its card or its result."""
    chat.keep()
    job = await chat.api.job(chat.person.id, job_id)
    said = details.headed(job, await _newest(chat, job), chat.clock.now())
    await chat.show(Message(text=said, rows=job_buttons.rows(job, details=False)))


async def draw_losses(chat: Chat, job_id: str) -> None:
    """A picture of what a network has told so far, below its card."""
    job = await chat.api.job(chat.person.id, job_id)
    found = loss_curve.losses(await _all_events(chat, job)) if job_buttons.is_network(job) else []
    if len(found) < loss_curve.FEWEST:
        await chat.alert("Not enough epochs are done yet to draw a curve.")
        return
    await chat.acknowledge()
    await chat.outbox.working(chat.id)
    last = found[-1]
    n, loss = amounts.number(last.epoch), amounts.metric(last.learned if last.held is None else last.held)
    said = fill("<b>{title}</b>: epoch {n}, loss {loss}", title=title(job), n=n, loss=loss)
    drawn = await asyncio.to_thread(loss_curve.picture, found)
    await chat.cards.send_file(chat.id, said, "losses.png", drawn, "photo")


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


async def _newest(chat: Chat, job: JobView) -> list[Event]:
    return await chat.api.job_events(chat.person.id, job.id, limit=details.LOOKED_AT)


async def _all_events(chat: Chat, job: JobView) -> list[Event]:
    found: list[Event] = []
    for _ in range(_PAGES):
        before = found[0].n if found else None
        earlier = await chat.api.job_events(chat.person.id, job.id, before=before, limit=EVENTS_PAGE)
        found = [*earlier, *found]
        if len(earlier) < EVENTS_PAGE:
            break
    return found


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


def _parts(shown: str) -> Row:
    """The way to the other parts."""
    others = [(part, it.label) for part, it in _PARTS.items() if part != shown]
    return tuple(Button(label=tr(label), callback=pack(Verb.PAGE, _command(part), 0, "0")) for part, label in others)


def _command(part: str) -> str:
    return f"jobs-{part}" if part else "jobs"


def _example(part: str) -> Html:
    return fill("<code>{example}</code>", example=f"/jobs {part}")
