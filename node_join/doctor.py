"""What may stand between this machine and its pool, looked at hop by hop. The first broken one is the one to mend.

machine   system, sealing, disk, memory, joined, environment
network   DNS, TCP, clock, TLS          the way goes through HTTPS_PROXY where that is set
server    server, key                   a gateway of Hayride's, and the very one that this machine joined
node      agent, tunnel, Ray, versions  what runs here, as the node agent wrote it down

Nothing is changed by looking: no key is made, no live tunnel is replaced, no folder of the box is opened.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import platform
import shutil
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

import websockets
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from node_join import amounts, facts, script
from node_join.errors import NodeError
from node_join.messages import FRAME, SAID, Challenge, signed_by_server
from node_join.state import Machine, StateFolder, Status
from node_join.upgrades import offered_release
from sealing import seal_status

#: Bytes. The box's folder is given at least 1 GB of the disk, and never more than half of what is free.
DISK_NEEDED = 2 * 1024**3
#: Bytes. A Ray node takes some 265 MB, the smallest object store 100 MB, the smallest task as much again.
MEMORY_NEEDED = 600 * 1024**2
#: Seconds between the clocks from which on certificates and times of jobs go wrong.
CLOCK_LIMIT = 300
_PATIENCE = 10.0  #: seconds for each answer of the network
_ANSWER_LIMIT = 64 * 1024

_JOIN = "Send /connect in the chat and paste the command."
_RUN = "Start it with `hayride-node run`."
_ANOTHER_SERVER = (
    "If its operator says that it was set up anew, join again with a fresh command; else do not, and tell the operator."
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look told."""

    name: str
    state: Literal["ok", "bad", "unknown"]
    told: str
    remedy: str = ""


class Bad(Exception):
    """The hop is broken."""

    def __init__(self, told: str, remedy: str) -> None:
        super().__init__(told)
        self.told, self.remedy = told, remedy


class Unknown(Exception):
    """It cannot be told here, and that is no fault."""


class Patient:
    """What is examined. What one look found is kept for the next."""

    def __init__(self, state: StateFolder, now: Callable[[], float] = time.time) -> None:
        self.state = state
        self.now = now

    @cached_property
    def machine(self) -> Machine:
        """Raises Bad where this machine has joined nothing."""
        try:
            machine = self.state.machine()
        except NodeError as error:
            raise Bad(str(error), _JOIN) from error
        if machine is None:
            raise Bad("This machine has not joined a pool.", _JOIN)
        return machine

    @cached_property
    def server(self) -> SplitResult:
        return urlsplit(self.machine.url)

    @cached_property
    def end(self) -> tuple[str, int]:
        """The server's name and port."""
        return self.server.hostname or "", self.server.port or (443 if self.server.scheme == "https" else 80)

    @cached_property
    def proxy(self) -> SplitResult | None:
        """The proxy that the environment names for this server."""
        found = urllib.request.getproxies().get(self.server.scheme)
        if not found or urllib.request.proxy_bypass(self.end[0]):
            return None
        return urlsplit(found if "://" in found else f"http://{found}")

    @cached_property
    def first(self) -> tuple[str, int]:
        """Where the first connection goes: to the proxy, or to the server."""
        if self.proxy is None:
            return self.end
        return self.proxy.hostname or "", self.proxy.port or 80

    @cached_property
    def status(self) -> Status | None:
        return self.state.status()


@dataclass(frozen=True, kw_only=True)
class Check:
    """One hop. `look` tells what is well, or raises Bad or Unknown."""

    name: str
    after: tuple[str, ...] = ()  #: checks that have to be well before this one says anything
    look: Callable[[Patient], str]


def examine(patient: Patient) -> Iterator[Finding]:
    """Every check in order, each as soon as it is known."""
    well: set[str] = set()
    for check in CHECKS:
        broken = next((name for name in check.after if name not in well), None)
        finding = _not_checked(check, broken) if broken else _finding(check, patient)
        if finding.state == "ok":
            well.add(check.name)
        yield finding


def _not_checked(check: Check, broken: str) -> Finding:
    return Finding(name=check.name, state="unknown", told=f"not checked, since {broken} is not ok")


def _finding(check: Check, patient: Patient) -> Finding:
    try:
        return Finding(name=check.name, state="ok", told=check.look(patient))
    except Bad as error:
        return Finding(name=check.name, state="bad", told=error.told, remedy=error.remedy)
    except Unknown as error:
        return Finding(name=check.name, state="unknown", told=str(error))


# --- the machine --------------------------------------------------------------------------------------------------


def _system(_patient: Patient) -> str:
    try:
        script.check_platform()
    except script.Failure as error:
        raise Bad(str(error), "Use Linux on x86-64 or arm64, or WSL2 on Windows.") from error
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _sealing(patient: Patient) -> str:
    try:
        if patient.machine.sealing == "off":
            return "switched off, as you asked: jobs can read what you can read"
    except Bad:
        pass  # before the join it is worth knowing too
    status = seal_status()
    if not status.available:
        raise Bad(f"No sealed box can be made here: {status.reason}", status.remedy)
    ways = sorted(set(status.limits.values()) - {"none"})
    held = [f"{', '.join(bound for bound, way in status.limits.items() if way == how)} by {how}" for how in ways]
    return f"boxes can be made here; limits: {'; '.join(held) or 'none'}"


def _disk(patient: Patient) -> str:
    folder = patient.state.path
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    told = f"{amounts.size(free)} free in {folder}"
    if free < DISK_NEEDED:
        raise Bad(told, f"Make room: models and results need at least {amounts.size(DISK_NEEDED)}.")
    return told


def _memory(patient: Patient) -> str:
    total = facts.memory()
    free = min(facts.memory_free(), total)
    told = f"{amounts.size(free)} free of {amounts.size(total)}"
    if free < MEMORY_NEEDED:
        raise Bad(told, f"End other programs: a Ray node and a job need at least {amounts.size(MEMORY_NEEDED)}.")
    return told


def _joined(patient: Patient) -> str:
    machine = patient.machine
    if not (patient.state.path / "key").exists():
        raise Bad("The key of this machine is gone.", _JOIN)
    try:
        patient.state.key()
    except (NodeError, OSError) as error:
        raise Bad(str(error), _JOIN) from error
    return f"as {machine.name}, to {machine.url}"


def _environment(patient: Patient) -> str:
    python = patient.machine.node_python
    again = "Run the pasted command again: it makes the environment, and needs no fresh token for that."
    if not python:
        raise Bad("The node's environment was not made yet.", again)
    if not os.access(python, os.X_OK):
        raise Bad(f"There is no Python at {python}.", again)
    return python


# --- the network --------------------------------------------------------------------------------------------------


def _dns(patient: Patient) -> str:
    name, port = patient.first
    whose = "the proxy " if patient.proxy else ""
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Bad(
            f"The name {whose}{name} is not known here ({_reason(error)}).",
            "Check the proxy's name in HTTPS_PROXY." if whose else "Check this machine's network and its name server.",
        ) from error
    addresses = ", ".join(dict.fromkeys(str(each[4][0]) for each in found))
    return f"{whose}{name} -> {addresses}"


def _tcp(patient: Patient) -> str:
    with _dialled(patient) as connection:
        peer = connection.getpeername()
    return _way(patient) + f" ({peer[0]}) answers"


def _dialled(patient: Patient) -> socket.socket:
    """A connection to the server, through the proxy where there is one. Raises Bad."""
    connection = http.client.HTTPConnection(*patient.first, timeout=_PATIENCE)
    if patient.proxy is not None:
        connection.set_tunnel(*patient.end, headers=_proxy_login(patient.proxy))
    try:
        connection.connect()
    except (OSError, http.client.HTTPException) as error:
        remedy = "Check that the server runs, and that no firewall is in between; set HTTPS_PROXY if you need a proxy."
        if patient.proxy is not None:
            remedy = "Check HTTPS_PROXY, and that the proxy lets connections to the server through."
        raise Bad(f"{_way(patient)} does not answer: {_reason(error)}.", remedy) from error
    return connection.sock


def _way(patient: Patient) -> str:
    """Without the proxy's login."""
    through = f" through the proxy {patient.first[0]}:{patient.first[1]}" if patient.proxy else ""
    return f"{patient.end[0]}:{patient.end[1]}{through}"


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


def _clock(patient: Patient) -> str:
    """Before TLS, since a wrong clock makes every certificate invalid."""
    # Nothing secret is sent, and the answer decides nothing but this line, so the certificate does not matter here.
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(f"{patient.machine.url}/healthz", timeout=_PATIENCE, context=unchecked) as answer:
            date = answer.headers.get("Date", "")
    except urllib.error.HTTPError as error:
        date = error.headers.get("Date", "")
    except (OSError, http.client.HTTPException) as error:
        raise Unknown(f"not checked, since the server does not say the time ({_reason(error)})") from error
    try:
        apart = patient.now() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        raise Unknown("not checked, since the server does not say the time") from None
    if abs(apart) <= CLOCK_LIMIT:
        return "agrees with the server's" + (f" within {abs(apart):.0f} s" if abs(apart) >= 2 else "")
    told = f"This machine's clock is {amounts.span(abs(apart))} {'ahead of' if apart > 0 else 'behind'} the server's."
    raise Bad(told, "Set this machine's clock, for example with `timedatectl set-ntp true`.")


def _tls(patient: Patient) -> str:
    if patient.server.scheme != "https":
        return "none: plain HTTP, as this machine was told to use"
    try:
        with (
            _dialled(patient) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=patient.end[0]) as secure,
        ):
            until = (secure.getpeercert() or {}).get("notAfter")
            version = secure.version()
    except ssl.SSLError as error:
        # As urllib wraps it: an SSLError has a `reason` of its own, a bare word.
        told, _, remedy = script.why_unreachable(patient.machine.url, urllib.error.URLError(error)).rpartition(". ")
        raise Bad(f"{told}.", remedy) from error
    except OSError as error:
        raise Bad(
            f"No TLS connection to {patient.machine.url}: {_reason(error)}.", "Check any proxy in between."
        ) from error
    valid = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(until)), UTC).date() if until else "an unknown day"
    return f"{version}, the certificate is valid until {valid}"


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError) and not reason.errno:  # whose own words are Python's
        return "no answer in time"
    return getattr(reason, "strerror", None) or str(reason) or type(error).__name__


# --- the server ---------------------------------------------------------------------------------------------------


def _server(patient: Patient) -> str:
    url = patient.machine.url
    try:
        # With a context of its own, urlopen reads the environment's proxies and certificates at each call.
        trust = ssl.create_default_context()
        with urllib.request.urlopen(f"{url}/healthz", timeout=_PATIENCE, context=trust) as answer:
            state = json.loads(answer.read(_ANSWER_LIMIT))["state"]
    except urllib.error.HTTPError as error:
        raise Bad(
            f"{url} answers {error.code} when asked for its health.",
            "Check that the address leads to the Hayride server, then ask its operator for `hayride doctor`.",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise Bad(f"{url} does not say how it is: {_reason(error)}.", "Ask the server's operator.") from error
    except (ValueError, LookupError, TypeError) as error:
        raise Bad(
            f"{url} answers, and not as a Hayride server does.",
            "Another program has its address, or a login page is in between: open it in a browser to see.",
        ) from error
    if state != "ok":
        raise Bad(f"{url} says that it is {str(state)[:100]}.", "Ask the server's operator.")
    return f"{url} is a Hayride server"


def _key(patient: Patient) -> str:
    """Asks for the server's proof as a tunnel does, and leaves before this machine's own: that would replace the live
    tunnel.
    """
    url = patient.machine.url
    try:
        asyncio.run(_prove_server(patient.machine))
    except InvalidSignature as error:
        raise Bad(f"{url} has another key than the server that this machine joined.", _ANOTHER_SERVER) from error
    except websockets.InvalidStatus as error:
        raise Bad(
            f"{url} answers {error.response.status_code} instead of a tunnel.",
            "A proxy in between has to pass WebSockets on; tell its operator, or the server's.",
        ) from error
    except (OSError, TimeoutError, websockets.WebSocketException, ValidationError, ValueError) as error:
        raise Bad(
            f"{url} opens no tunnel: {_reason(error)}.".replace("\n", " "),
            "A proxy in between has to pass WebSockets on; else ask the server's operator.",
        ) from error
    return "the server is the one that this machine joined"


async def _prove_server(machine: Machine) -> None:
    """Raises InvalidSignature for another server, and what websockets raises."""
    nonce = os.urandom(32)
    async with (
        asyncio.timeout(2 * _PATIENCE),
        websockets.connect(
            f"ws{machine.url.removeprefix('http')}/tunnel/{machine.machine_id}",
            additional_headers={"X-Hayride-Nonce": base64.b64encode(nonce).decode()},
            compression=None,
            max_size=FRAME,
            open_timeout=_PATIENCE,
            close_timeout=1,
        ) as websocket,
    ):
        said = SAID.validate_json(await websocket.recv())
    if not isinstance(said, Challenge):
        raise ValueError(getattr(said, "message", "") or "it does not begin with its challenge")
    server = Ed25519PublicKey.from_public_bytes(machine.server_key)
    server.verify(said.server_signature, signed_by_server(machine.machine_id, nonce, said.nonce))


# --- the node -----------------------------------------------------------------------------------------------------


def _agent(patient: Patient) -> str:
    status = patient.status
    if patient.state.running():
        return f"runs as process {status.pid}" if status else "runs"
    if status and status.state == "stopped" and status.told:
        raise Bad(f"The node agent has stopped. It said last: {status.told}", _RUN)
    raise Bad("The node agent does not run.", _RUN)


def _tunnel(patient: Patient) -> str:
    status = patient.status
    if status and status.state in ("connected", "joined"):
        heard = f", the server was last heard {amounts.span(patient.now() - status.heard)} ago" if status.heard else ""
        return f"up for {amounts.span(patient.now() - status.since)}{heard}"
    told = f": {status.told}" if status and status.told else "."
    raise Bad(
        f"The tunnel is not up{told}", "It is tried again by itself; where that goes on, see `hayride-node logs`."
    )


def _ray(patient: Patient) -> str:
    if patient.status and patient.status.state == "joined":
        return "the Ray node is in the pool"
    raise Bad("The Ray node is not in the pool.", "It takes up to a minute to start; then see `hayride-node logs`.")


def _versions(patient: Patient) -> str:
    """Environments are named by all that goes into them, so equal names are equal versions."""
    own = f"node agent {facts.release()}"
    try:
        release = offered_release(patient.machine)
        wanted = {kind: script.environment_name(kind, release) for kind in (script.AGENT, script.NODE)}
    except (NodeError, LookupError, TypeError, AttributeError) as error:
        raise Unknown(f"{own}; what the server has is not known ({error})") from error
    prefix = Path(sys.prefix)
    if not (prefix / "complete").exists():
        raise Unknown(f"{own}, not installed by the pasted command, so it is not compared")
    if prefix.name != wanted[script.AGENT]:
        raise Bad(f"{own} is not the one that the server has now.", "Type `hayride-node upgrade`.")
    if patient.state.outdated(patient.machine, wanted[script.NODE]):
        raise Bad(
            "The node's environment is not the one that the server has now.",
            "The node agent renews it by itself between jobs; where it does not, see `hayride-node logs`.",
        )
    return f"{own} and the node's environment, as the server has them"


#: In the order in which a person would mend things.
CHECKS: tuple[Check, ...] = (
    Check(name="system", look=_system),
    Check(name="sealing", look=_sealing),
    Check(name="disk", look=_disk),
    Check(name="memory", look=_memory),
    Check(name="joined", look=_joined),
    Check(name="environment", after=("joined",), look=_environment),
    Check(name="DNS", after=("joined",), look=_dns),
    Check(name="TCP", after=("joined", "DNS"), look=_tcp),
    Check(name="clock", after=("joined", "TCP"), look=_clock),
    Check(name="TLS", after=("joined", "TCP"), look=_tls),
    Check(name="server", after=("joined", "TLS"), look=_server),
    Check(name="key", after=("joined", "server"), look=_key),
    Check(name="agent", after=("joined",), look=_agent),
    Check(name="tunnel", after=("agent",), look=_tunnel),
    Check(name="Ray", after=("tunnel",), look=_ray),
    Check(name="versions", after=("key",), look=_versions),
)
