"""`hayride-node`: joins this machine and runs its node agent. One line for each failure."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from node_join import script
from node_join.agent import NodeAgent
from node_join.allow import allowed_folders
from node_join.errors import AlreadyRunning, NodeError
from node_join.facts import facts
from node_join.redeem import JoinRefused, redeem
from node_join.state import Machine, StateFolder

_TOKEN_LIMIT = 200


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point; ends the process with the status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.action(options)
    except (NodeError, script.Failure) as error:
        sys.exit(f"hayride-node: {error}")
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hayride-node", description="This machine in your Hayride pool.", allow_abbrev=False
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    redeeming = argparse.ArgumentParser(add_help=False)
    redeeming.add_argument("--url", required=True, help="the server's address")
    redeeming.add_argument(
        "--token-file", default="-", metavar="FILE", help="where the join token is; - is standard input"
    )
    redeeming.add_argument("--name", default="", help="what the chat calls this machine; its host name otherwise")
    redeeming.add_argument(
        "--allow", action="append", default=[], type=Path, metavar="PATH", help="a folder to show, read-only"
    )
    running = argparse.ArgumentParser(add_help=False)
    running.add_argument("--node-python", default="", metavar="PATH", help="interpreter of the node's environment")
    running.add_argument("--sealing", choices=["auto", "on", "off"], help="whether the node runs in a sealed box")
    both = argparse.ArgumentParser(add_help=False)
    both.add_argument("--insecure", action="store_true", help="accept plain HTTP to another machine")
    both.add_argument("--as-root", action="store_true", help="accept to run as root")
    for name, parents, action, about in (
        ("join", [redeeming, running, both], _join, "redeem a token, then run"),
        ("redeem", [redeeming, both], _redeem, "redeem a token"),
        ("run", [running, both], _run, "run the node agent in the foreground"),
    ):
        commands.add_parser(name, parents=parents, help=about, description=about, allow_abbrev=False).set_defaults(
            action=action
        )
    return parser


def _state(options: argparse.Namespace) -> StateFolder:
    script.check_platform()
    script.check_user(options.as_root)
    state = StateFolder(script.state_folder())
    state.make()
    return state


def _join(options: argparse.Namespace) -> int:
    _redeem(options)
    return _run(options)


def _redeem(options: argparse.Namespace) -> int:
    url = options.url.rstrip("/")
    script.check_url(url, options.insecure)
    state = _state(options)
    before = state.machine()
    # Asked for nothing new: what was allowed before stays allowed.
    wishes = options.allow or [Path(folder) for folder in before.allowed] if before else options.allow
    allowed = allowed_folders(wishes, home=Path.home(), state=state.path)
    about = facts(sealed=False, folder=state.node, allowed=allowed)
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
        state.save(before.model_copy(update={"allowed": allowed}))
        return 0
    known = Machine.model_validate(place.model_dump(mode="json", exclude={"already"}))
    kept = {"sealing": before.sealing, "node_python": before.node_python} if before else {}
    state.save(known.model_copy(update={**kept, "allowed": allowed}))
    say(f"{'Already joined, repaired' if place.already else 'Token redeemed'}: this machine is {place.name}.")
    say("Your pool's jobs may read: " + ", ".join(allowed))
    return 0


def _run(options: argparse.Namespace) -> int:
    state = _state(options)
    machine = state.machine()
    if machine is None:
        raise NodeError("This machine has not joined a pool. Send /connect in the chat and paste the command.")
    script.check_url(machine.url, options.insecure)
    if options.sealing:
        machine = machine.model_copy(update={"sealing": options.sealing})
    python = options.node_python or machine.node_python or sys.executable
    machine = machine.model_copy(update={"node_python": os.path.abspath(python)})
    if not os.access(machine.node_python, os.X_OK):
        raise NodeError(f"There is no Python at {machine.node_python}. Run the join command again.")
    try:
        with state.only_one():
            state.save(machine)
            return asyncio.run(NodeAgent(machine, state, say).run())
    except AlreadyRunning as error:
        say(f"{error} Stop it and start it again where the allowed folders have changed.")
        return 0


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


if __name__ == "__main__":
    main()
