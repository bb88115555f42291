"""autostart: whether the node agent starts with the system, and again when it ended."""

from __future__ import annotations

import argparse

from node_join import loopback, script
from node_join.autostart import Autostart, autostart_here, service_here
from node_join.commands.choices import joined_here
from node_join.commands.command import Command, say
from node_join.state import StateFolder


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "choice", nargs="?", choices=["on", "off", "status"], default="status", help="without it: what holds now"
    )
    parser.add_argument("--insecure", action="store_true", help="on: accept plain HTTP to another machine")
    parser.add_argument("--as-root", action="store_true", help="on: accept to run as root")


def _run(options: argparse.Namespace) -> int:
    keeper = autostart_here()
    if options.choice == "on":
        _on(keeper, insecure=options.insecure, as_root=options.as_root)
    elif options.choice == "off":
        _off(keeper)
    else:
        say(f"Autostart is on: {keeper.kind}, {keeper.told()}" if keeper.is_on() else "Autostart is off.")
    return 0


def _on(keeper: Autostart, *, insecure: bool, as_root: bool) -> None:
    script.check_user(as_root)
    state, machine = joined_here()
    script.check_url(machine.url, insecure)
    flags = ["--as-root"] * as_root + ["--insecure"] * insecure
    loopback.add(machine.address, say)  # here, since a service cannot ask for a password
    runs = state.running()
    notes = keeper.on(service_here(state.path, flags), start=not runs)
    say(f"Autostart is on: {keeper.kind}, {keeper.told()}")
    if runs:
        say("The node agent runs already; a second one was not started. The service takes over at the next start.")
    else:
        say("The node agent was started; `hayride-node status` shows how it gets on.")
    for note in notes:
        say(note)


def _off(keeper: Autostart) -> None:
    was_on = keeper.is_on()
    notes = keeper.off(stop=False)
    say("Autostart is off." if was_on else "Autostart was off already.")
    state = StateFolder(script.state_folder())
    if was_on and state.path.is_dir() and state.running():
        say("The node agent that runs goes on until this machine stops, or you stop it.")
    for note in notes:
        say(note)


AUTOSTART = Command(
    name="autostart", about="whether the node agent starts with the system", arguments=_arguments, run=_run
)
