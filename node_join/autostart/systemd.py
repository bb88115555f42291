"""systemd: a service of the person with lingering, or one of the system where the node agent runs as root."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from pathlib import Path

from node_join.agent import EXIT_FOR_GOOD
from node_join.autostart.service import ABOUT, NAME, Service, must, reason, remove, run_tool, write
from node_join.errors import NodeError

UNIT = f"{NAME}.service"
#: systemd 254 lengthens the pause between restarts step by step.
_STEPS_SINCE = 254
#: Seconds to end the box and its jobs; the box itself gets 12.
_STOP = 30


def unit(service: Service, *, system: bool, version: int, user: str = "") -> str:
    """The unit's text. `version` is systemd's own: an older one would warn of what it does not know."""
    backoff = (
        ("RestartSec=1", "RestartSteps=8", "RestartMaxDelaySec=60") if version >= _STEPS_SINCE else ("RestartSec=10",)
    )
    network = ("Wants=network-online.target", "After=network-online.target") if system else ()
    program, *arguments = service.command
    lines = [
        "# Written by `hayride-node autostart on`, removed by `hayride-node autostart off`.",
        "[Unit]",
        f"Description={ABOUT}",
        *network,  # a user's systemd has no such target; the node agent itself waits for the network
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        *((f"User={user}",) if system and user else ()),
        *(f"Environment={quoted(f'{name}={value}')}" for name, value in sorted(service.environment.items())),
        # The program's path, unlike its arguments, may hold a $ as it is.
        "ExecStart=" + " ".join([quoted(program), *(quoted(argument.replace("$", "$$")) for argument in arguments)]),
        "Restart=always",
        *backoff,
        f"RestartPreventExitStatus={EXIT_FOR_GOOD}",
        "Delegate=yes",  # the box gets a cgroup of its own, with its bounds
        "KillMode=mixed",
        f"TimeoutStopSec={_STOP}",
        "",
        "[Install]",
        f"WantedBy={_target(system)}",
    ]
    return "\n".join(lines) + "\n"


def quoted(word: str) -> str:
    """One word of a unit, whatever it holds."""
    if re.fullmatch(r"[A-Za-z0-9_./:=,+-]+", word):
        return word
    for character, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%")):
        word = word.replace(character, escaped)
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\x{ord(c):02x}" for c in word) + '"'


def _target(system: bool) -> str:
    return "multi-user.target" if system else "default.target"


class Systemd:
    """`systemctl --user` with lingering, or `systemctl` for root."""

    def __init__(self, *, as_root: bool) -> None:
        self._system = as_root
        self._systemctl = ("systemctl",) if as_root else ("systemctl", "--user")
        self._user = pwd.getpwuid(os.geteuid()).pw_name
        self.kind = "a systemd service of the system" if as_root else "a systemd service of yours"
        self.folder = Path("/etc/systemd/system") if as_root else _user_units()

    def on(self, service: Service, *, start: bool) -> list[str]:
        self._check(service)
        text = unit(service, system=self._system, version=_version(), user=self._user)
        write(self.folder / UNIT, text.encode())
        must(*self._systemctl, "daemon-reload")
        must(*self._systemctl, "enable", *(["--now"] if start else []), UNIT)
        return [] if self._system else self._linger()

    def off(self, *, stop: bool) -> list[str]:
        """Without an answer of systemd the files go all the same: it finds nothing to start any more."""
        there = self.is_on() or (self.folder / UNIT).exists()
        if there:
            run_tool(*self._systemctl, "disable", *(["--now"] if stop else []), UNIT)
        remove(self.folder / f"{_target(self._system)}.wants" / UNIT)
        remove(self.folder / UNIT)
        if not there:
            return []
        run_tool(*self._systemctl, "daemon-reload")
        if not self._system and self._lingers():
            return ["Lingering stays on for you; if nothing else needs it: loginctl disable-linger"]
        return []

    def is_on(self) -> bool:
        """By the file that enables it, which is there without a running systemd too."""
        return (self.folder / f"{_target(self._system)}.wants" / UNIT).is_symlink()

    def told(self) -> str:
        return str(self.folder / UNIT)

    def _check(self, service: Service) -> None:
        """Raises NodeError where no systemd would start it."""
        if not shutil.which("systemctl"):
            why = "there is no systemd here (a container, or WSL without it)"
        elif re.search(r"[\x00-\x1f\x7f\"'\\]", service.program[0]):
            why = "systemd starts no program with a quote, a backslash or a control character in its path"
        elif (asked := run_tool(*self._systemctl, "show-environment")).returncode:
            session = "" if self._system else "; log in as this user directly, not through su or sudo"
            why = f"systemd does not answer: {reason(asked)}{session}"
        else:
            return
        raise NodeError(f"Autostart cannot be set up: {why}. Start the node agent by hand: {service.by_hand}")

    def _linger(self) -> list[str]:
        asked = run_tool("loginctl", "--no-ask-password", "enable-linger")
        if asked.returncode == 0:
            return []
        return [
            f"Lingering could not be switched on ({reason(asked)}), so it starts when you log in and ends when you "
            f"log out. To start it with the system: sudo loginctl enable-linger {self._user}"
        ]

    def _lingers(self) -> bool:
        asked = run_tool("loginctl", "show-user", self._user, "--property=Linger", "--value")
        return asked.stdout.strip() == "yes"


def _user_units() -> Path:
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(configured) if os.path.isabs(configured) else Path.home() / ".config") / "systemd" / "user"


def _version() -> int:
    found = re.match(r"systemd (\d+)", run_tool("systemctl", "--version").stdout)
    return int(found[1]) if found else 0
