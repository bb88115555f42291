"""Passes requests to Ray's dashboard in the box, with the token that it asks for. The gateway decides what may pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from ray_jobs.ports import HEAD

#: Bytes of a request, and of an answer.
LARGEST_REQUEST = 1024 * 1024
LARGEST_ANSWER = 64 * 1024 * 1024
_TIME = 30.0
#: Seconds that the dashboard may take to come up for the first who looks (7 on two cores), and between tries.
_STARTING = 40.0
_AGAIN = 0.3
_TO_RAY = ("accept", "content-type")


class DashboardPass:
    """One client for all requests. `ask` starts the dashboard where it does not run, and says that somebody looks."""

    def __init__(self, address: str, token: str, *, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._client = httpx.AsyncClient(
            base_url=f"http://{address}:{HEAD.dashboard}",
            headers={"X-Ray-Authorization": f"Bearer {token}"},
            timeout=_TIME,
            trust_env=False,
        )

    async def answer(self, request: Request, path: str) -> Response:
        """Ray's answer as it comes, without its headers but for the content type. Waits for a dashboard that starts;
        503 where there is none.
        """
        self._ask()
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_REQUEST:
                return _error(413, "too_large", "The request is too large.")
        asked = self._client.build_request(
            request.method,
            httpx.URL(path=f"/{path}", query=request.scope["query_string"]),
            headers={name: request.headers[name] for name in _TO_RAY if name in request.headers},
            content=bytes(body),
        )
        try:
            answer = await self._sent(asked)
        except (httpx.HTTPError, TimeoutError):
            return _error(503, "dashboard_away", "The dashboard is not up yet.")
        kept = {"content-type": answer.headers.get("content-type", "application/octet-stream")}
        return StreamingResponse(_bounded(answer), status_code=answer.status_code, headers=kept)

    async def _sent(self, asked: httpx.Request) -> httpx.Response:
        """Raises httpx.HTTPError, and TimeoutError where the dashboard does not come up."""
        async with asyncio.timeout(_STARTING):
            while True:
                try:
                    return await self._client.send(asked, stream=True)
                except httpx.ConnectError:
                    await asyncio.sleep(_AGAIN)

    async def close(self) -> None:
        await self._client.aclose()


async def _bounded(answer: httpx.Response) -> AsyncIterator[bytes]:
    total = 0
    try:
        async for chunk in answer.aiter_bytes():
            total += len(chunk)
            if total > LARGEST_ANSWER:
                return
            yield chunk
    finally:
        await answer.aclose()


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)
