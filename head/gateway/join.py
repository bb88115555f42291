"""The join: the script that people paste a line for, and the exchange of its token for a machine's identity."""

from __future__ import annotations

import base64
import json
import math
from importlib.resources import files

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from head.errors import JoinRefused
from head.gateway.answers import problem
from head.gateway.limits import FailedJoins
from head.gateway.messages import JoinRequest
from head.gateway.node_files import NodeFiles
from head.gateway.services import GatewayServices

#: The line of node_join/script.py that the gateway writes afresh.
_LINE = 'SERVER = "{}"  # the server writes its own line here\n'
_SWITCHED_OFF = "Joining is switched off on this server."
_SWITCHED_OFF_REMEDY = "Ask its operator to switch it on, then send /connect again."

_REFUSING_SCRIPT = f"""import sys


def main():
    sys.exit({_SWITCHED_OFF + " " + _SWITCHED_OFF_REMEDY!r})


main()
"""


def join_script(public_url: str, node_files: NodeFiles) -> str:
    """The join script of this server. What it is told is JSON in a string literal: nothing in it can become code."""
    source = (files("node_join") / "script.py").read_text()
    if source.count(_LINE) != 1:
        raise AssertionError("node_join/script.py has lost the line that the server fills in")
    return source.replace(_LINE, f"SERVER = {json.dumps(json.dumps(node_files.release(public_url)))}\n")


def signed_release(content: bytes) -> bytes:
    """What the server signs of its release; machines check it with the key that they pinned at the join."""
    return b"hayride release v1\0" + content


def join_router(services: GatewayServices, node_files: NodeFiles, failed: FailedJoins) -> APIRouter:
    router = APIRouter()

    @router.get("/worker")
    async def worker() -> Response:
        if not services.joining_enabled:
            return PlainTextResponse(_REFUSING_SCRIPT, 403, media_type="text/x-python")
        return PlainTextResponse(join_script(services.public_url, node_files), media_type="text/x-python")

    @router.post("/join")
    async def join(request: Request, wish: JoinRequest) -> Response:
        return await _redeem(services, failed, request.client.host if request.client else "", wish)

    @router.get("/node/release")
    async def release() -> Response:
        content = json.dumps(node_files.release(services.public_url)).encode()
        signature = base64.b64encode(services.signing_key.sign(signed_release(content))).decode()
        return Response(content, media_type="application/json", headers={"x-hayride-signature": signature})

    @router.get("/node/wheel/{file}")
    async def wheel(file: str) -> Response:
        if file != node_files.wheel_name:
            return problem(404, "not_found", "There is no such file.")
        return Response(node_files.content(file), media_type="application/octet-stream")

    @router.get("/node/requirements-{which}.txt")
    async def requirements(which: str) -> Response:
        name = f"requirements-{which}.txt"
        if name not in node_files.names:
            return problem(404, "not_found", "There is no such file.")
        return PlainTextResponse(node_files.content(name))

    return router


async def _redeem(services: GatewayServices, failed: FailedJoins, address: str, wish: JoinRequest) -> Response:
    if not services.joining_enabled:
        raise JoinRefused(_SWITCHED_OFF, remedy=_SWITCHED_OFF_REMEDY)
    if wait := failed.wait(address):
        seconds = math.ceil(wait)
        return problem(
            429,
            "slow_down",
            "Too many joins from this address were refused.",
            f"Wait {seconds} s.",
            {"retry-after": str(seconds)},
        )
    try:
        redeemed = await services.redeem(wish.token, wish.public_key, wish.name, wish.facts)
    except JoinRefused:
        failed.note(address)
        raise
    server_key = services.signing_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return JSONResponse(
        {
            "machine_id": redeemed.machine_id,
            "name": redeemed.name,
            "pool_tag": redeemed.pool_tag,
            "machine_tag": redeemed.machine_tag,
            "address": redeemed.address,
            "already": redeemed.already,
            "server_key": base64.b64encode(server_key).decode(),
            "url": services.public_url,
        }
    )
