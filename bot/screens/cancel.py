"""/cancel: leaves the form that is being filled in, or offers the open jobs; `/cancel job_ab12` stops that one."""

from __future__ import annotations

from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import clip, fill, lines, plain
from bot.language import tr
from bot.messages import Button, Message, Row
from bot.results import title
from bot.screens import jobs as jobs_screen

_OFFERED = 8


async def open(chat: Chat, arguments: str) -> None:
    if arguments:  # "job_ab12", as every card shows it
        await jobs_screen.stop(chat, arguments.removeprefix("job_"))
        return
    said = []
    draft = await chat.api.active_draft(chat.person.id, chat.id)
    if draft is not None:
        await chat.api.drop_draft(chat.person.id, draft.id)
        said.append(fill("The form is cancelled; nothing was started."))
    jobs = [job for job in await chat.api.jobs(chat.person.id, limit=_OFFERED) if not job.status.ended]
    rows: list[Row] = [
        (Button(label=clip(tr("Stop {title}", title=plain(title(job))), 40), callback=pack(Verb.STOP, job.id)),)
        for job in jobs
    ]
    if jobs:
        said.append(fill("Which job should I stop?") if draft is None else fill("There are open jobs too:"))
    elif not said:
        said.append(fill("There is nothing to cancel: no form is open and no job is running."))
    await chat.show(Message(text=lines(*said), rows=tuple(rows)))
