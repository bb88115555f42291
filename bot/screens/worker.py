"""/worker: your machines, and taking one out. The first tap asks, the second does it."""

from __future__ import annotations

from bot import amounts, places, words
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, lines, text
from bot.language import tr
from bot.messages import Button, Message, Row
from head.api import MachineState, MachineView

#: More than anybody has; a message holds no more anyway.
_SHOWN = 12


async def open(chat: Chat, arguments: str) -> None:
    machines = await chat.api.machines(chat.person.id)
    connect: tuple[Row, ...] = ((Button(label=tr("Connect a machine"), callback=pack(Verb.OPEN, "connect")),),)
    if not chat.api.joining_enabled:
        connect = ()
    off = None if chat.api.joining_enabled else fill("Adding machines is switched off on this server.")
    if not machines:
        nothing = fill("You have no machine yet. Files that you send me are used on the server.")
        await chat.show(Message(text=lines(nothing, off), rows=connect))
        return
    shown = [_machine(chat, it) for it in machines[:_SHOWN]]
    rows: list[Row] = [
        (Button(label=clip(tr("Revoke {name}", name=it.name), 40), callback=pack(Verb.DOUBT, it.id)),)
        for it in machines[:_SHOWN]
    ]
    await chat.show(Message(text=lines(fill("<b>Machines</b>"), *shown, off), rows=(*rows, *connect)))


async def doubt(chat: Chat, machine_id: str) -> None:
    """Asks, and names what would go."""
    machine = await places.machine(chat, machine_id)
    if machine is None:
        await chat.alert("That machine is gone already.")
        await open(chat, "")
        return
    name = clip(machine.name, 30)
    last = len(await chat.api.machines(chat.person.id)) == 1
    question = lines(
        fill("Revoke <b>{name}</b>? It is cut off at once, and its open jobs end.", name=name),
        fill("Files and models on it stay on it. To use it again, /connect it again."),
        fill("It is your last machine: files and models of yours on the server are deleted.") if last else None,
    )
    yes = Button(label=tr("Yes, revoke {name}", name=name), callback=pack(Verb.REVOKE, machine.id))
    keep = Button(label=tr("Keep {name}", name=name), callback=pack(Verb.OPEN, "worker"))
    await chat.show(Message(text=question, rows=((yes,), (keep,))))


async def revoke(chat: Chat, machine_id: str) -> None:
    machine = await places.machine(chat, machine_id)
    if machine is None:
        await chat.alert("That machine is gone already.")
        await open(chat, "")
        return
    await chat.api.revoke(chat.person.id, machine_id)
    await chat.show(fill("<b>{name}</b> is cut off. To use it again, /connect it.", name=clip(machine.name, 40)))


def _machine(chat: Chat, it: MachineView) -> Html:
    icon, state = words.MACHINES[it.state]
    now = chat.clock.now()
    since = "" if it.state is MachineState.NEVER else tr(" for {time}", time=amounts.span(it.since, now))
    facts = [
        amounts.plural(it.cores, "{n} core", "{n} cores") if it.cores else "",
        amounts.memory(it.memory) if it.memory else "",
        amounts.plural(it.running_jobs, "{n} job running", "{n} jobs running") if it.running_jobs else "",
        clip(it.platform, 60),
    ]
    contact = None
    if it.state is not MachineState.CONNECTED and it.last_seen is not None:
        contact = fill(
            "Last contact {ago}. Its jobs go on; results come when it is back.", ago=amounts.ago(it.last_seen, now)
        )
    return lines(
        fill("{icon} <b>{name}</b> {state}{since}", icon=icon, name=clip(it.name, 40), state=tr(state), since=since),
        text(", ".join(fact for fact in facts if fact)) if any(facts) else None,
        contact,
        words.admission(it.code) if it.code else None,
        text(f"⏸ {clip(it.paused, 200)}") if it.paused else None,
        fill("⚠️ Its node agent is too old. Type there: <code>hayride-node upgrade</code>") if it.outdated else None,
        fill("Shares {folders}", folders=", ".join(clip(it_, 80) for it_ in it.allowed[:4])) if it.allowed else None,
        fill("⚠️ Not sealed: jobs there can read the owner's files.") if it.sealed is False else None,
    )
