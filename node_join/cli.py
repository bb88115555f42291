"""`hayride-node`: this machine in its pool. One line for each failure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from node_join import script
from node_join.commands import joining
from node_join.commands.admit import ADMIT
from node_join.commands.allow import ALLOW
from node_join.commands.autostart import AUTOSTART
from node_join.commands.command import Command
from node_join.commands.doctor import DOCTOR
from node_join.commands.leave import LEAVE
from node_join.commands.limit import LIMIT
from node_join.commands.logs import LOGS
from node_join.commands.neural import NEURAL
from node_join.commands.share_rows import SHARE_ROWS
from node_join.commands.status import STATUS
from node_join.commands.upgrade import UPGRADE
from node_join.errors import NodeError

#: In the order of --help.
COMMANDS: tuple[Command, ...] = (
    joining.JOIN,
    joining.REDEEM,
    joining.RUN,
    STATUS,
    LOGS,
    DOCTOR,
    ALLOW,
    SHARE_ROWS,
    LIMIT,
    NEURAL,
    ADMIT,
    AUTOSTART,
    UPGRADE,
    LEAVE,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point; ends the process with the status."""
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (NodeError, script.Failure) as error:
        sys.exit(f"hayride-node: {error}")
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def parser() -> argparse.ArgumentParser:
    """Of all commands."""
    whole = argparse.ArgumentParser(
        prog="hayride-node", description="This machine in your Hayride pool.", allow_abbrev=False
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        about = command.about
        each = commands.add_parser(command.name, help=about, description=about, allow_abbrev=False)
        command.arguments(each)
        each.set_defaults(run=command.run)
    return whole


if __name__ == "__main__":
    main()
