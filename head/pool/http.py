"""The box's HTTP interface, on the one socket that the control plane has of it.

Its caller is the control plane, so what comes in is trusted; what goes out comes from machines: the caller checks it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from head.pool import files
from head.pool.dashboard import DashboardPass
from head.pool.door import Door, DoorRefused, checked
from head.pool.driver import Driver, DriverError
from head.pool.events import event_lines
from head.pool.nodes import known_nodes, machine_rows
from ray_jobs.ports import MACHINE
from ray_jobs.spec import Id

#: Seconds that looking at a table may take: the agent's own limit, and some more.
INSPECT_TIME = 140.0
#: What the control plane wants to know of a model: a manifest also describes every column.
_TOLD = ("model_id", "job_id", "model", "name", "version", "task", "target", "rows_train", "metrics", "created")
#: Seconds that a worker may take to import what most jobs need.
_WARM_TIME = 120.0


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewMachine(_Body):
    address: str
    public_key: str = Field(max_length=1000)


class NewJob(_Body):
    job_id: Id
    spec: dict[str, Any]
    place: Id


class AtPlace(_Body):
    place: Id


class Acknowledged(AtPlace):
    n: int = Field(ge=0)


class NewName(AtPlace):
    name: str = Field(max_length=1000)


class Inspection(AtPlace):
    data: dict[str, Any]
    target: str | None


class Browsing(AtPlace):
    path: str = Field(max_length=4096)


@dataclass(kw_only=True)
class Parts:
    """What the interface serves."""

    driver: Driver
    door: Door
    dashboard: DashboardPass
    ray_version: str
    sealed: bool
    disk: Callable[[], int]  #: bytes that the pool's folder holds
    started: float = field(default_factory=time.monotonic)


def create_app(parts: Parts) -> FastAPI:
    """The whole interface. `head.pool_client` is its one caller."""
    app = FastAPI(openapi_url=None)
    _errors(app)
    _box(app, parts)
    _machines(app, parts)
    _jobs(app, parts)
    _files(app, parts)
    _models(app, parts)
    return app


def error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)


def _errors(app: FastAPI) -> None:
    @app.exception_handler(DriverError)
    async def driver_error(_: Request, problem: DriverError) -> Response:
        return error(problem.status, problem.code, str(problem))

    @app.exception_handler(DoorRefused)
    async def door_refused(_: Request, problem: DoorRefused) -> Response:
        return error(400, "refused", str(problem))

    @app.exception_handler(RequestValidationError)
    async def bad_request(_: Request, problem: RequestValidationError) -> Response:
        return error(400, "bad_request", "; ".join(str(each.get("msg")) for each in problem.errors())[:300])


def _box(app: FastAPI, parts: Parts) -> None:
    @app.get("/healthz")
    async def health() -> dict[str, Any]:
        return {
            "state": "ready" if parts.driver.ready else "starting",
            "ray": parts.ray_version,
            "sealed": parts.sealed,
            "uptime": time.monotonic() - parts.started,
            "disk": parts.disk(),
        }

    @app.api_route("/dashboard/{path:path}", methods=["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
    async def dashboard(request: Request, path: str) -> Response:
        return await parts.dashboard.answer(request, path)


def _machines(app: FastAPI, parts: Parts) -> None:
    @app.get("/machines")
    async def machines() -> list[dict[str, Any]]:
        nodes = await parts.driver.ask(known_nodes)
        return machine_rows(nodes, parts.door.announced, parts.door.tunnels)

    @app.put("/machines/{machine_id}")
    async def announce(machine_id: Id, machine: NewMachine) -> dict[str, Any]:
        parts.door.announce(checked(machine_id, machine.address, machine.public_key))
        ports = {"first_worker": MACHINE.first_worker, "last_worker": MACHINE.last_worker}
        return {"door_key": parts.door.public_key, "ports": ports}

    @app.delete("/machines/{machine_id}")
    async def cut(machine_id: Id) -> dict[str, bool]:
        return {"known": parts.door.cut(machine_id)}


def _jobs(app: FastAPI, parts: Parts) -> None:
    driver = parts.driver

    @app.post("/jobs")
    async def start(job: NewJob) -> dict[str, bool]:
        await driver.call(job.place, "start", job.job_id, job.spec, driver.pin(job.place))
        return {"started": True}

    @app.get("/jobs/{job_id}/events")
    async def events(job_id: Id, place: Id, since: int = 0) -> Response:
        return StreamingResponse(event_lines(driver, job_id, place, since), media_type="application/x-ndjson")

    @app.post("/jobs/{job_id}/acknowledge")
    async def acknowledge(job_id: Id, body: Acknowledged) -> dict[str, bool]:
        await driver.call(body.place, "acknowledge", job_id, body.n)
        return {"acknowledged": True}

    @app.post("/jobs/{job_id}/cancel")
    async def cancel(job_id: Id, body: AtPlace) -> dict[str, bool]:
        return {"cancelled": bool(await driver.call(body.place, "cancel", job_id))}

    @app.post("/inspect")
    async def inspect(body: Inspection) -> Response:
        await driver.reach(body.place)
        return JSONResponse(await driver.call(body.place, "inspect", body.data, body.target, deadline=INSPECT_TIME))

    @app.post("/browse")
    async def browse(body: Browsing) -> Response:
        return JSONResponse(await driver.call(body.place, "browse", body.path))

    @app.post("/warm")
    async def warm(body: AtPlace) -> dict[str, bool]:
        await driver.reach(body.place)
        return {"warm": bool(await driver.call(body.place, "warm", deadline=_WARM_TIME))}


def _files(app: FastAPI, parts: Parts) -> None:
    driver = parts.driver

    @app.put("/uploads/{upload_id}")
    async def upload(upload_id: Id, place: Id, name: str, request: Request) -> Response:
        length = request.headers.get("content-length", "")
        if not length.isdigit():
            return error(411, "length_required", "An upload tells its length.")
        content = request.stream()
        return JSONResponse(await files.send_upload(driver, place, upload_id, name, int(length), content))

    @app.delete("/uploads/{upload_id}")
    async def drop(upload_id: Id, place: Id) -> dict[str, bool]:
        await driver.call(place, "drop_upload", upload_id)
        return {"dropped": True}

    @app.get("/jobs/{job_id}/files/{name}")
    async def download(job_id: Id, name: str, place: Id) -> Response:
        size = await files.file_size(driver, place, job_id, name)
        pieces = files.file_pieces(driver, place, job_id, name, size)
        return StreamingResponse(pieces, media_type="application/octet-stream", headers={"content-length": str(size)})


def _models(app: FastAPI, parts: Parts) -> None:
    @app.get("/models")
    async def models(place: Id) -> Response:
        manifests = await parts.driver.call(place, "models")
        return JSONResponse([{name: each[name] for name in _TOLD if name in each} for each in manifests])

    @app.put("/models/{model_id}/name")
    async def rename_model(model_id: Id, body: NewName) -> Response:
        return JSONResponse({"version": await parts.driver.call(body.place, "rename_model", model_id, body.name)})

    @app.delete("/models/{model_id}")
    async def drop_model(model_id: Id, place: Id) -> dict[str, bool]:
        return {"dropped": bool(await parts.driver.call(place, "drop_model", model_id))}
