"""The addresses of a pool on a Mac's own loopback: Linux has all of 127.0.0.0/8 there, macOS 127.0.0.1 alone.

Only root adds some, and they are gone with a restart. So sudo installs a launch daemon, which adds them now and at each
start of the system. What root runs is called by its whole path, and what root installs passes through no file that
another program of this person could change. Experimental: it was never run on a Mac.
"""

from __future__ import annotations

import plistlib
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from node_join.errors import NodeError
from ray_jobs.ports import HEAD_ADDRESS

LABEL = "hayride-node-loopback"
DAEMON = Path("/Library/LaunchDaemons") / f"{LABEL}.plist"
SUDO, IFCONFIG, LAUNCHCTL, TEE, RM = "/usr/bin/sudo", "/sbin/ifconfig", "/bin/launchctl", "/usr/bin/tee", "/bin/rm"
#: Seconds until what the daemon does is to be seen.
_PATIENCE = 5.0

Say = Callable[[str], None]


def pool_addresses(address: str) -> tuple[str, str]:
    """What a machine that is `address` in its pool needs."""
    return (HEAD_ADDRESS, address)


def missing(addresses: Sequence[str]) -> list[str]:
    """Those at which no program here can listen."""
    return [address for address in addresses if not _is_here(address)]


def plist(addresses: Sequence[str]) -> bytes:
    """The daemon's property list."""
    adding = "; ".join(shlex.join((IFCONFIG, *_alias(address))) for address in addresses)
    return plistlib.dumps({"Label": LABEL, "ProgramArguments": ["/bin/sh", "-c", adding], "RunAtLoad": True})


def add(address: str, say: Say) -> None:
    """On a Mac, adds what a machine that is `address` in its pool lacks, for good. Raises NodeError with what to type
    where sudo cannot ask.
    """
    addresses = pool_addresses(address)
    lacking = missing(addresses) if sys.platform == "darwin" else []
    if not lacking:
        return
    say(
        f"This Mac's loopback lacks {' and '.join(lacking)}, where your pool and this machine meet. Nothing beyond "
        "this Mac reaches them. sudo installs what adds them at each start, and asks for your password:"
    )
    if DAEMON.exists():
        _as_root(say, LAUNCHCTL, "bootout", f"system/{LABEL}")  # an earlier one, with other addresses
    written = _as_root(say, TEE, str(DAEMON), content=plist(addresses))
    started = written and _as_root(say, LAUNCHCTL, "bootstrap", "system", str(DAEMON))
    deadline = time.monotonic() + _PATIENCE
    while missing(lacking):
        if not started or time.monotonic() > deadline:
            typed = "; ".join(shlex.join(("sudo", IFCONFIG, *_alias(each))) for each in lacking)
            raise NodeError(
                f"This Mac's loopback lacks {' and '.join(lacking)}. Type `{typed}`, which holds until the next start "
                "of this Mac, then run the same again."
            )
        time.sleep(0.1)


def remove(address: str, say: Say) -> None:
    """Removes what `add` installed, if anything; says what to type where sudo cannot ask."""
    if sys.platform != "darwin" or not DAEMON.exists():
        return
    say("The addresses on this Mac's loopback go; sudo asks for your password:")
    _as_root(say, LAUNCHCTL, "bootout", f"system/{LABEL}")
    for each in pool_addresses(address):
        _as_root(say, IFCONFIG, "lo0", "-alias", each)
    _as_root(say, RM, str(DAEMON))
    if DAEMON.exists():
        say(f"{DAEMON} is still there. Type what stands above.")


def _alias(address: str) -> tuple[str, ...]:
    return ("lo0", "alias", address, "netmask", "255.255.255.255")


def _as_root(say: Say, *command: str, content: bytes = b"") -> bool:
    """Whether it went well. sudo asks at the terminal, whatever its standard input is."""
    say("  sudo " + shlex.join(command))
    return subprocess.run([SUDO, *command], input=content, stdout=subprocess.DEVNULL, check=False).returncode == 0


def _is_here(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
