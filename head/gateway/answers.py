"""How the gateway says no: one JSON form, and a bug gets an id instead of its insides."""

from __future__ import annotations

import logging
import secrets

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from head.errors import HayrideError, NotFoundError, PoolUnavailable, RefusedError

log = logging.getLogger(__name__)

#: Most special first.
_STATUS: tuple[tuple[type[HayrideError], int], ...] = (
    (NotFoundError, 404),
    (RefusedError, 403),
    (PoolUnavailable, 503),
    (HayrideError, 500),
)


def problem(
    status: int, code: str, message: str, remedy: str = "", headers: dict[str, str] | None = None
) -> JSONResponse:
    """An error as clients get it."""
    return JSONResponse({"error": {"code": code, "message": message, "remedy": remedy}}, status, headers)


def status_of(error: HayrideError) -> int:
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def install(app: FastAPI) -> None:
    """Maps every exception of the app's endpoints to an answer."""

    @app.exception_handler(HayrideError)
    async def refused(request: Request, error: HayrideError) -> Response:
        return problem(status_of(error), error.code, error.message, error.remedy)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(422, "malformed", f"{where}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, "http", str(error.detail))

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        number = secrets.token_hex(4)
        log.error("bug %s in %s", number, request.scope.get("route"), exc_info=error)
        return problem(500, "bug", f"Something went wrong inside the server (number {number}).")
