"""Asks a pool's box, over its Unix socket. Every answer is hostile: bounded in size and time, and checked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import BinaryIO
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from head.errors import DataRefused, JobRefused, NotFoundError, PoolUnavailable
from head.gateway.services import BoxAnswer, is_plain_path
from head.pool_answers import (
    EVENTS,
    HEALTH,
    MACHINES,
    MODELS,
    DoorKey,
    ErrorAnswer,
    FactsOrProblem,
    Flag,
    FolderOrProblem,
    PoolHealth,
    PoolMachine,
    PoolModel,
    Renamed,
    SizeOrProblem,
    T,
    checked,
)
from ray_jobs.spec import (
    EVENT_LIMIT,
    ID_PATTERN,
    Data,
    DataFacts,
    Event,
    Folder,
    Work,
    is_ending,
    without_controls,
)

_ID = re.compile(ID_PATTERN.strip("^$"))
_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much a box may answer, and how long it may take."""

    answer: int = 64 * _KIB  #: bytes of an ordinary answer
    machines: int = 256 * _KIB  #: bytes of the machines
    listing: int = _MIB  #: bytes of the models, of the facts of a table, of a folder
    line: int = EVENT_LIMIT  #: bytes of one event
    file: int = 50 * _MIB  #: bytes of a job's file: the chat cannot send more
    deadline: float = 15.0  #: seconds for an ordinary answer; the box itself gives up after 10
    long_deadline: float = 160.0  #: seconds to look at a table, to warm a worker, to move a file
    silence: float = 20.0  #: seconds without a line on a stream that sends one every 5


class PoolClient:
    """One pool. Raises PoolUnavailable where the box does not answer as it should, and what each method says."""

    def __init__(self, socket: str, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=socket),
            base_url="http://pool",
            # Deadlines are ours, over the whole answer: httpx' own start again with each byte.
            timeout=None,
            follow_redirects=False,
            # A box has no business leaving anything with us.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def close(self) -> None:
        await self._http.aclose()

    # --- the box ---

    async def health(self, *, deadline: float | None = None) -> PoolHealth:
        return await self._ask("GET", "/healthz", HEALTH, deadline=deadline)

    # --- machines ---

    async def machines(self) -> tuple[PoolMachine, ...]:
        return await self._ask("GET", "/machines", MACHINES, most=self._bounds.machines)

    async def announce_machine(self, machine_id: str, *, address: str, public_key: str) -> str:
        """Opens the door for the machine's next tunnel; returns the door's own public key."""
        body = {"address": address, "public_key": public_key}
        return (await self._ask("PUT", f"/machines/{_id(machine_id)}", DoorKey, json=body)).door_key

    async def remove_machine(self, machine_id: str) -> None:
        """Cuts the machine's tunnel and forgets its key."""
        await self._ask("DELETE", f"/machines/{_id(machine_id)}", Flag)

    async def warm(self, place: str) -> bool:
        """Has a worker there import what most jobs need. Raises JobRefused where the machine is away."""
        answer = await self._ask("POST", "/warm", Flag, json={"place": _id(place)}, deadline=self._bounds.long_deadline)
        return answer.warm

    # --- jobs ---

    async def start_job(self, job_id: str, spec: Work, place: str) -> None:
        """Starts it, once however often it is called. Raises JobRefused where the machine is away."""
        body = {"job_id": _id(job_id), "spec": spec.model_dump(mode="json"), "place": _id(place)}
        await self._ask("POST", "/jobs", Flag, json=body)

    async def events(self, job_id: str, place: str, *, since: int) -> AsyncIterator[Event]:
        """The events numbered above `since`, until the job has ended; waits for them, through a machine's absence.

        Ends early only where the agent does not know the job. Raises PoolUnavailable where the box falls silent.
        """
        path = f"/jobs/{_id(job_id)}/events"
        last = since
        params = {"place": _id(place), "since": since}
        async with self._open("GET", path, within=self._bounds.silence, params=params) as answer:
            await self._refuse(answer)
            async with aclosing(self._lines(answer)) as lines:
                async for line in lines:
                    event = await checked(line, EVENTS)
                    if event.n <= last:
                        raise PoolUnavailable("Your pool told an event twice.")
                    last = event.n
                    yield event
                    if is_ending(event):
                        return

    async def acknowledge(self, job_id: str, place: str, n: int) -> None:
        """The events up to `n` are stored here. Raises JobRefused where the machine is away."""
        await self._ask("POST", f"/jobs/{_id(job_id)}/acknowledge", Flag, json={"place": _id(place), "n": n})

    async def cancel_job(self, job_id: str, place: str) -> bool:
        """Stops the work; False where it had ended or is unknown. Raises JobRefused where the machine is away."""
        answer = await self._ask("POST", f"/jobs/{_id(job_id)}/cancel", Flag, json={"place": _id(place)})
        return answer.cancelled

    async def inspect(self, place: str, data: Data, target: str | None) -> DataFacts:
        """Looks at the table where it lies. Raises DataRefused, or JobRefused where the machine is away."""
        body = {"place": _id(place), "data": data.model_dump(mode="json"), "target": target}
        bounds = self._bounds
        answer = await self._ask(
            "POST", "/inspect", FactsOrProblem, json=body, deadline=bounds.long_deadline, most=bounds.listing
        )
        if answer.problem is not None:
            raise DataRefused(answer.problem)
        if answer.facts is None:
            raise PoolUnavailable("Your pool gave neither facts nor a reason.")
        return answer.facts

    async def browse(self, place: str, path: str) -> Folder:
        """What can be chosen in an allowed folder; "": the allowed folders. Raises DataRefused, or JobRefused where the
        machine is away.
        """
        body = {"place": _id(place), "path": path}
        answer = await self._ask("POST", "/browse", FolderOrProblem, json=body, most=self._bounds.listing)
        if answer.problem is not None:
            raise DataRefused(answer.problem)
        if answer.folder is None:
            raise PoolUnavailable("Your pool gave neither a folder nor a reason.")
        return answer.folder

    # --- files ---

    async def put_upload(self, upload_id: str, place: str, name: str, content: bytes) -> int:
        """Puts a file into the place's inbox; returns its size. Raises DataRefused (no space, say), JobRefused."""
        answer = await self._ask(
            "PUT", f"/uploads/{_id(upload_id)}", SizeOrProblem, content=content,
            params={"place": _id(place), "name": name}, deadline=self._bounds.long_deadline,
        )  # fmt: skip
        if answer.problem is not None:
            raise DataRefused(answer.problem)
        if answer.size != len(content):
            raise PoolUnavailable("The file did not reach your pool whole.")
        return answer.size

    async def drop_upload(self, upload_id: str, place: str) -> None:
        await self._ask("DELETE", f"/uploads/{_id(upload_id)}", Flag, params={"place": _id(place)})

    async def download(self, job_id: str, place: str, name: str, file: BinaryIO) -> int:
        """Writes a picture or result of the job into `file`; returns its size. Raises NotFoundError, JobRefused."""
        if "/" in name or name in {"", ".", ".."} or not name.isprintable():
            raise NotFoundError("A job's files have plain names.")
        path = f"/jobs/{_id(job_id)}/files/{quote(name, safe='')}"
        size = 0
        async with (
            self._within(self._bounds.long_deadline),
            self._open("GET", path, params={"place": _id(place)}) as answer,
        ):
            await self._refuse(answer)
            async for part in answer.aiter_raw():
                size += len(part)
                if size > self._bounds.file:
                    raise PoolUnavailable(f"{without_controls(name)} is larger than {self._bounds.file // _MIB} MB.")
                await asyncio.to_thread(file.write, part)
        return size

    # --- models ---

    async def models(self, place: str) -> tuple[PoolModel, ...]:
        """Raises JobRefused where the machine is away."""
        return await self._ask("GET", "/models", MODELS, params={"place": _id(place)}, most=self._bounds.listing)

    async def drop_model(self, model_id: str, place: str) -> bool:
        """Deletes a model; False where there was none. Raises JobRefused where the machine is away."""
        return (await self._ask("DELETE", f"/models/{_id(model_id)}", Flag, params={"place": _id(place)})).dropped

    async def rename_model(self, model_id: str, place: str, name: str) -> int:
        """Returns which version of that name the model is there now. Raises NotFoundError, JobRefused."""
        body = {"place": _id(place), "name": name}
        return (await self._ask("PUT", f"/models/{_id(model_id)}/name", Renamed, json=body)).version

    # --- the dashboard ---

    @asynccontextmanager
    async def request(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[BoxAnswer]:
        """Ray's dashboard, for the gateway, which bounds and judges the answer (`PoolDashboard`).

        Raises NotFoundError for a path that could lead out of the dashboard, to what else the box answers.
        """
        try:
            url = httpx.URL(path=f"/dashboard/{path}", query=query.encode()) if is_plain_path(path) else None
        except httpx.InvalidURL:
            url = None
        if url is None:
            raise NotFoundError("The dashboard has no such page.")
        async with self._open(
            method, url, within=self._bounds.long_deadline, headers=dict(headers), content=body
        ) as answer:
            yield BoxAnswer(
                status=answer.status_code,
                content_type=without_controls(answer.headers.get("content-type", "")),
                body=answer.aiter_raw(),
            )

    # --- inside ---

    async def _ask(
        self,
        method: str,
        path: str,
        shape: type[T] | TypeAdapter[T],
        *,
        json: object = None,
        content: bytes | None = None,
        params: Mapping[str, str | int] | None = None,
        deadline: float | None = None,
        most: int | None = None,
    ) -> T:
        async with (
            self._within(deadline or self._bounds.deadline),
            self._open(method, path, json=json, content=content, params=params) as answer,
        ):
            await self._refuse(answer)
            return await checked(await _body(answer, most or self._bounds.answer), shape)

    @asynccontextmanager
    async def _open(
        self, method: str, url: str | httpx.URL, *, within: float | None = None, **about: object
    ) -> AsyncIterator[httpx.Response]:
        """An answer whose head has come; `within` bounds the wait for it where the caller does not."""
        about = {name: value for name, value in about.items() if value is not None}
        # Compressed answers could unfold without end.
        headers = {"accept-encoding": "identity", **_mapping(about.pop("headers", {}))}
        if self._http.is_closed:  # the pool was stopped meanwhile, say for a fresh token
            raise PoolUnavailable("Your pool is starting anew.", remedy="Try again.")
        try:
            request = self._http.build_request(method, url, headers=headers, **about)  # type: ignore[arg-type]
            async with self._within(within):
                answer = await self._http.send(request, stream=True)
            try:
                yield answer
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise PoolUnavailable("Your pool does not answer.", remedy="It starts again when it is needed.") from error

    @asynccontextmanager
    async def _within(self, seconds: float | None) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise PoolUnavailable(f"Your pool did not answer within {seconds:g} s.", remedy="Try again.") from error

    async def _refuse(self, answer: httpx.Response) -> None:
        """Raises what an answer other than 200 means."""
        if answer.status_code == 200:
            return
        async with self._within(self._bounds.deadline):
            error = (await checked(await _body(answer, self._bounds.answer), ErrorAnswer)).error
        match error.code:
            case "machine_away":
                raise JobRefused("The machine does not answer now.", remedy="Start its node agent, or wait for it.")
            case "not_found":
                raise NotFoundError("There is no such thing on that machine.")
            case "starting":
                raise PoolUnavailable("Your pool is still starting.", remedy="Try again in a few seconds.")
            case _:
                raise PoolUnavailable(f"Your pool refused: {error.message[:200]}")

    async def _lines(self, answer: httpx.Response) -> AsyncGenerator[bytes, None]:
        """The stream's lines that are not empty. Raises PoolUnavailable for a line without end, or silence."""
        rest = b""
        parts = answer.aiter_raw()
        while True:
            async with self._within(self._bounds.silence):
                part = await anext(parts, b"")
            if not part:
                return
            *lines, rest = (rest + part).split(b"\n")
            if any(len(line) > self._bounds.line for line in (*lines, rest)):
                raise PoolUnavailable("Your pool told an event that is too large.")
            for line in lines:
                if line.strip():
                    yield line


async def _body(answer: httpx.Response, most: int) -> bytes:
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > most:
            raise PoolUnavailable("Your pool answered too much.")
    return bytes(body)


def _id(text: str) -> str:
    """Ids are ours, but for "head", and go into paths. Raises ValueError for a bug of ours."""
    if not _ID.fullmatch(text):
        raise ValueError(f"{text!r} is no id")
    return text


def _mapping(headers: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
