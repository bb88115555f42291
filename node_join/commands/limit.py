"""limit: what of this machine jobs may use, and when."""

from __future__ import annotations

import argparse
from typing import Any

from node_join import amounts, facts
from node_join.commands.choices import joined_here, keep, on_or_off
from node_join.commands.command import Command, say
from node_join.errors import NodeError
from node_join.state import Limits
from ray_jobs.cores import usable_cores

#: Bytes. A Ray node alone takes some 265 MB; with less than this it starts and then no job fits.
LEAST_MEMORY = 1024**3


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cores", metavar="N|all", help="cores for jobs")
    parser.add_argument("--memory", metavar="SIZE|all", help="memory for jobs, as in 8G")
    parser.add_argument("--gpu", choices=["on", "off"], help="whether jobs may use the NVIDIA card")
    parser.add_argument("--hours", metavar="22-7|always", help="hours of the day in which jobs begin")
    parser.add_argument("--battery", choices=["on", "off"], help="whether jobs begin on battery")
    parser.add_argument("--priority", choices=["low", "normal"], help="low: jobs step aside for your own programs")


def _run(options: argparse.Namespace) -> int:
    state, machine = joined_here()
    changed = _wishes(options)
    limits = machine.limits.model_copy(update=changed)
    for line in in_words(limits):
        say(line)
    if changed.get("gpu") and not facts.gpus():
        say("No NVIDIA card is found here now; jobs use no others.")
    if changed:
        keep(state, machine, machine.model_copy(update={"limits": limits}))
    return 0


def _wishes(options: argparse.Namespace) -> dict[str, Any]:
    """What was asked for, by the names of Limits. Raises NodeError for what this machine does not have."""
    wishes: dict[str, Any] = {}
    if options.cores is not None:
        wishes["cores"] = _cores(options.cores)
    if options.memory is not None:
        wishes["memory"] = _memory(options.memory)
    if options.hours is not None:
        wishes["hours"] = amounts.parsed_hours(options.hours)
    if options.gpu is not None:
        wishes["gpu"] = options.gpu == "on"
    if options.battery is not None:
        wishes["battery"] = options.battery == "on"
    if options.priority is not None:
        wishes["priority"] = options.priority
    return wishes


def _cores(wish: str) -> int | None:
    if wish == "all":
        return None
    has = usable_cores()
    # isdecimal alone takes digits of every script, which int reads too; a sign or a point is refused.
    if not wish.isdecimal() or not 1 <= int(wish[:9]) <= has:
        raise NodeError(f"{wish!r} cores cannot be given: this machine has {has}. Write 1 to {has}, or all.")
    return int(wish)


def _memory(wish: str) -> int | None:
    if wish == "all":
        return None
    has, size = facts.memory(), amounts.parsed_size(wish)
    if size > has:
        raise NodeError(f"{wish} cannot be given: this machine has {amounts.size(has)}. Write less, or all.")
    if size < LEAST_MEMORY:
        raise NodeError(f"{wish} is too little for a job. Give at least {amounts.size(LEAST_MEMORY)}.")
    return size


def in_words(limits: Limits) -> list[str]:
    """Each limit in a line."""
    has = f"of {usable_cores()}" if limits.cores else f"all {usable_cores()}"
    cores = f"{limits.cores} {has}" if limits.cores else has
    memory = f"{amounts.size(limits.memory)} of" if limits.memory else "all"
    return [
        f"cores      {cores}",
        f"memory     {memory} {amounts.size(facts.memory())}",
        f"gpu        {on_or_off(limits.gpu)}",
        f"hours      jobs begin {amounts.hours(limits.hours)}",
        f"battery    {'jobs begin on battery too' if limits.battery else 'no job begins on battery'}",
        f"priority   {limits.priority}",
    ]


LIMIT = Command(name="limit", about="what of this machine jobs may use, and when", arguments=_arguments, run=_run)
