"""The machines' tunnels: each proves its machine's key before a pool's box hears of it, then bytes are passed on.

challenge -> answer -> (wait)* -> grant -> SSH bytes and heartbeats, until either side ends
                   └-> refused (for good) | retry (not now)
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from head.errors import HayrideError, NotAdmitted, PoolUnavailable, TunnelRefused
from head.gateway.live import CLOSE_REFUSED, Door, LiveTunnel, Tunnels
from head.gateway.messages import ANSWER, PROTOCOL, Answer
from head.gateway.node_files import NodeFiles
from head.gateway.services import GatewayServices, MachineIdentity, Opened

log = logging.getLogger(__name__)

#: Seconds a stranger has to prove who it is.
_AUTHENTICATION = 10.0
#: Seconds between the lines that tell a machine that its pool is still starting.
_WAIT = 2.0
CLOSE_RETRY = 1013
#: Said for an unknown machine and for a wrong key alike: a stranger learns nothing.
_UNKNOWN = "This server does not know this machine, or its key is another."
_JOIN_AGAIN = "Send /connect in the chat and paste the new command."


def signed_by_machine(machine_id: str, nonce: bytes) -> bytes:
    """What a machine signs."""
    return b"hayride tunnel v1\0" + machine_id.encode() + b"\0" + nonce


def signed_by_server(machine_id: str, machine_nonce: bytes, nonce: bytes) -> bytes:
    """What the server signs: the machine's nonce makes it fresh, the server's own lets nobody choose all of it."""
    return b"hayride server v1\0" + machine_id.encode() + b"\0" + machine_nonce + b"\0" + nonce


def tunnel_router(services: GatewayServices, tunnels: Tunnels, node_files: NodeFiles) -> APIRouter:
    router = APIRouter()

    @router.websocket("/tunnel/{machine_id}")
    async def tunnel(websocket: WebSocket, machine_id: str) -> None:
        await websocket.accept()
        try:
            async with asyncio.timeout(_AUTHENTICATION):
                identity, answer = await _authenticate(websocket, machine_id, services)
            await _serve(websocket, identity, answer, services, tunnels, node_files)
        except TunnelRefused as error:
            await _say_no(websocket, "refused", error.code, str(error), CLOSE_REFUSED)
        except NotAdmitted as error:
            await _say_no(websocket, "retry", error.code, str(error), CLOSE_RETRY)
        except PoolUnavailable as error:
            await _say_no(websocket, "retry", error.code, str(error), CLOSE_RETRY)
        except HayrideError as error:
            await _say_no(websocket, "refused", error.code, str(error), CLOSE_REFUSED)
        except TimeoutError:
            await _say_no(websocket, "retry", "slow", "The machine did not answer in time.", CLOSE_RETRY)
        except (WebSocketDisconnect, OSError):
            pass
        except Exception:
            number = secrets.token_hex(4)
            log.exception("bug %s in a tunnel", number)
            await _say_no(websocket, "retry", "bug", f"Something went wrong inside the server (number {number}).", 1011)

    return router


async def _authenticate(
    websocket: WebSocket, machine_id: str, services: GatewayServices
) -> tuple[MachineIdentity, Answer]:
    """Proves the server to the machine and the machine to the server. Raises TunnelRefused."""
    nonce = secrets.token_bytes(32)
    try:
        machine_nonce = base64.b64decode(websocket.headers.get("x-hayride-nonce", "")[:128], validate=True)
    except binascii.Error:
        machine_nonce = b""
    signature = services.signing_key.sign(signed_by_server(machine_id, machine_nonce, nonce))
    await _send(websocket, {"type": "challenge", "nonce": _text(nonce), "server_signature": _text(signature)})
    try:
        answer = ANSWER.validate_json(await websocket.receive_text())
    except (ValidationError, KeyError) as error:
        raise TunnelRefused("The answer to the challenge is malformed.", remedy="Upgrade the node agent.") from error
    identity = await services.machine_key(machine_id)
    if identity is None:
        raise TunnelRefused(_UNKNOWN, remedy=_JOIN_AGAIN)
    try:
        Ed25519PublicKey.from_public_bytes(identity.public_key).verify(
            answer.signature, signed_by_machine(machine_id, nonce)
        )
    except InvalidSignature:
        raise TunnelRefused(_UNKNOWN, remedy=_JOIN_AGAIN) from None
    _check_revoked(identity)
    if answer.facts.protocol < PROTOCOL:
        await services.outdated(machine_id, answer.facts)
        raise TunnelRefused(
            "The node agent of this machine is too old for the server.", remedy="Type `hayride-node upgrade` there."
        )
    if not identity.admitted:
        raise NotAdmitted(
            "This machine waits to be let in.",
            remedy=f"On a machine that is in your pool, type: hayride-node admit {identity.code}",
        )
    return identity, answer


def _check_revoked(identity: MachineIdentity | None) -> None:
    if identity is None or identity.revoked:
        raise TunnelRefused("This machine was removed from its pool.", remedy=_JOIN_AGAIN)


async def _serve(
    websocket: WebSocket,
    identity: MachineIdentity,
    answer: Answer,
    services: GatewayServices,
    tunnels: Tunnels,
    node_files: NodeFiles,
) -> None:
    machine_id = identity.machine_id
    live = LiveTunnel(websocket, machine_id, services)
    async with tunnels.the_only(live):
        _check_revoked(await services.machine_key(machine_id))  # it may have been revoked before it could be cut
        opening = asyncio.create_task(services.open_door(machine_id, answer.ssh_public_key, answer.facts))
        try:
            opened = await _opened(websocket, opening, live)
        finally:
            opening.cancel()
        if opened is None:
            return
        async with _connected(opened.door) as door:
            wanted = {"environment": node_files.environment("node"), "neural": node_files.environment("neural")}
            await _send(websocket, {**_grant(opened), **wanted})
            await tunnels.grant(live)
            await live.pass_bytes(door)


async def _opened(websocket: WebSocket, opening: asyncio.Task[Opened], live: LiveTunnel) -> Opened | None:
    """Waits for the door, telling the machine; None when the tunnel was ended meanwhile."""
    while True:
        either: set[asyncio.Future[Any]] = {opening, live.end}
        await asyncio.wait(either, timeout=_WAIT, return_when=asyncio.FIRST_COMPLETED)
        if live.end.done():
            await live.say_goodbye()
            return None
        if opening.done():
            return opening.result()
        await _send(websocket, {"type": "wait", "message": "Your pool is starting."})


@asynccontextmanager
async def _connected(address: str | None) -> AsyncIterator[Door | None]:
    """A connection to the door, for as long as the tunnel lives; None where the machine needs no door."""
    if address is None:
        yield None
        return
    try:
        door = await asyncio.open_unix_connection(address, limit=1 << 18)
    except OSError as error:
        raise PoolUnavailable("The pool's door does not answer.", remedy="It is tried again by itself.") from error
    try:
        yield door
    finally:
        door[1].close()


def _grant(opened: Opened) -> Mapping[str, object]:
    return {
        "type": "grant",
        "door_key": opened.door_key,
        "ray_token": opened.ray_token,
        "tag": opened.tag,
        "machine_tag": opened.machine_tag,
        "address": opened.address,
        "ray_version": opened.ray_version,
        "direct": opened.door is None,
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def _send(websocket: WebSocket, message: Mapping[str, object]) -> None:
    await websocket.send_text(json.dumps(message))


async def _say_no(websocket: WebSocket, kind: str, code: str, message: str, close_code: int) -> None:
    try:
        await _send(websocket, {"type": kind, "code": code, "message": message})
        await websocket.close(close_code)
    except (RuntimeError, WebSocketDisconnect, OSError):
        log.debug("a tunnel was gone before it could be told: %s", code)
