"""The addresses of a pool on a Mac's own loopback: Linux has all of 127.0.0.0/8 there, macOS 127.0.0.1 alone.

Only root adds some, and they are gone with a restart. So sudo installs a launch daemon, which adds them now and at each
start of the system. Experimental: it was never run on a Mac.
"""

from __future__ import annotations

import plistlib
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from node_join.errors import NodeError
from ray_jobs.ports import HEAD_ADDRESS

LABEL = "hayride-node-loopback"
DAEMON = Path("/Library/LaunchDaemons") / f"{LABEL}.plist"
#: Seconds until what the daemon does is to be seen.
_PATIENCE = 5.0


def missing(addresses: Sequence[str]) -> list[str]:
    """Those at which no program here can listen."""
    return [address for address in addresses if not _is_here(address)]


def plist(addresses: Sequence[str]) -> bytes:
    """The daemon's property list."""
    adding = " && ".join(f"/sbin/ifconfig lo0 alias {address} 255.255.255.255" for address in addresses)
    return plistlib.dumps({"Label": LABEL, "ProgramArguments": ["/bin/sh", "-c", adding], "RunAtLoad": True})


def add(address: str, say: Callable[[str], None]) -> None:
    """On a Mac, adds what a machine that is `address` in its pool lacks, for good. Raises NodeError with what to type
    where sudo cannot ask.
    """
    addresses = (HEAD_ADDRESS, address)
    lacking = missing(addresses) if sys.platform == "darwin" else []
    if not lacking:
        return
    say(
        f"This Mac's loopback lacks {' and '.join(lacking)}, where your pool and this machine meet. Nothing beyond "
        "this Mac reaches them. sudo installs what adds them at each start, and asks for your password:"
    )
    with tempfile.TemporaryDirectory(prefix="hayride-") as folder:
        file = Path(folder) / DAEMON.name
        file.write_bytes(plist(addresses))
        _quietly("launchctl", "bootout", f"system/{LABEL}")  # an earlier one, with other addresses
        for command in (
            ("install", "-m", "644", "-o", "root", "-g", "wheel", str(file), str(DAEMON)),
            ("launchctl", "bootstrap", "system", str(DAEMON)),
        ):
            say("  sudo " + shlex.join(command))
            if subprocess.run(["sudo", *command], stdin=subprocess.DEVNULL, check=False).returncode:
                raise NodeError(_by_hand(lacking))
    deadline = time.monotonic() + _PATIENCE
    while missing(lacking):
        if time.monotonic() > deadline:
            raise NodeError(_by_hand(lacking))
        time.sleep(0.1)


def remove(address: str, say: Callable[[str], None]) -> None:
    """Removes what `add` installed, if anything; says what to type where sudo cannot ask."""
    if sys.platform != "darwin" or not DAEMON.exists():
        return
    say("The addresses on this Mac's loopback go; sudo asks for your password:")
    commands = [
        ("launchctl", "bootout", f"system/{LABEL}"),
        *(("/sbin/ifconfig", "lo0", "-alias", each) for each in (HEAD_ADDRESS, address)),
        ("rm", str(DAEMON)),
    ]
    for command in commands:
        say("  sudo " + shlex.join(command))
        _quietly(*command)
    if DAEMON.exists():
        say(f"{DAEMON} is still there. Type what stands above.")


def _is_here(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _by_hand(lacking: Sequence[str]) -> str:
    typed = "; ".join(f"sudo ifconfig lo0 alias {address} 255.255.255.255" for address in lacking)
    return f"This Mac's loopback lacks {' and '.join(lacking)}. Type `{typed}`, then run this again."


def _quietly(*command: str) -> None:
    """What may fail: the daemon is not there yet, or is gone."""
    subprocess.run(["sudo", *command], stdin=subprocess.DEVNULL, capture_output=True, check=False)
