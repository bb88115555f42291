"""One tunnel: from the box's socket, through the WebSocket, to the pool's door. Authenticated at both ends first."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import websockets
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection

from node_join.errors import Again, BoxSilent, ForGood, NotAdmitted
from node_join.facts import Facts
from node_join.messages import (
    FRAME,
    SAID,
    Challenge,
    Grant,
    HeartbeatAnswer,
    Refused,
    Replaced,
    Retry,
    Said,
    Wait,
    plain,
    signed_by_machine,
    signed_by_server,
)
from node_join.script import why_unreachable
from node_join.state import Machine

#: Seconds between heartbeats, and until the node is in the pool.
HEARTBEAT = 5.0
FIRST_HEARTBEATS = 1.0
#: So many heartbeats without a byte from the server, and the connection is given up. Counted, not timed: a machine that
#: slept has missed none.
MISSED = 5
#: Seconds for the box to say its SSH key (it may be starting), for the server to answer at all, for the pool to start.
_BOX_PATIENCE = 90.0
_SERVER_PATIENCE = 20.0
_POOL_PATIENCE = 180.0
_LINE_LIMIT = 16 * 1024

Inner = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Listener(Protocol):
    """Hears how a tunnel gets on."""

    def waiting(self, message: str) -> None: ...

    def connected(self, grant: Grant) -> None: ...

    def heard(self, answer: HeartbeatAnswer) -> None: ...


async def run_tunnel(
    machine: Machine, key: Ed25519PrivateKey, box: str, facts: Callable[[], Facts], listener: Listener
) -> None:
    """Holds one tunnel until it ends. Raises ForGood, BoxSilent, or Again with the reason."""
    try:
        inner, ssh_public_key = await _box_end(box)
    except (OSError, TimeoutError, ValueError) as error:
        raise BoxSilent(f"The box of this machine does not answer ({type(error).__name__}).") from error
    try:
        nonce = secrets.token_bytes(32)
        async with dial(machine, nonce) as websocket:
            grant = await _granted(websocket, nonce, machine, key, ssh_public_key, facts(), listener)
            inner[1].write(grant.model_dump_json().encode() + b"\n")
            listener.connected(grant)
            await _pass_bytes(websocket, inner, facts, listener)
    except websockets.InvalidStatus as error:
        raise Again(f"{machine.url} answers {error.response.status_code} instead of a tunnel.") from error
    except websockets.ConnectionClosed as error:
        raise Again("The connection to the server was closed.") from error
    except (OSError, websockets.WebSocketException) as error:
        raise Again(why_unreachable(machine.url, error)) from error
    except (TimeoutError, ValidationError) as error:
        raise Again(f"{machine.url} does not answer as a Hayride server does ({type(error).__name__}).") from error
    finally:
        inner[1].close()


async def _box_end(address: str) -> tuple[Inner, str]:
    """The box's socket and the SSH key that it made at its start."""
    async with asyncio.timeout(_BOX_PATIENCE):
        reader, writer = await asyncio.open_unix_connection(address, limit=4 * FRAME)
        try:
            line = await reader.readuntil(b"\n")
            said = json.loads(line) if len(line) <= _LINE_LIMIT else {}
            return (reader, writer), str(said["ssh_public_key"])
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, KeyError, TypeError) as error:
            writer.close()
            raise ValueError("no SSH key") from error


def dial(machine: Machine, nonce: bytes, patience: float = _SERVER_PATIENCE) -> websockets.connect:
    """A WebSocket to the gateway, whose server has to sign our nonce. `patience`: seconds until it is open."""
    return websockets.connect(
        f"ws{machine.url.removeprefix('http')}/tunnel/{machine.machine_id}",
        additional_headers={"X-Hayride-Nonce": base64.b64encode(nonce).decode()},
        compression=None,
        max_size=FRAME,
        ping_interval=None,  # heartbeats tell; a frozen tunnel lives on
        open_timeout=patience,
        close_timeout=2,
    )


def check_server(machine: Machine, nonce: bytes, challenge: Challenge) -> None:
    """Raises InvalidSignature where that is not the server that this machine joined."""
    server = Ed25519PublicKey.from_public_bytes(machine.server_key)
    server.verify(challenge.server_signature, signed_by_server(machine.machine_id, nonce, challenge.nonce))


async def _granted(
    websocket: ClientConnection,
    machine_nonce: bytes,
    machine: Machine,
    key: Ed25519PrivateKey,
    ssh_public_key: str,
    facts: Facts,
    listener: Listener,
) -> Grant:
    """Both ends prove their keys; then the pool opens its door. Raises ForGood or Again."""
    async with asyncio.timeout(_SERVER_PATIENCE):
        challenge = _heard(await websocket.recv())
    if not isinstance(challenge, Challenge):
        raise Again("The server did not begin with its challenge.")
    try:
        check_server(machine, machine_nonce, challenge)
    except InvalidSignature:
        raise ForGood(
            f"{machine.url} has another key than the server that this machine joined. "
            "If its operator says that it was set up anew, join again with a fresh command; else do not."
        ) from None
    answer = {
        "type": "answer",
        "signature": base64.b64encode(key.sign(signed_by_machine(machine.machine_id, challenge.nonce))).decode(),
        "ssh_public_key": ssh_public_key,
        "facts": facts,
        "version": facts["version"],
    }
    await websocket.send(json.dumps(answer))
    async with asyncio.timeout(_POOL_PATIENCE):
        while True:
            said = _heard(await websocket.recv())
            if isinstance(said, Grant):
                return said
            if isinstance(said, Wait):
                listener.waiting(plain(said.message))


def _heard(data: str | bytes) -> Said:
    """A control message. Raises what ends the tunnel; ValidationError for one that is none."""
    said = SAID.validate_json(data)
    if isinstance(said, Refused):
        raise ForGood(plain(said.message) or "The server refuses this machine.")
    if isinstance(said, Replaced):
        raise ForGood("Another node agent with this machine's key has connected, so this one stops.")
    if isinstance(said, Retry) and said.code == "not_admitted":
        raise NotAdmitted(plain(said.message))
    if isinstance(said, Retry):
        raise Again(plain(said.message) or "The server asks to try again.")
    return said


class _Missed:
    """Heartbeats since the server was last heard."""

    count = 0


async def _pass_bytes(
    websocket: ClientConnection, inner: Inner, facts: Callable[[], Facts], listener: Listener
) -> None:
    """Passes bytes and heartbeats until either end closes. Raises Again where the server has gone silent."""
    missed, joined = _Missed(), asyncio.Event()

    async def from_server() -> None:
        writer = inner[1]
        while True:
            data = await websocket.recv()
            missed.count = 0
            if isinstance(data, bytes):
                writer.write(data)
                await writer.drain()
            elif isinstance(said := _heard(data), HeartbeatAnswer):
                if said.joined:
                    joined.set()
                listener.heard(said)

    async def from_box() -> None:
        while data := await inner[0].read(FRAME):
            await websocket.send(data)
        raise Again("The box of this machine closed the tunnel.")

    async def heartbeats() -> None:
        while missed.count * (pause := HEARTBEAT if joined.is_set() else FIRST_HEARTBEATS) < MISSED * HEARTBEAT:
            missed.count += 1
            await websocket.send(json.dumps({"type": "heartbeat", "facts": facts()}))
            await asyncio.sleep(pause)
        raise Again("The server has gone silent.")

    await _first_of(from_server(), from_box(), heartbeats())


async def _first_of(*parts: Coroutine[Any, Any, None]) -> None:
    """Runs all until the first ends or raises; the others are cancelled."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    # A reason that is for good wins over one that is not: the server may say why while the box closes.
    errors = sorted((e for e in (task.exception() for task in done) if e), key=lambda e: not isinstance(e, ForGood))
    if errors:
        raise errors[0]
