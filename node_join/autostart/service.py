"""What a service of this machine runs, and what every keeper of services can be asked."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from node_join.errors import NodeError

NAME = "hayride-node"
ABOUT = "Hayride node agent: this machine in its pool"

_PATHS = ("HAYRIDE_NODE_DIR", "HAYRIDE_ENVIRONMENTS", "SSL_CERT_FILE", "SSL_CERT_DIR")
_ADDRESSES = (
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"),
    *("UV_PYTHON_INSTALL_MIRROR", "UV_DEFAULT_INDEX"),
)
_PATIENCE = 30.0  #: seconds that a system's own tool gets


@dataclass(frozen=True, kw_only=True)
class Service:
    """What is started with the system. Nothing in it is secret: it is written to files that others may read."""

    program: tuple[str, ...]
    flags: tuple[str, ...]
    environment: Mapping[str, str]
    state: Path

    @property
    def command(self) -> tuple[str, ...]:
        return (*self.program, "run", *self.flags)

    @property
    def by_hand(self) -> str:
        """What a person types to start it in the foreground."""
        return shlex.join(self.command)


class Autostart(Protocol):
    """A system's keeper of services. Every method may raise NodeError."""

    kind: str  #: for people, as in "autostart is on: KIND"

    def on(self, service: Service, *, start: bool) -> list[str]:
        """Writes and enables; starts it too where asked. What the person should know besides."""

    def off(self, *, stop: bool) -> list[str]:
        """Disables and removes, also where the system's tools are missing; stops a running one where asked."""

    def is_on(self) -> bool: ...

    def told(self) -> str:
        """Where it is written down."""


def service_here(state: Path, flags: Sequence[str]) -> Service:
    """The service of this person's machine. Raises NodeError where its environment holds a secret."""
    program = _program(state)
    return Service(
        program=program, flags=tuple(flags), environment=environment_to_keep(os.environ, program), state=state
    )


def _program(state: Path) -> tuple[str, ...]:
    """The stable path, which an upgrade leads to the new environment; else what runs now."""
    for prefix in (state / "current", Path(sys.prefix)):
        program = prefix / "bin" / NAME
        if os.access(program, os.X_OK):
            return (str(program),)
    return (sys.executable, "-m", "node_join.cli")


def environment_to_keep(environment: Mapping[str, str], program: Sequence[str]) -> dict[str, str]:
    """What of a person's environment the service needs too. Raises NodeError where that holds a password."""
    kept = {name: os.path.abspath(environment[name]) for name in _PATHS if environment.get(name)}
    for name in _ADDRESSES:
        value = environment.get(name, "")
        if "@" in value:  # USER:PASSWORD@HOST, with a scheme or without
            raise NodeError(
                f"{name} holds a user name or a password, and no secret is written into a service. Set it without them "
                f"(a proxy on this machine can add them), or start by hand: {shlex.join([*program, 'run'])}"
            )
        if value:
            kept[name] = value
    return kept


def run_tool(*command: str) -> subprocess.CompletedProcess[str]:
    """A tool of the system, without a terminal. A missing or silent one has failed, with the reason as its stderr."""
    try:
        return subprocess.run(
            command,
            env=_with_session(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"there is no {command[0]}")
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 126, "", str(error))


def _with_session() -> dict[str, str]:
    """The environment, with the way to the person's own systemd where su or sudo lost it."""
    session = f"/run/user/{os.geteuid()}"
    return {**({"XDG_RUNTIME_DIR": session} if os.path.isdir(session) else {}), **os.environ}


def must(*command: str) -> None:
    """Raises NodeError where the tool fails."""
    done = run_tool(*command)
    if done.returncode:
        raise NodeError(f"`{shlex.join(command)}` failed: {reason(done)}. Autostart is not set up.")


def reason(done: subprocess.CompletedProcess[str]) -> str:
    """Its words on one line, for a person."""
    words = " ".join((done.stderr.strip() or done.stdout.strip()).split())
    return "".join(c for c in words if c.isprintable())[:300].rstrip(".") or f"status {done.returncode}"


def write(path: Path, content: bytes) -> None:
    """Whole or not at all. Raises NodeError."""
    aside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(content)
        aside.chmod(0o644)
        aside.replace(path)
    except OSError as error:
        raise NodeError(f"{path} cannot be written: {error.strerror}. Autostart is not set up.") from error


def remove(path: Path) -> None:
    """Raises NodeError where it stays."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise NodeError(f"{path} cannot be removed: {error.strerror}. Remove it by hand.") from error
