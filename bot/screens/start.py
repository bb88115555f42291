"""/start: what this is, how your things stand, and the next step."""

from __future__ import annotations

import re

from bot import amounts
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, lines, text
from bot.language import tr
from bot.messages import Button, Message
from bot.screens import jobs
from head.api import MachineState, MachineView

#: A link to a job's card: `?start=job_ab12`, or typed.
JOB_LINK = re.compile(r"job_([a-z0-9]{4,32})", re.ASCII)
_COUNTED = 50


async def open(chat: Chat, arguments: str) -> None:
    link = JOB_LINK.fullmatch(arguments.strip())
    if link is not None:
        await jobs.show(chat, link[1])
        return
    machines = await chat.api.machines(chat.person.id)
    running = sum(not job.status.ended for job in await chat.api.jobs(chat.person.id, limit=_COUNTED))
    state = lines(
        fill("Train and use models on your own machines, from this chat. Your data stays where it is."),
        Html(""),
        *(_machine(machine) for machine in machines[:8]),
        _no_machine(chat) if not machines else None,
        text(amounts.plural(running, "{n} job open.", "{n} jobs open.")) if running else fill("No job is running."),
    )
    await chat.show(Message(text=state, rows=(_buttons(chat, bool(machines), bool(running)),)))


def _machine(machine: MachineView) -> Html:
    if machine.state is MachineState.CONNECTED:
        return fill("🟢 {name} is up.", name=clip(machine.name, 40))
    return fill("🔴 {name} is away.", name=clip(machine.name, 40))


def _no_machine(chat: Chat) -> Html:
    if chat.api.joining_enabled:
        return fill("No machine is connected yet. Until then, files that you send me are used on the server.")
    return fill("Machines cannot be added on this server; files that you send me are used on the server.")


def _buttons(chat: Chat, connected: bool, running: bool) -> tuple[Button, ...]:
    connect = Button(label=tr("Connect a machine"), callback=pack(Verb.OPEN, "connect"))
    train = Button(label=tr("Train a model"), callback=pack(Verb.OPEN, "train"))
    jobs_ = Button(label=tr("Jobs"), callback=pack(Verb.OPEN, "jobs"))
    first = [] if connected or not chat.api.joining_enabled else [connect]
    return (*first, train, *([jobs_] if running else []))
