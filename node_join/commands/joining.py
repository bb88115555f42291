"""join, redeem, run: how a machine comes into its pool, and the node agent in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path

from node_join import loopback, script
from node_join.agent import EXIT_AGAIN, NodeAgent
from node_join.allow import allowed_folders
from node_join.commands.command import Command, joined_machine, own_state, say
from node_join.errors import AlreadyRunning, NodeError
from node_join.facts import facts
from node_join.redeem import JoinRefused, redeem
from node_join.state import Limits, Machine, StateFolder

_TOKEN_LIMIT = 200


def _redeeming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", required=True, help="the server's address")
    parser.add_argument(
        "--token-file", default="-", metavar="FILE", help="where the join token is; - is standard input"
    )
    parser.add_argument("--name", default="", help="what the chat calls this machine; its host name otherwise")
    parser.add_argument(
        "--allow", action="append", default=[], type=Path, metavar="PATH", help="a folder to show, read-only"
    )
    parser.add_argument("--neural", action="store_true", help="the node's environment has TensorFlow")
    _both(parser)


def _running(parser: argparse.ArgumentParser) -> None:
    _node(parser)
    _both(parser)


def _joining(parser: argparse.ArgumentParser) -> None:
    _redeeming(parser)
    _node(parser)


def _node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--node-python", default="", metavar="PATH", help="interpreter of the node's environment")
    parser.add_argument("--sealing", choices=["auto", "on", "off"], help="whether the node runs in a sealed box")


def _both(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--insecure", action="store_true", help="accept plain HTTP to another machine")
    parser.add_argument("--as-root", action="store_true", help="accept to run as root")


def _join(options: argparse.Namespace) -> int:
    _redeem(options)
    return _run(options)


def _redeem(options: argparse.Namespace) -> int:
    url = options.url.rstrip("/")
    script.check_url(url, options.insecure)
    state = own_state(as_root=options.as_root)
    before = state.machine()
    # Asked for nothing new: what was allowed before stays allowed.
    wishes = options.allow or [Path(folder) for folder in before.allowed] if before else options.allow
    allowed = allowed_folders(wishes, home=Path.home(), state=state.path)
    limits = before.limits if before else Limits()
    about = facts(sealed=False, folder=state.node, allowed=allowed, limits=limits)
    try:
        place = redeem(
            url,
            _token(options.token_file),
            public_key=state.public_key(),
            name=_name(options, before),
            facts=dict(about),
        )
    except JoinRefused as error:
        if before is None or before.url != url:
            raise
        say(f"{error} This machine joined before, as {before.name}, so the token is not needed.")
        neural = before.neural or options.neural
        state.save(before.model_copy(update={"allowed": allowed, "neural": neural}))
        loopback.add(before.address, say)
        return 0
    known = Machine.model_validate(place.model_dump(mode="json", exclude={"already"}))
    chosen = before.chosen() if before else {}
    neural = options.neural or (before is not None and before.neural)
    state.save(known.model_copy(update={**chosen, "allowed": allowed, "neural": neural}))
    say(f"{'Already joined, repaired' if place.already else 'Token redeemed'}: this machine is {place.name}.")
    say("Your pool's jobs may read: " + ", ".join(allowed))
    loopback.add(known.address, say)  # before the large download: it may have to ask
    return 0


def _run(options: argparse.Namespace) -> int:
    state = own_state(as_root=options.as_root)
    machine = joined_machine(state)
    script.check_url(machine.url, options.insecure)
    if options.sealing:
        machine = machine.model_copy(update={"sealing": options.sealing})
    python = options.node_python or machine.node_python or sys.executable
    machine = machine.model_copy(update={"node_python": os.path.abspath(python)})
    if not os.access(machine.node_python, os.X_OK):
        raise NodeError(f"There is no Python at {machine.node_python}. Run the join command again.")
    try:
        with state.only_one(patience=0.2):
            state.save(machine)
            loopback.add(machine.address, say)
            status = asyncio.run(NodeAgent(machine, state, say).run())
        if status == EXIT_AGAIN:
            os.execv(*_newest(state))
        return status
    except AlreadyRunning as error:
        say(f"{error} What has changed takes effect between jobs; `hayride-node status` shows how it gets on.")
        return 0


def _newest(state: StateFolder) -> tuple[str, list[str]]:
    """The newest node agent's program, with the arguments of this one."""
    program = str(state.path / "current" / "bin" / "hayride-node")
    return program, [program, *sys.argv[1:]]


def _token(where: str) -> str:
    try:
        with sys.stdin if where == "-" else open(where, encoding="utf-8") as file:
            token = file.readline(_TOKEN_LIMIT).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NodeError(f"The token cannot be read from {where}. Check the file.") from error
    if not token:
        raise NodeError("There is no join token. Send /connect in the chat and paste the whole command.")
    return token


def _name(options: argparse.Namespace, before: Machine | None) -> str:
    wish = options.name or (before.name if before else "") or socket.gethostname().split(".")[0]
    return "".join(c for c in wish if c.isprintable()).strip()[:40] or "machine"


JOIN = Command(name="join", about="redeem a token, then run", arguments=_joining, run=_join)
REDEEM = Command(name="redeem", about="redeem a token", arguments=_redeeming, run=_redeem)
RUN = Command(name="run", about="run the node agent in the foreground", arguments=_running, run=_run)
