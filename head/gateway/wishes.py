"""What a machine's owner types there and the server has to do: signed with the machine's key, good for minutes."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from head.errors import RefusedError
from head.gateway.answers import problem
from head.gateway.limits import FailedJoins
from head.gateway.messages import WishRequest
from head.gateway.services import GatewayServices

#: Seconds that the clocks may differ and a request may take. Doing a wish twice is doing it once.
_GOOD_FOR = 600
_JOIN_AGAIN = "Send /connect in the chat and paste the new command."
_UNKNOWN = "This server does not know this machine, or its key is another."


def signed_wish(machine_id: str, at: int, wish: str) -> bytes:
    """What a machine signs. The same rule stands in node_join.wishes."""
    return b"\0".join((b"hayride wish v1", machine_id.encode(), str(at).encode(), wish.encode()))


def wish_router(services: GatewayServices, failed: FailedJoins, now: Callable[[], float]) -> APIRouter:
    """`now`: seconds since the epoch."""
    router = APIRouter()

    @router.post("/machine/{machine_id}")
    async def wish(request: Request, machine_id: str, said: WishRequest) -> Response:
        address = request.client.host if request.client else ""
        if failed.wait(address):
            return problem(429, "slow_down", "Too many requests from this address were refused.", "Wait a minute.")
        try:
            await _check(services, machine_id, said, now())
            told = await services.wish(machine_id, said.wish)
        except RefusedError:
            failed.note(address)
            raise
        return JSONResponse({"told": told})

    return router


async def _check(services: GatewayServices, machine_id: str, said: WishRequest, now: float) -> None:
    """Raises RefusedError unless the machine itself said so, just now, and is in its pool."""
    identity = await services.machine_key(machine_id)
    if identity is None:
        raise RefusedError(_UNKNOWN, remedy=_JOIN_AGAIN)
    try:
        Ed25519PublicKey.from_public_bytes(identity.public_key).verify(
            said.signature, signed_wish(machine_id, said.time, said.wish)
        )
    except InvalidSignature:
        raise RefusedError(_UNKNOWN, remedy=_JOIN_AGAIN) from None
    if abs(now - said.time) > _GOOD_FOR:
        raise RefusedError("The clocks of this machine and of the server differ.", remedy="Set this machine's clock.")
    if identity.revoked:
        raise RefusedError("This machine was removed from its pool.", remedy=_JOIN_AGAIN)
    if not identity.admitted and said.wish != "leave":
        raise RefusedError("This machine is not admitted itself.", remedy="Type it on one that is in your pool.")
