"""admit: lets another machine of the same owner into the pool, from one that is in it."""

from __future__ import annotations

import argparse

from node_join.commands.choices import joined_here
from node_join.commands.command import Command, say
from node_join.errors import NodeError
from node_join.wishes import ask


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", default="", metavar="CODE", help="what the new machine shows")
    parser.add_argument(
        "--by",
        choices=["machine", "chat"],
        default="",
        help="who admits from now on: a machine that is in the pool, or the chat by the join command alone",
    )


def _run(options: argparse.Namespace) -> int:
    if bool(options.code) == bool(options.by):
        raise NodeError("Say the CODE that the new machine shows, or --by machine or --by chat.")
    state, machine = joined_here()
    wish = f"admit {options.code.upper()}" if options.code else f"admit-by {options.by}"
    say(ask(machine, state.key(), wish))
    return 0


ADMIT = Command(name="admit", about="let another machine of yours into the pool", arguments=_arguments, run=_run)
