"""Bounds on what strangers may send: the size of a body, and how often a join may fail."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Clock = Callable[[], float]

#: Bytes. A join is a few hundred; the dashboard's largest are job submissions.
BODY_LIMIT = 64 * 1024
DASHBOARD_BODY_LIMIT = 1024 * 1024
#: Seconds in which a body must be here.
BODY_PATIENCE = 30.0


class BodyLimit:
    """Middleware: takes the whole body in, within its path's limit and in time, before the app sees the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = DASHBOARD_BODY_LIMIT if scope["path"].startswith("/dashboard/") else BODY_LIMIT
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            async with asyncio.timeout(BODY_PATIENCE):
                body = await _take(receive, limit) if declared.isdigit() and int(declared) <= limit else None
        except TimeoutError:
            body = None
        if body is None:
            await _refuse(send)
            return
        taken: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return taken.pop() if taken else await receive()

        await self._app(scope, replay, send)


async def _take(receive: Receive, limit: int) -> bytes | None:
    """The body, or None if it is above the limit or its sender went away."""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts += message.get("body", b"")
        if len(parts) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(parts)


async def _refuse(send: Send) -> None:
    body = b'{"error":{"code":"too_large","message":"The request is too large or came too slowly.","remedy":""}}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})


class FailedJoins:
    """Counts refused joins of each client address over a minute. Remembers a bounded number of addresses."""

    def __init__(self, clock: Clock, *, limit: int = 10, window: float = 60.0, addresses: int = 4096) -> None:
        self._clock = clock
        self._limit = limit
        self._window = window
        self._addresses = addresses
        self._failures: dict[str, deque[float]] = {}

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 for now."""
        now = self._clock()
        failures = self._failures.get(address)
        while failures and failures[0] <= now - self._window:
            failures.popleft()
        if not failures:
            self._failures.pop(address, None)
            return 0.0
        return failures[0] + self._window - now if len(failures) >= self._limit else 0.0

    def note(self, address: str) -> None:
        """A join from this address was refused."""
        failures = self._failures.pop(address, None) or deque(maxlen=self._limit)
        failures.append(self._clock())
        self._failures[address] = failures  # the newest last: the oldest is forgotten first
        while len(self._failures) > self._addresses:
            del self._failures[next(iter(self._failures))]
