"""status: how this machine gets on in its pool, for its owner or for a program."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from node_join import amounts, facts
from node_join.autostart import autostart_here
from node_join.commands.allow import in_words as folders_in_words
from node_join.commands.choices import joined_here, on_or_off
from node_join.commands.command import Command, printable, say
from node_join.commands.limit import in_words as limits_in_words
from node_join.pauses import on_battery, paused
from node_join.state import Machine, StateFolder, Status
from ray_jobs.cores import usable_cores

#: The states that Status has, and the one that only another program can see, in words.
_WORDS = {
    "connecting": "connecting to the server",
    "waiting": "not connected, waiting to try again",
    "connected": "connected, the Ray node is starting",
    "joined": "in the pool",
    "stopped": "the node agent has stopped",
    "not_running": "the node agent is not running",
}


@dataclass(frozen=True, kw_only=True)
class Report:
    """What there is to say."""

    folder: Path  #: where the state lies
    machine: Machine
    status: Status | None  #: what the agent wrote last, be it alive or not
    state: str  #: a key of _WORDS
    free: int  #: bytes where the state lies
    total: int
    now: float  #: seconds since the epoch
    autostart: str  #: what starts the node agent with the system; "" where nothing does

    @property
    def running(self) -> bool:
        return self.state not in ("stopped", "not_running")

    @property
    def paused(self) -> str:
        """As the agent judged it; where none runs, as it would."""
        if self.running and self.status:
            return self.status.paused
        return paused(self.machine.limits, datetime.fromtimestamp(self.now).astimezone(), on_battery=on_battery())

    @property
    def told(self) -> str:
        """The last thing that was said of the connection; not what an agent that was killed said before."""
        return self.status.told if self.status and self.state != "not_running" else ""


def report(state: StateFolder, machine: Machine, now: float) -> Report:
    status = state.status()
    disk = shutil.disk_usage(state.path)
    keeper = autostart_here()
    return Report(
        folder=state.path,
        machine=machine,
        status=status,
        state=_state(state, status),
        free=disk.free,
        total=disk.total,
        now=now,
        autostart=keeper.kind if keeper.is_on() else "",
    )


def _state(state: StateFolder, status: Status | None) -> str:
    """An agent that was killed has not written that down; that nothing holds its lock is what tells."""
    if state.running():
        return status.state if status and status.state != "stopped" else "connecting"
    return "stopped" if status and status.state == "stopped" else "not_running"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object")


def _run(options: argparse.Namespace) -> int:
    state, machine = joined_here()
    found = report(state, machine, time.time())
    for line in [json.dumps(for_programs(found), indent=1)] if options.json else for_people(found):
        say(line)
    return 0 if found.state == "joined" else 1


def for_programs(found: Report) -> dict[str, Any]:
    """The keys are a promise: none is renamed or left out."""
    machine, status = found.machine, found.status
    live = status if found.running else None
    return {
        "state": found.state,
        "since": amounts.moment_for_programs(live.since) if live else None,
        "last_heard": amounts.moment_for_programs(status.heard) if status else None,
        "told": printable(found.told),
        "url": machine.url,
        "machine_id": machine.machine_id,
        "name": printable(machine.name),
        "address": machine.address,
        "tags": [machine.pool_tag, machine.machine_tag],
        "versions": {"node_agent": facts.release(), "ray": ray_version(machine.node_python)},
        "jobs": live.jobs if live else None,
        "load": list(os.getloadavg()),
        "cores": usable_cores(),
        "memory": facts.memory(),
        "allowed": [{"path": path, "max_size": machine.max_sizes.get(path)} for path in machine.allowed],
        "share_rows": machine.share_rows,
        "neural": machine.neural,
        "limits": machine.limits.model_dump(mode="json"),
        "disk": {"path": str(found.folder), "free": found.free, "total": found.total},
        "sealed": live.sealed if live else None,
        "sealing": machine.sealing,
        "paused": printable(found.paused),
        "autostart": bool(found.autostart),
    }


def for_people(found: Report) -> list[str]:
    """Line by line; what came from the server or the box without control characters."""
    machine = found.machine
    folders = folders_in_words({path: machine.max_sizes.get(path) for path in machine.allowed}) or ["none"]
    ray = ray_version(machine.node_python)
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    rows = [
        ("state", _connection(found)),
        ("said", found.told),
        ("heard", _heard(found)),
        ("paused", found.paused),
        ("server", machine.url),
        ("name", f"{machine.name} ({machine.machine_id})"),
        ("address", machine.address),
        ("tags", f"{machine.pool_tag} {machine.machine_tag}"),
        ("versions", f"node agent {facts.release()}, Ray {ray or 'not known'}"),
        ("jobs", _jobs(found)),
        ("load", f"{load} on {usable_cores()} cores"),
        ("sealed", _sealed(found)),
        ("autostart", f"on: {found.autostart}" if found.autostart else "off"),
        ("share-rows", on_or_off(machine.share_rows)),
        ("disk", f"{amounts.size(found.free)} free of {amounts.size(found.total)}"),
        *_below("limits", limits_in_words(machine.limits)),
        *_below("allowed", folders),
    ]
    return [f"{name:<11}{printable(text)}" for name, text in rows if text]


def _below(name: str, lines: list[str]) -> list[tuple[str, str]]:
    """Rows of which the first alone has the name."""
    return [("" if number else name, line) for number, line in enumerate(lines)]


def _connection(found: Report) -> str:
    words = _WORDS[found.state]
    if found.status and found.state != "not_running":
        since = found.status.since
        words += f", for {amounts.span(found.now - since)} (since {amounts.moment(since)})"
    return words if found.running else f"{words}. Start it with `hayride-node run`."


def _heard(found: Report) -> str:
    heard = found.status.heard if found.status else 0
    return f"from the server {amounts.span(found.now - heard)} ago" if heard else "nothing from the server yet"


def _jobs(found: Report) -> str:
    jobs = found.status.jobs if found.status and found.running else None
    return "not known" if jobs is None else f"{jobs} running here"


def _sealed(found: Report) -> str:
    if found.status is None or not found.running:
        return f"at the next start ({found.machine.sealing})"
    if found.status.sealed:
        return "yes: jobs see the allowed folders, read-only, and nothing else"
    return "NO: jobs can do what you can do, and reach your network. `hayride-node doctor` says why."


def ray_version(node_python: str) -> str:
    """Of the node's environment, from its folder's names; "" where that is not known."""
    if not node_python:
        return ""
    packages = Path(node_python).parent.parent.glob("lib/python3.*/site-packages/ray-*.dist-info")
    return next((path.name.removeprefix("ray-").removesuffix(".dist-info") for path in packages), "")


STATUS = Command(name="status", about="how this machine gets on in its pool", arguments=_arguments, run=_run)
