"""The gateway as one ASGI app, and the server that runs it inside `hayride up`'s own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import uvicorn
from fastapi import FastAPI

from head.errors import SettingsError
from head.gateway import answers
from head.gateway.dashboard import dashboard_router
from head.gateway.join import join_router
from head.gateway.limits import BodyLimit, FailedJoins
from head.gateway.live import FRAME, Tunnels
from head.gateway.node_files import NodeFiles
from head.gateway.services import GatewayServices
from head.gateway.sessions import DashboardSessions
from head.gateway.tunnel import tunnel_router
from head.gateway.webhook import WebhookReceiver, webhook_router
from head.gateway.wishes import wish_router


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """The app, and the handle on its live tunnels that the control plane keeps (to cut a revoked machine's)."""

    app: FastAPI
    tunnels: Tunnels


def create_gateway(
    services: GatewayServices,
    *,
    clock: Callable[[], float] = time.monotonic,
    webhook: WebhookReceiver | None = None,
) -> Gateway:
    """`clock` counts seconds; failed joins and dashboard cookies are timed by it."""
    tunnels = Tunnels(services)
    app = FastAPI(title="Hayride", openapi_url=None, redirect_slashes=False)
    answers.install(app)
    app.add_middleware(BodyLimit)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"state": "ok"}

    node_files = NodeFiles()
    failed = FailedJoins(clock)
    app.include_router(join_router(services, node_files, failed))
    app.include_router(wish_router(services, failed, time.time))
    app.include_router(tunnel_router(services, tunnels, node_files))
    if webhook is not None:
        app.include_router(webhook_router(webhook))
    app.include_router(dashboard_router(services, DashboardSessions(clock)))
    return Gateway(app=app, tunnels=tunnels)


def create_app(services: GatewayServices, *, clock: Callable[[], float] = time.monotonic) -> FastAPI:
    """The app alone."""
    return create_gateway(services, clock=clock).app


class _Uvicorn(uvicorn.Server):
    """Uvicorn that leaves the process's signals alone: `hayride up` has its own way to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server:
    """A running gateway. `port` is the real one, also where 0 was asked for."""

    def __init__(self, uvicorn_server: uvicorn.Server, listener: socket.socket, gateway: Gateway) -> None:
        self.port: int = listener.getsockname()[1]
        self._uvicorn = uvicorn_server
        self._gateway = gateway
        self._task = asyncio.create_task(uvicorn_server.serve(sockets=[listener]), name="gateway")

    @classmethod
    async def start(
        cls, gateway: Gateway, *, host: str, port: int, certificate: Path | None = None, key: Path | None = None
    ) -> Self:
        """Listens before it returns. Raises SettingsError where the address or the certificate cannot be used."""
        config = uvicorn.Config(
            gateway.app,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=FRAME,
            ws_ping_interval=None,  # a frozen tunnel lives on; heartbeats say who is away
            ws_ping_timeout=None,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=5,
            lifespan="off",
        )
        try:
            config.load()
        except OSError as error:
            raise SettingsError(
                f"The TLS certificate or its key cannot be used: {error.strerror or error}.",
                remedy="Check the certificate's and the key's file.",
            ) from error
        server = cls(_Uvicorn(config), _listen(host, port), gateway)
        while not server._uvicorn.started:  # uvicorn offers no event for it
            if server._task.done():
                server._task.result()
                raise SettingsError("The gateway ended as soon as it was started.")
            await asyncio.sleep(0.01)
        return server

    async def stop(self) -> None:
        """Tells the machines, ends what runs within a few seconds, and frees the port."""
        self._gateway.tunnels.close_all()
        self._uvicorn.should_exit = True
        await self._task

    async def wait(self) -> None:
        """Returns or raises when the server has ended."""
        await asyncio.shield(self._task)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise SettingsError(
            f"The gateway cannot listen on {host} port {port}: {error.strerror or error}.",
            remedy="Choose another port, or end what uses it.",
        ) from error
