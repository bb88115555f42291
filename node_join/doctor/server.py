"""The server: a gateway of Hayride's, and the very one that this machine joined."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import ssl
import urllib.error
import urllib.request

import websockets
from cryptography.exceptions import InvalidSignature
from pydantic import ValidationError

from node_join.doctor.network import PATIENCE, reason
from node_join.doctor.patient import Bad, Patient
from node_join.messages import SAID, Challenge
from node_join.state import Machine
from node_join.tunnel import check_server, dial

_ANSWER_LIMIT = 64 * 1024
_ANOTHER_SERVER = (
    "If its operator says that it was set up anew, join again with a fresh command; else do not, and tell the operator."
)


def server(patient: Patient) -> str:
    url = patient.machine.url
    try:
        # With a context of its own, urlopen reads the environment's proxies and certificates at each call.
        trust = ssl.create_default_context()
        with urllib.request.urlopen(f"{url}/healthz", timeout=PATIENCE, context=trust) as answer:
            state = json.loads(answer.read(_ANSWER_LIMIT))["state"]
    except urllib.error.HTTPError as error:
        raise Bad(
            f"{url} answers {error.code} when asked for its health.",
            "Check that the address leads to the Hayride server, then ask its operator for `hayride doctor`.",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise Bad(f"{url} does not say how it is: {reason(error)}.", "Ask the server's operator.") from error
    except (ValueError, LookupError, TypeError) as error:
        raise Bad(
            f"{url} answers, and not as a Hayride server does.",
            "Another program has its address, or a login page is in between: open it in a browser to see.",
        ) from error
    if state != "ok":
        raise Bad(f"{url} says that it is {str(state)[:100]}.", "Ask the server's operator.")
    return f"{url} is a Hayride server"


def key(patient: Patient) -> str:
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
            f"{url} opens no tunnel: {reason(error)}.".replace("\n", " "),
            "A proxy in between has to pass WebSockets on; else ask the server's operator.",
        ) from error
    return "the server is the one that this machine joined"


async def _prove_server(machine: Machine) -> None:
    """Raises InvalidSignature for another server, and what websockets raises."""
    nonce = os.urandom(32)
    async with asyncio.timeout(2 * PATIENCE), dial(machine, nonce, PATIENCE) as websocket:
        said = SAID.validate_json(await websocket.recv())
    if not isinstance(said, Challenge):
        raise ValueError(getattr(said, "message", "") or "it does not begin with its challenge")
    check_server(machine, nonce, said)
