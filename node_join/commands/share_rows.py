"""share-rows: whether rows and values of the tables may leave this machine."""

from __future__ import annotations

import argparse

from node_join.commands.choices import joined_here, keep, on_or_off
from node_join.commands.command import Command, say

_MEANS = {
    True: "Previews of at most 10 rows, examples of values, result files and exports that hold rows may leave "
    "this machine for your chat.",
    False: "No row, no value of a table, no result file and no export that holds rows leaves this machine; results "
    "stay on its disk. Metrics, plots, names and types of columns, and progress still go to your chat.",
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("choice", nargs="?", choices=["on", "off"], help="without it: what holds now")


def _run(options: argparse.Namespace) -> int:
    state, machine = joined_here()
    share = machine.share_rows if options.choice is None else options.choice == "on"
    say(f"share-rows is {on_or_off(share)}. {_MEANS[share]}")
    if options.choice is not None:
        keep(state, machine, machine.model_copy(update={"share_rows": share}))
    return 0


SHARE_ROWS = Command(
    name="share-rows", about="whether rows of tables may leave this machine", arguments=_arguments, run=_run
)
