"""The real door, knocked at by real SSH clients over its Unix socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from head.pool.door import Door, checked
from ray_jobs.ports import HEAD, HEAD_ADDRESS, MACHINE
from sealing import SocketFolder

#: Nobody else's, also where tests run side by side.
ADDRESS, OTHER = "127.77.201.7", "127.77.201.8"
PORT = MACHINE.last_worker
KEY = asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    door = Door()
    door.announce(checked("laptop", ADDRESS, KEY.export_public_key().decode()))
    with SocketFolder(tmp_path) as folder:
        acceptor = await door.open(folder.listen("door"))
        yield door
        door.cut("laptop")
        acceptor.close()
        await acceptor.wait_closed()


@asynccontextmanager
async def visit(tmp_path: Path, door: Door, key: asyncssh.SSHKey = KEY) -> AsyncIterator[asyncssh.SSHClientConnection]:
    raw = socket.socket(socket.AF_UNIX)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, str(tmp_path / "door"))
    known: tuple[list[asyncssh.SSHKey], ...] = ([asyncssh.import_public_key(door.public_key)], [], [])
    connection = await asyncssh.connect(
        sock=raw, username="machine", client_keys=[key], known_hosts=known, config=None, agent_path=None
    )
    try:
        yield connection
    finally:
        connection.abort()
        await connection.wait_closed()


async def reached(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        return await reader.read(100)
    finally:
        writer.close()


@asynccontextmanager
async def greeting(path: Path, word: bytes) -> AsyncIterator[str]:
    """Where a machine's forwarded port leads: says one word."""

    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(word)
        writer.close()

    server = await asyncio.start_unix_server(say, path)
    yield str(path)
    server.close()


async def test_a_stranger_is_not_let_in(tmp_path: Path, door: Door) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        async with visit(tmp_path, door, asyncssh.generate_private_key("ssh-ed25519")):
            pass
    assert door.tunnels == []


async def test_there_is_no_shell_no_command_and_no_file(tmp_path: Path, door: Door) -> None:
    async with visit(tmp_path, door) as connection:
        for attempt in (
            connection.create_process("id"),
            connection.create_process(),
            connection.create_process(subsystem="sftp"),
            connection.start_sftp_client(),
            connection.open_unix_connection("/run/docker.sock"),
        ):
            with pytest.raises(asyncssh.ChannelOpenError):
                await attempt
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_path(str(tmp_path / "path"), str(tmp_path / "path"))


async def test_it_connects_to_the_heads_ray_ports_and_to_nothing_else(tmp_path: Path, door: Door) -> None:
    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"here")
        writer.close()

    async with visit(tmp_path, door) as connection:
        for host, port, open_to_it in (
            (HEAD_ADDRESS, HEAD.last_worker, True),
            (HEAD_ADDRESS, 0, False),
            ("127.0.0.1", 0, False),
            (OTHER, PORT, False),
        ):
            async with await asyncio.start_server(say, host, port) as server:
                listens = server.sockets[0].getsockname()
                assert await reached(*listens) == b"here"
                if open_to_it:
                    reader, _ = await connection.open_connection(*listens)
                    assert await reader.read(100) == b"here"
                else:
                    with pytest.raises(asyncssh.ChannelOpenError):
                        await connection.open_connection(*listens)


@pytest.mark.parametrize(
    ("host", "port"), [(OTHER, PORT), (ADDRESS, 8080), (ADDRESS, 0), ("", PORT), ("0.0.0.0", PORT)]
)
async def test_it_listens_nowhere_but_at_the_machines_own(tmp_path: Path, door: Door, host: str, port: int) -> None:
    async with visit(tmp_path, door) as connection:
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port(host, port, "127.0.0.1", 9)


async def test_a_machines_port_appears_and_the_newest_connection_has_it(tmp_path: Path, door: Door) -> None:
    async with (
        greeting(tmp_path / "old", b"old") as old,
        greeting(tmp_path / "new", b"new") as new,
        visit(tmp_path, door) as first,
    ):
        await first.forward_remote_port_to_path(ADDRESS, PORT, old)
        assert await reached(ADDRESS, PORT) == b"old"
        async with visit(tmp_path, door) as second:
            await second.forward_remote_port_to_path(ADDRESS, PORT, new)
            assert await reached(ADDRESS, PORT) == b"new"
            async with asyncio.timeout(5):
                await first.wait_closed()
            assert door.tunnels == ["laptop"]


async def test_who_is_cut_is_out_at_once_and_stays_out(tmp_path: Path, door: Door) -> None:
    async with greeting(tmp_path / "word", b"word") as word, visit(tmp_path, door) as connection:
        await connection.forward_remote_port_to_path(ADDRESS, PORT, word)
        door.cut("laptop")
        async with asyncio.timeout(5):
            await connection.wait_closed()
        with pytest.raises(OSError, match="Connect call failed"):
            await reached(ADDRESS, PORT)
        with pytest.raises(asyncssh.PermissionDenied):
            async with visit(tmp_path, door):
                pass
