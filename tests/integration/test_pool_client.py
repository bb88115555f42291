"""The client against boxes that lie: a real HTTP server on a Unix socket that answers what a hostile box might."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from head.errors import DataRefused, JobRefused, NotFoundError, PoolUnavailable
from head.pool_client import Bounds, PoolClient
from ray_jobs.spec import Event, PathData

TIGHT = Bounds(
    answer=2000, machines=4000, listing=4000, line=1000, file=5000, deadline=0.5, long_deadline=0.5, silence=0.5
)
EVENT = b'{"kind": "accepted", "n": 1, "at": 1.0}\n'
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def plain(body: bytes, status: str = "200 OK", headers: str = "") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    return answer


def endless(part: bytes, headers: str = "") -> Answer:
    """Sends for ever, without a length."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{headers}\r\n".encode())
        while True:
            writer.write(part)
            await writer.drain()

    return answer


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def then_silent(part: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + part)
        await asyncio.Event().wait()

    return answer


async def dripping(writer: asyncio.StreamWriter) -> None:
    """A byte now and then: no single read takes long."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


@asynccontextmanager
async def box(
    folder: Path, answer: Answer, bounds: Bounds = TIGHT, heads: list[bytes] | None = None
) -> AsyncIterator[PoolClient]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if heads is not None:
                heads.append(head)
            await answer(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has had enough
        finally:
            writer.close()

    path = folder / "s"
    server = await asyncio.start_unix_server(serve, path)
    client = PoolClient(str(path), bounds)
    try:
        yield client
    finally:
        await client.close()
        server.close()


async def events(client: PoolClient) -> list[Event]:
    return [event async for event in client.events("job1", "head", since=0)]


@pytest.mark.parametrize(
    "answer",
    [
        plain(b"x" * 3000),
        plain(b'{"state": "ready"}'),
        plain(b"", "302 Found", "Location: http://elsewhere/\r\n"),
        plain(b"<html>", "500 Internal Server Error"),
        plain(b'{"error": {"code": "no such code", "message": "x"}}', "400 Bad Request"),
        plain(b"\x1f\x8b" + b"0" * 100, headers="Content-Encoding: gzip\r\n"),
        endless(b"x" * 1000),
        endless(b"X-Header: y\r\n", "X: y\r\n"),
        silent,
        dripping,
        plain(b"", "999 \x00"),
    ],
    ids=["large", "shape", "redirect", "no-json", "bad-error", "gzip", "endless", "headers", "silent", "drip", "junk"],
)
async def test_a_lying_box_is_an_unavailable_pool(tmp_path: Path, answer: Answer) -> None:
    async with box(tmp_path, answer) as client, asyncio.timeout(5):
        with pytest.raises(PoolUnavailable):
            await client.health()


async def test_a_box_that_is_not_there_is_an_unavailable_pool(tmp_path: Path) -> None:
    client = PoolClient(str(tmp_path / "nothing"))
    with pytest.raises(PoolUnavailable):
        await client.health()
    await client.close()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        ("409 Conflict", "machine_away", JobRefused),
        ("404 Not Found", "not_found", NotFoundError),
        ("503 Service Unavailable", "starting", PoolUnavailable),
        ("500 Internal Server Error", "agent_failed", PoolUnavailable),
    ],
)
async def test_refusals_keep_their_kind(tmp_path: Path, status: str, code: str, error: type[Exception]) -> None:
    body = b'{"error": {"code": "%s", "message": "because \\u001b[1mof it"}}' % code.encode()
    async with box(tmp_path, plain(body, status)) as client:
        with pytest.raises(error) as raised:
            await client.cancel_job("job1", "head")
        assert "\x1b" not in str(raised.value)


async def test_an_ids_path_tricks_do_not_leave_this_process(tmp_path: Path) -> None:
    async with box(tmp_path, plain(b"{}")) as client:
        for trick in ("../stop", "a/b", "job1\n", "JOB", "job1?x=y", ""):
            with pytest.raises(ValueError, match="no id"):
                await client.cancel_job(trick, "head")


async def test_events_pass_with_empty_lines_between(tmp_path: Path) -> None:
    end = b'\n\n{"kind": "cancelled", "n": 4, "at": 2.0}\nwhat follows an ending is not read'
    async with box(tmp_path, then_silent(EVENT + end)) as client:
        assert [event.n for event in await events(client)] == [1, 4]


@pytest.mark.parametrize(
    "stream",
    [
        then_silent(EVENT + EVENT),
        then_silent(EVENT.replace(b"accepted", b"exploded")),
        then_silent(EVENT),
        endless(b"x" * 500),
        endless(b'{"kind": "accepted", "n": 1, "at": 1.0, "more": 1}\n'),
        plain(b'{"error": {"code": "starting", "message": "x"}}', "503 Service Unavailable"),
        silent,
    ],
    ids=["twice", "kind", "falls-silent", "endless-line", "unknown-key", "starting", "silent"],
)
async def test_a_stream_of_lies_ends(tmp_path: Path, stream: Answer) -> None:
    async with box(tmp_path, stream) as client, asyncio.timeout(5):
        with pytest.raises(PoolUnavailable):
            await events(client)


async def test_a_refused_table_carries_its_problem(tmp_path: Path) -> None:
    body = b'{"problem": {"code": "file_missing", "message": "Nothing is at x.csv."}}'
    async with box(tmp_path, plain(body)) as client:
        with pytest.raises(DataRefused) as refused:
            await client.inspect("head", PathData(path="x.csv"), None)
        assert refused.value.problem.code == "file_missing"


def folder(**changes: object) -> bytes:
    entry = {"name": "a.csv", "kind": "file", "size": 7, "changed": 1.5}
    told = {"path": "/home/ann", "up": None, "entries": [entry], "more": False, "parquet": False, **changes}
    return json.dumps({"folder": told}).encode()


async def test_a_folder_is_told(tmp_path: Path) -> None:
    heads: list[bytes] = []
    async with box(tmp_path, plain(folder(path="/home/\u202eann\x1b")), heads=heads) as client:
        found = await client.browse("head", "~/x")
    assert (found.path, found.entries[0].name) == ("/home/ann", "a.csv")
    assert heads[0].startswith(b"POST /browse ")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        folder(entries=[{"name": "../../etc", "kind": "folder"}]),
        folder(entries=[{"name": "..", "kind": "folder"}]),
        folder(entries=[{"name": ".\x07.", "kind": "folder"}]),
        folder(entries=[{"name": "", "kind": "file"}]),
        folder(entries=[{"name": "x", "kind": "socket"}]),
        folder(entries=[{"name": "x", "kind": "file", "changed": 1e300}]),
        folder(entries=[{"name": "x", "kind": "file", "size": -1}]),
        folder(path="", entries=[{"name": "relative", "kind": "folder"}]),
        folder(path="/" + "x" * 5000),
        folder(entries=[{"name": str(number), "kind": "file"} for number in range(501)]),
        folder(rows=["1,2"]),
    ],
    ids=range(12),
)
async def test_a_folder_that_cannot_be_one_is_not_taken(tmp_path: Path, body: bytes) -> None:
    async with box(tmp_path, plain(body), Bounds()) as client:
        with pytest.raises(PoolUnavailable):
            await client.browse("head", "")


async def test_a_folder_that_is_refused_carries_its_problem(tmp_path: Path) -> None:
    body = b'{"problem": {"code": "outside_allowed", "message": "/etc is outside."}}'
    async with box(tmp_path, plain(body)) as client:
        with pytest.raises(DataRefused) as refused:
            await client.browse("head", "/etc")
        assert refused.value.problem.code == "outside_allowed"


@pytest.mark.parametrize("answer", [silent, dripping, endless(b" " * 1000)], ids=["silent", "dripping", "endless"])
async def test_a_folder_is_bounded_in_time_and_size(tmp_path: Path, answer: Answer) -> None:
    async with box(tmp_path, answer) as client, asyncio.timeout(5):
        with pytest.raises(PoolUnavailable):
            await client.browse("head", "")


async def test_a_file_is_bounded(tmp_path: Path) -> None:
    async with box(tmp_path, plain(b"x" * 5000)) as client:
        file = io.BytesIO()
        assert await client.download("job1", "head", "a b?.c.png", file) == 5000
        assert file.getvalue() == b"x" * 5000
    async with box(tmp_path, endless(b"x" * 1000)) as client, asyncio.timeout(5):
        file = io.BytesIO()
        with pytest.raises(PoolUnavailable):
            await client.download("job1", "head", "c.png", file)
        assert len(file.getvalue()) <= 5000


async def test_the_dashboards_answer_passes_unread(tmp_path: Path) -> None:
    async with (
        box(tmp_path, plain(b"[]", "404 Not Found", "Content-Type: application/json\r\n")) as client,
        client.request("GET", "api/x", "a=b", {}, b"") as answer,
    ):
        assert (answer.status, answer.content_type) == (404, "application/json")
        assert b"".join([part async for part in answer.body]) == b"[]"


async def longest_pause(work: Awaitable[object]) -> float:
    """Seconds for which nobody else had a turn while `work` went on, and was refused."""
    loop, longest = asyncio.get_running_loop(), 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = loop.time()
            await asyncio.sleep(0)
            longest = max(longest, loop.time() - before)

    watching = asyncio.create_task(watch())
    with pytest.raises(PoolUnavailable):
        await work
    await asyncio.sleep(0)
    watching.cancel()
    return longest


def many(before: bytes, each: bytes, size: int, after: bytes) -> bytes:
    """JSON of at most `size` bytes with as many small values as go into it."""
    count = (size - len(before) - len(after)) // (len(each) + 1)
    return before + b",".join([each] * count) + after


@pytest.mark.parametrize("size", [256 * 1024, 1024 * 1024, 8 * 1024 * 1024])
@pytest.mark.parametrize("each", [b"{}", b"[]", b'"\xc3\xa9"', b"1e999"])
async def test_no_answer_stalls_the_others(tmp_path: Path, each: bytes, size: int) -> None:
    facts = b'{"facts":{"path":"x","bytes":1,"rows":1,"columns":['
    listed = b'{"folder":{"path":"/x","entries":['
    event = b'{"kind":"progress","n":1,"at":1,"step":["'
    for before, after, ask in (
        (b"[", b"]", lambda client: client.machines()),
        (b"[", b"]", lambda client: client.models("head")),
        (facts, b"]}}", lambda client: client.inspect("head", PathData(path="x"), None)),
        (listed, b"]}}", lambda client: client.browse("head", "")),
        (event, b'"]}\n', events),
    ):
        async with box(tmp_path, plain(many(before, each, size, after)), Bounds()) as client:
            assert await longest_pause(ask(client)) < 0.25


@pytest.mark.parametrize("body", [b"{}", b'{"version": 0}', b'{"version": 2147483648}', b'{"version": "x"}'])
async def test_a_version_that_cannot_be_one_is_not_taken(tmp_path: Path, body: bytes) -> None:
    async with box(tmp_path, plain(body)) as client:
        with pytest.raises(PoolUnavailable):
            await client.rename_model("model1", "head", "spring")


async def test_a_box_leaves_no_cookies(tmp_path: Path) -> None:
    heads: list[bytes] = []
    answer = plain(b"{}", headers=f"Set-Cookie: a={'x' * 3000}; Path=/\r\n")
    async with box(tmp_path, answer, heads=heads) as client:
        for _ in range(2):
            await client.remove_machine("machine1")
    assert len(heads) == 2
    assert b"cookie" not in heads[1].lower()


@pytest.mark.parametrize(
    "path",
    ["api/../../stop", "..", "api/%2e%2e/%2e%2e/stop", "api\\..\\stop", "api/x?y", "api/x#y", "api/\x00", "api/\n"],
)
async def test_no_dashboards_path_leads_to_what_else_the_box_answers(tmp_path: Path, path: str) -> None:
    heads: list[bytes] = []
    async with box(tmp_path, plain(b"{}"), heads=heads) as client:
        with pytest.raises(NotFoundError):
            async with client.request("POST", path, "", {}, b""):
                pass
        with pytest.raises(NotFoundError):
            async with client.request("GET", "api/x", "q=\x00" + "y" * 100_000, {}, b""):
                pass
    assert heads == []
