"""upgrade: a newer node agent, from the server that this machine joined, only when its owner types it."""

from __future__ import annotations

import argparse
import os
import signal

from node_join import script
from node_join.commands.choices import joined_here
from node_join.commands.command import Command, say
from node_join.errors import NodeError
from node_join.upgrades import offered_release


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only say whether there is a newer one")


def _run(options: argparse.Namespace) -> int:
    state, machine = joined_here()
    release = offered_release(machine)
    name = script.environment_name(script.AGENT, release)
    current = state.path / "current"
    if os.path.basename(os.path.realpath(current)) == name:
        say("The node agent is the newest that the server has.")
        return 0
    if options.check:
        say("The server has a newer node agent. Type `hayride-node upgrade` to install it.")
        return 1
    try:
        folder = script.make_environment(script.AGENT, release, state.path)
        script.point_to(state.path, folder)
    except script.Failure as error:
        raise NodeError(str(error)) from error
    status = state.status()
    if status is None or not state.running():
        say("Upgraded. The new node agent begins at the next start.")
        return 0
    # It begins anew by itself, between jobs: the box that runs is taken over or ended by the new one.
    os.kill(status.pid, signal.SIGUSR1)
    say("Upgraded. The node agent that runs begins anew as soon as no job runs.")
    return 0


UPGRADE = Command(name="upgrade", about="install the server's newest node agent", arguments=_arguments, run=_run)
