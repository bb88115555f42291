"""A pool's Ray dashboard, behind a single-use link.

Its pages come from the server's own Ray; only data comes from the box.
The box is hostile: what it answers is served as JSON or plain text that no browser will run, bounded in size and time,
without its headers and without redirects.
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from head.errors import PoolUnavailable
from head.gateway.answers import problem
from head.gateway.services import BoxAnswer, GatewayServices, PoolDashboard, is_plain_path
from head.gateway.sessions import COOKIE, DashboardSessions

#: Bytes of one answer, and seconds in which it must be here.
ANSWER_LIMIT = 32 * 1024 * 1024
ANSWER_PATIENCE = 60.0
#: The first parts of the paths that a Ray dashboard answers with data.
_DATA = frozenset(
    ("api", "nodes", "logical", "events", "timezone", "usage_stats_enabled", "cluster_id", "worker", "task", "logs")
)
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
_CSP = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": _CSP,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_DATA_HEADERS = {**_HEADERS, "Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "no-store"}
#: A browser that comes from a link on another site does not send a strict cookie; asking once more from here, it does.
_ONCE_MORE = '<!doctype html><meta http-equiv="refresh" content="0;url={url}"><title>Dashboard</title>'
#: A job and its task, as Ray names them; behind it the page's own route, which no browser sends.
_TASK = re.compile(r"([0-9a-f]{1,64})\.([0-9a-f]{1,64})")


def dashboard_router(services: GatewayServices, sessions: DashboardSessions) -> APIRouter:
    router = APIRouter()
    pages = _pages()

    @router.get("/dashboard-link/{secret}")
    async def enter(secret: str, task: str = "") -> Response:
        pool_id = await services.open_dashboard_link(secret) if len(secret) <= 128 else None
        if pool_id is None:
            return _nothing()
        answer = RedirectResponse(
            _address(task), 303, headers={"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
        )
        answer.set_cookie(
            COOKIE,
            sessions.open(pool_id),
            path="/dashboard/",
            secure=services.public_url.startswith("https:"),
            httponly=True,
            samesite="strict",
        )
        return answer

    @router.api_route("/dashboard/{path:path}", methods=_METHODS)
    async def dashboard(request: Request, path: str, task: str = "") -> Response:
        pool_id = sessions.pool(request.cookies.get(COOKIE))
        if pool_id is None:
            if _comes_from_a_link(request):
                return HTMLResponse(_ONCE_MORE.format(url=_address(task)), headers=_HEADERS)
            return _nothing()
        if request.method not in {"GET", "HEAD"}:
            if not _same_origin(request, services.public_url):
                return problem(403, "other_site", "Another site may not do this.")
            if not services.dashboard_writes:
                return problem(403, "read_only", "This pool is not sealed, so its dashboard only shows.")
        if path in pages:
            return _page(path, pages[path])
        if path.split("/", 1)[0] not in _DATA or not is_plain_path(path):
            return _nothing()
        pool = await services.pool_dashboard(pool_id)
        if pool is None:
            raise PoolUnavailable("Your pool is asleep.", remedy="Send /dashboard in the chat for a new link.")
        return await _data(pool, request, path)

    return router


def _address(task: str) -> str:
    """Of the dashboard, or of one task's page in it. The task is told twice: we are asked without what is behind #."""
    found = _TASK.fullmatch(task)
    return f"/dashboard/?task={task}#/jobs/{found[1]}/tasks/{found[2]}" if found else "/dashboard/"


def _nothing() -> JSONResponse:
    """The same for no cookie, another's pool and a path that is not there."""
    return problem(404, "not_found", "There is nothing here.", headers=_DATA_HEADERS)


def _comes_from_a_link(request: Request) -> bool:
    of = request.headers.get
    return request.method == "GET" and of("sec-fetch-site") == "cross-site" and of("sec-fetch-mode") == "navigate"


def _same_origin(request: Request, public_url: str) -> bool:
    """Browsers say where a request comes from; scripts say nothing, and hold the cookie only if they were given it."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    ours = {urlsplit(public_url).netloc, request.headers.get("host", "")}
    return site == "same-origin" and (origin is None or urlsplit(origin).netloc in ours)


def _pages() -> dict[str, Path]:
    """The dashboard's own files in the server's Ray package (found, not imported), by path below /dashboard/."""
    spec = find_spec("ray")
    if spec is None or spec.origin is None:
        return {}
    build = Path(spec.origin).parent / "dashboard" / "client" / "build"
    pages = {
        file.relative_to(build).as_posix(): file
        for file in build.rglob("*")
        if file.is_file() and file.suffix != ".map"
    }
    if "index.html" in pages:
        pages[""] = pages["index.html"]
    return pages


def _page(path: str, file: Path) -> Response:
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    lasting = "public, max-age=86400" if path.startswith("static/") else "no-cache"
    return FileResponse(file, media_type=kind, headers={**_HEADERS, "Cache-Control": lasting})


async def _data(pool: PoolDashboard, request: Request, path: str) -> Response:
    headers = {name: request.headers[name] for name in ("content-type", "accept") if name in request.headers}
    try:
        async with (
            asyncio.timeout(ANSWER_PATIENCE),
            pool.request(request.method, path, request.url.query, headers, await request.body()) as answer,
        ):
            return await _harmless(answer)
    except TimeoutError as error:
        raise PoolUnavailable("Your pool's dashboard did not answer in time.", remedy="Reload the page.") from error


async def _harmless(answer: BoxAnswer) -> Response:
    if not (200 <= answer.status < 300 or 400 <= answer.status < 600):
        return problem(
            502, "bad_answer", "The pool's dashboard gave an answer that is not passed on.", headers=_DATA_HEADERS
        )
    body = bytearray()
    async for part in answer.body:
        body += part
        if len(body) > ANSWER_LIMIT:
            return problem(502, "too_large", "The pool's dashboard sent too much.", headers=_DATA_HEADERS)
    is_json = answer.content_type.split(";", 1)[0].strip().lower() == "application/json"
    kind = "application/json" if is_json else "text/plain; charset=utf-8"
    empty = answer.status in {204, 205}
    return Response(b"" if empty else bytes(body), answer.status, headers=_DATA_HEADERS, media_type=kind)
