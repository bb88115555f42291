"""Where Telegram brings its updates, on the gateway's own port. The path is no secret; a header proves the sender."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import APIRouter, Request, Response

WEBHOOK_PATH = "/telegram/updates"
_HEADER = "x-telegram-bot-api-secret-token"


@dataclass(frozen=True, kw_only=True)
class WebhookReceiver:
    """Takes in what was brought with the right secret."""

    secret: str = field(repr=False)
    #: Done as soon as the update is safe; False: nobody takes updates just now, bring it again.
    take: Callable[[dict[str, object]], Awaitable[bool]]


def webhook_router(receiver: WebhookReceiver) -> APIRouter:
    router = APIRouter()
    expected = receiver.secret.encode()

    @router.post(WEBHOOK_PATH)
    async def update(request: Request) -> Response:
        given = request.headers.get(_HEADER, "").encode()
        if not hmac.compare_digest(given, expected):
            return Response(status_code=403)
        try:
            content = json.loads(await request.body())
        except ValueError:
            content = None
        if not isinstance(content, dict):
            return Response(status_code=400)
        return Response(status_code=200 if await receiver.take(content) else 503)

    return router
