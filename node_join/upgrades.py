"""A newer environment from the server: what it offers, signed with the key that this machine pinned at the join."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from node_join import script
from node_join.errors import NodeError
from node_join.state import Machine, StateFolder

_LIMIT = 64 * 1024
_PATIENCE = 60.0  # seconds


def signed_release(content: bytes) -> bytes:
    """What the server signs of its release."""
    return b"hayride release v1\0" + content


def offered_release(machine: Machine) -> dict[str, Any]:
    """What the server offers: Python, wheel, hashes, as the join script was told them. Raises NodeError."""
    try:
        with urllib.request.urlopen(f"{machine.url}/node/release", timeout=_PATIENCE) as answer:
            content, signature = answer.read(_LIMIT), answer.headers.get("x-hayride-signature", "")
    except (urllib.error.URLError, OSError) as error:
        raise NodeError(script.why_unreachable(machine.url, error)) from error
    try:
        key = Ed25519PublicKey.from_public_bytes(machine.server_key)
        key.verify(base64.b64decode(signature), signed_release(content))
        release: dict[str, Any] = json.loads(content)
    except (InvalidSignature, ValueError) as error:
        raise NodeError(
            f"What {machine.url} offers is not signed by the server that this machine joined. Ask its operator."
        ) from error
    return {**release, "url": machine.url}  # this machine reaches the server by the address of the pasted command


def renewed(machine: Machine, state: StateFolder, environment: str) -> str:
    """Makes the node's environment that the server wants; its interpreter. Raises NodeError."""
    release = offered_release(machine)
    kind = script.node_kind(neural=machine.neural)
    if script.environment_name(kind, release) != environment:
        raise NodeError(f"{machine.url} offers another environment than it asks for. It is tried again.")
    try:
        folder = script.make_environment(kind, release, state.path)
    except script.Failure as error:
        raise NodeError(str(error)) from error
    return str(Path(folder) / "bin" / "python")
