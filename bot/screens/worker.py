"""/worker: your machines, each on a card of its own; pausing one, draining it, cutting it off.

What cannot be taken back takes two taps: the first asks, and names the machine.
"""

from __future__ import annotations

from datetime import datetime

from bot import amounts, places, words
from bot.arguments import parse
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, lines, text
from bot.language import tr
from bot.messages import Button, Message, Row
from bot.trial import request, test_button
from head.api import HEAD, HayrideError, MachineState, MachineView, NotFoundError, Rest

#: More than anybody has; a message holds no more anyway.
_SHOWN = 12
#: What a button's choice says of a machine.
RESTS = {"resume": Rest.NONE, "pause": Rest.PAUSED, "leave": Rest.LEAVING}


async def open(chat: Chat, arguments: str) -> None:
    """`/worker`, or with something to do: `rename OLD NEW`, `autostart`."""
    given = parse(arguments).words
    if not given:
        await _list(chat)
    elif given[0].casefold() == "autostart":
        await chat.show(_autostart())
    elif given[0].casefold() == "rename" and len(given) == 3:
        await _rename(chat, given[1], given[2])
    else:
        usage = fill("Type it like <code>/worker rename laptop desk</code> or <code>/worker autostart</code>")
        await chat.show(usage)


async def _rename(chat: Chat, old: str, new: str) -> None:
    found = await places.find(chat, old)
    if found is None or found[0] == HEAD:
        await chat.show(fill("You have no machine called {name}. See /worker", name=clip(old, 60)))
        return
    try:
        await chat.api.rename_machine(chat.person.id, found[0], new)
    except HayrideError as error:
        await chat.show(words.error(error))
        return
    await chat.show(fill("{old} is now <b>{new}</b>.", old=clip(found[1], 40), new=clip(new, 40)))


def _autostart() -> Html:
    """What to type at a machine so that it comes back after a restart."""
    return lines(
        fill("<b>Start with the system</b>"),
        fill("Type on the machine: <code>hayride-node autostart on</code>, or <code>off</code> to end that."),
        fill("While joining: add <code>--autostart on</code> to the end of the command that /connect gives you."),
        fill("Linux: a systemd service of your own, which also runs while you are logged out; as root, of the system."),
        fill("macOS (experimental, never run there): a launchd agent."),
        fill("Windows (experimental, never run there): a Task Scheduler entry; type the command inside WSL2."),
    )


async def _list(chat: Chat) -> None:
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
    hint = fill("To rename one: <code>/worker rename OLD NEW</code>. Start with the system: /worker autostart")
    if len(machines) == 1:
        rows = _buttons(machines[0], chat.clock.now())
    else:
        rows = [(Button(label=clip(it.name, 40), callback=pack(Verb.MACHINE, it.id)),) for it in machines[:_SHOWN]]
    await chat.show(Message(text=lines(fill("<b>Machines</b>"), *shown, off, hint), rows=(*rows, *connect)))


async def show(chat: Chat, machine_id: str) -> None:
    """One machine's card."""
    if (machine := await _mine(chat, machine_id)) is None:
        return
    back: Row = (Button(label=tr("All machines"), callback=pack(Verb.OPEN, "worker")),)
    await chat.show(Message(text=_machine(chat, machine), rows=(*_buttons(machine, chat.clock.now()), back)))


def _buttons(it: MachineView, now: datetime) -> list[Row]:
    resume = Button(label=tr("Resume"), callback=pack(Verb.REST, it.id, 0, "resume"))
    pause = Button(label=tr("Pause"), callback=pack(Verb.REST, it.id, 0, "pause"))
    drain = Button(label=tr("Drain"), callback=pack(Verb.DRAIN, it.id))
    revoke = Button(label=clip(tr("Revoke {name}", name=it.name), 40), callback=pack(Verb.DOUBT, it.id))
    if it.rest is Rest.LEAVING:
        return [(resume, revoke)]
    ready = it.state is MachineState.CONNECTED and not it.rest and not it.paused
    return [(resume if it.rest else pause, drain), *([(test_button(it.id, now),)] if ready else []), (revoke,)]


async def test(chat: Chat, machine_id: str, offered: int) -> None:
    """Trains a small model on exactly that machine, to see that all works."""
    machine = await _mine(chat, machine_id)
    if machine is None:
        return
    note = fill("Sending a small table to {name}…", name=clip(machine.name, 40))
    async with chat.waiting(note):
        job = await chat.api.test_job(chat.person.id, machine_id, request=request(machine_id, offered))
    chat.started.append(job.id)
    await chat.show_job(job)


async def rest(chat: Chat, machine_id: str, choice: str) -> None:
    """Pause, resume, or leave when all is done; `drain` has asked about the last."""
    if choice not in RESTS:
        await _gone(chat)
        return
    try:
        await chat.api.set_rest(chat.person.id, machine_id, RESTS[choice])
    except NotFoundError:
        await _gone(chat)
        return
    machine = await places.machine(chat, machine_id)
    if machine is None:
        await chat.show(fill("Nothing ran there, so the machine has left. To use it again, /connect it."))
        return
    await show(chat, machine_id)


async def drain(chat: Chat, machine_id: str) -> None:
    """Asks, and says what drains."""
    if (machine := await _mine(chat, machine_id)) is None:
        return
    name = clip(machine.name, 30)
    yes = Button(label=tr("Yes, drain {name}", name=name), callback=pack(Verb.REST, machine.id, 0, "leave"))
    question = (
        fill("Drain <b>{name}</b>? No new job begins there; what runs there ends first.", name=name),
        fill("Then it leaves your pool, as if you had revoked it; jobs that still wait for it end with that."),
        fill("Files and models on it stay on it. Until it has left, Resume takes this back."),
    )
    await _ask(chat, name, yes, *question)


async def doubt(chat: Chat, machine_id: str) -> None:
    """Asks, and names what would go."""
    if (machine := await _mine(chat, machine_id)) is None:
        return
    name = clip(machine.name, 30)
    yes = Button(label=tr("Yes, revoke {name}", name=name), callback=pack(Verb.REVOKE, machine.id))
    question = (
        fill("Revoke <b>{name}</b>? It is cut off at once, and its open jobs end.", name=name),
        fill("Files and models on it stay on it. To use it again, /connect it again."),
    )
    await _ask(chat, name, yes, *question)


async def _ask(chat: Chat, name: str, yes: Button, *question: Html) -> None:
    keep = Button(label=tr("Keep {name}", name=name), callback=pack(Verb.OPEN, "worker"))
    await chat.show(Message(text=lines(*question, await _last(chat)), rows=((yes,), (keep,))))


async def _last(chat: Chat) -> Html | None:
    """What goes with the last machine; None where there are more."""
    if len(await chat.api.machines(chat.person.id)) > 1:
        return None
    return fill("It is your last machine: your files and models on the server are deleted, and open jobs there end.")


async def _mine(chat: Chat, machine_id: str) -> MachineView | None:
    """The person's machine; that one is gone is told, with those that are left."""
    machine = await places.machine(chat, machine_id)
    if machine is None:
        await _gone(chat)
    return machine


async def _gone(chat: Chat) -> None:
    await chat.alert("That machine is gone already.")
    await open(chat, "")


async def revoke(chat: Chat, machine_id: str) -> None:
    if (machine := await _mine(chat, machine_id)) is None:
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
        amounts.plural(it.gpus, "{n} GPU", "{n} GPUs") if it.gpus else "",
        amounts.plural(it.running_jobs, "{n} job running", "{n} jobs running") if it.running_jobs else "",
        clip(it.platform, 60),
    ]
    now_there = [
        tr("load {load}", load=amounts.figures(f"{it.load:.1f}")) if it.load is not None else "",
        tr("{memory} of memory free", memory=amounts.memory(it.memory_free)) if it.memory_free is not None else "",
        tr("{disk} of disk free", disk=amounts.size(it.disk_free)) if it.disk_free is not None else "",
    ]
    resting = {
        Rest.PAUSED: fill("⏸ Paused: no job begins there. Resume lets them begin."),
        Rest.LEAVING: fill("⏏ Draining: no job begins there; it leaves when what runs there has ended."),
    }
    contact = None
    connected = it.state is MachineState.CONNECTED
    if not connected and it.last_seen is not None:
        contact = fill(
            "Last contact {ago}. Its jobs go on; results come when it is back.", ago=amounts.ago(it.last_seen, now)
        )
    return lines(
        fill("{icon} <b>{name}</b> {state}{since}", icon=icon, name=clip(it.name, 40), state=tr(state), since=since),
        text(", ".join(fact for fact in facts if fact)) if any(facts) else None,
        text(", ".join(fact for fact in now_there if fact)) if connected and any(now_there) else None,
        fill("Node agent {version}", version=clip(it.version, 40)) if it.version else None,
        contact,
        resting.get(it.rest),
        words.admission(it.code) if it.code else None,
        text(f"⏸ {clip(it.paused, 200)}") if it.paused else None,
        fill("⚠️ Its node agent is too old. Type there: <code>hayride-node upgrade</code>") if it.outdated else None,
        fill("Shares {folders}", folders=", ".join(clip(it_, 80) for it_ in it.allowed[:4])) if it.allowed else None,
        fill("⚠️ Not sealed: jobs there can read and change the owner's files.") if it.sealed is False else None,
    )
