"""Asks the server for what its owner typed here, signed with this machine's key."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node_join.errors import NodeError
from node_join.messages import plain
from node_join.redeem import refusal
from node_join.script import why_unreachable
from node_join.state import Machine

_LIMIT = 64 * 1024


def signed_wish(machine_id: str, at: int, wish: str) -> bytes:
    """What this machine signs."""
    return b"\0".join((b"hayride wish v1", machine_id.encode(), str(at).encode(), wish.encode()))


def ask(machine: Machine, key: Ed25519PrivateKey, wish: str, *, seconds: float = 30.0) -> str:
    """The server's sentence. Raises NodeError where it refuses or cannot be reached within the seconds."""
    at = int(time.time())
    signature = base64.b64encode(key.sign(signed_wish(machine.machine_id, at, wish))).decode()
    body = json.dumps({"wish": wish, "time": at, "signature": signature}).encode()
    request = urllib.request.Request(
        f"{machine.url}/machine/{machine.machine_id}", body, {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return plain(str(json.loads(answer.read(_LIMIT)).get("told", "")))
    except urllib.error.HTTPError as error:
        with error:
            raise refusal(machine.url, error.code, error.read(_LIMIT)) from None
    except (urllib.error.URLError, OSError) as error:
        raise NodeError(why_unreachable(machine.url, error)) from error
    except (ValueError, AttributeError) as error:
        raise NodeError(f"{machine.url} gave an answer that no Hayride server gives.") from error
