"""sudo, launchctl and ifconfig of a Mac, as far as node_join/loopback.py calls them: `python sudo.py WORDS`. Written
from their manuals, like the module: whether a Mac takes these words is not shown here.

Where HOME has no file `password`, nobody can be asked. What was called is added to HOME/sudo.log.
"""

from __future__ import annotations

import os
import plistlib
import sys
from pathlib import Path

from pyroute2 import IPRoute


def main(words: list[str]) -> int:
    home = Path(os.environ["HOME"])
    if not (home / "password").exists():
        sys.stderr.write("sudo: a terminal is required to read the password\n")
        return 1
    with (home / "sudo.log").open("a") as log:
        log.write(" ".join(words) + "\n")
    match words:
        case ["/usr/bin/tee", target]:
            Path(target).write_bytes(sys.stdin.buffer.read())
        case ["/bin/launchctl", "bootstrap", "system", daemon]:
            start(plistlib.loads(Path(daemon).read_bytes()))
        case ["/bin/launchctl", "bootout", service]:
            return 0 if (home / f"{service.removeprefix('system/')}.plist").exists() else 3
        case ["/bin/rm", path]:
            Path(path).unlink()
        case ["/sbin/ifconfig", "lo0", *change]:
            ifconfig(change)
        case _:
            raise AssertionError(words)
    return 0


def start(daemon: dict[str, object]) -> None:
    """Runs what launchd would."""
    assert daemon["RunAtLoad"] is True
    match daemon["ProgramArguments"]:
        case ["/bin/sh", "-c", str(script)]:
            for command in script.split("; "):
                program, device, *change = command.split()
                assert (program, device) == ("/sbin/ifconfig", "lo0")
                ifconfig(change)
        case other:
            raise AssertionError(other)


def ifconfig(change: list[str]) -> None:
    with IPRoute() as net:
        (index,) = net.link_lookup(ifname="lo")
        match change:
            case ["alias", address, "netmask", "255.255.255.255"]:
                net.addr("add", index=index, address=address, prefixlen=32)
            case ["-alias", address]:
                net.addr("del", index=index, address=address, prefixlen=32)
            case _:
                raise AssertionError(change)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
