"""Exchanges a join token for this machine's place in a pool; from then on the machine's key is its identity."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from node_join.errors import NodeError
from node_join.messages import plain
from node_join.script import why_unreachable
from node_join.state import Machine

_ANSWER_LIMIT = 64 * 1024
_PATIENCE = 60.0  # seconds


class JoinRefused(NodeError):
    """The server knows better: the token is used, expired or invented, or joining is switched off."""


class Place(Machine):
    """The server's answer."""

    already: bool = False


class _Problem(BaseModel):
    model_config = ConfigDict(extra="ignore")

    code: str = Field(max_length=64)
    message: str = Field(max_length=2000)
    remedy: str = Field("", max_length=2000)


class _Problems(BaseModel):
    error: _Problem


def redeem(url: str, token: str, *, public_key: bytes, name: str, facts: Mapping[str, object]) -> Place:
    """Raises JoinRefused, or NodeError where the server cannot be reached or understood."""
    wish = {"token": token, "public_key": base64.b64encode(public_key).decode(), "name": name, "facts": facts}
    request = urllib.request.Request(
        f"{url}/join", json.dumps(wish).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            content = answer.read(_ANSWER_LIMIT)
    except urllib.error.HTTPError as error:
        with error:
            raise refusal(url, error.code, error.read(_ANSWER_LIMIT)) from None
    except (urllib.error.URLError, OSError) as error:
        raise NodeError(why_unreachable(url, error)) from error
    try:
        # This machine reaches the server by the address of the pasted command, whatever the server says.
        return Place.model_validate({**json.loads(content), "url": url})
    except (ValueError, TypeError) as error:
        raise NodeError(f"{url} gave an answer that no Hayride server gives. Check the address.") from error


def refusal(url: str, status: int, content: bytes) -> NodeError:
    """What a server's refusal says."""
    try:
        problem = _Problems.model_validate_json(content).error
    except ValidationError:
        return NodeError(f"{url} answers {status}, and not as a Hayride server does. Check the address.")
    text = plain(f"{problem.message} {problem.remedy}".strip())
    return JoinRefused(text) if status == 403 else NodeError(text)
