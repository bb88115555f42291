"""The two ends that the tunnel joins, for tests of what is in between: a box that says its key, a door that echoes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from head.gateway.services import MachineIdentity
from node_join.facts import Facts, facts
from node_join.messages import Grant, HeartbeatAnswer
from node_join.state import Limits, Machine
from node_join.tunnel import run_tunnel
from tests.support.services import MemoryServices

SSH_PUBLIC_KEY = "ssh-ed25519 " + "A" * 68


class Box:
    """Stands where a machine's box stands: says an SSH key, hears the grant, then hands its streams to the test."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.connections: asyncio.Queue[tuple[dict[str, object], asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.Queue()
        )
        self.writers: list[asyncio.StreamWriter] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(json.dumps({"ssh_public_key": SSH_PUBLIC_KEY}).encode() + b"\n")
        line = await reader.readline()
        if line:
            await self.connections.put((json.loads(line), reader, writer))
        else:
            writer.close()


@asynccontextmanager
async def box_end(path: Path) -> AsyncIterator[Box]:
    box = Box(str(path))
    async with await asyncio.start_unix_server(box._serve, path, limit=1 << 18):
        yield box
        await _close(box.writers)


@asynccontextmanager
async def echoing_door(path: Path) -> AsyncIterator[list[asyncio.StreamWriter]]:
    """Sends back every byte. Yields the writers of its connections, so that a test can cut them."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    async with await asyncio.start_unix_server(serve, path, limit=1 << 18):
        yield writers
        await _close(writers)


async def _close(writers: list[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


class Told:
    """Remembers what a tunnel told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def waiting(self, message: str) -> None:
        self.words.append("waiting")

    def connected(self, grant: Grant) -> None:
        self.words.append("connected")

    def heard(self, answer: HeartbeatAnswer) -> None:
        self.words.append("joined" if answer.joined else "heard")


class Joined:
    """A machine that is in the pool of `services`, and can open tunnels."""

    def __init__(self, services: MemoryServices, url: str, *, machine_id: str = "laptop01") -> None:
        self.key = Ed25519PrivateKey.generate()
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        services.machines[machine_id] = MachineIdentity(
            machine_id=machine_id, pool_id="p0001", public_key=public, revoked=False
        )
        self.machine = machine_of(services, url, machine_id)
        self.told = Told()

    def tunnel(self, box: Box, told: Callable[[], Facts] | None = None) -> Awaitable[None]:
        return run_tunnel(self.machine, self.key, box.address, told or some_facts, self.told)


def machine_of(services: MemoryServices, url: str, machine_id: str) -> Machine:
    server_key = services.signing_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Machine.model_construct(
        machine_id=machine_id,
        name="laptop",
        url=url,
        server_key=server_key,
        address="127.77.1.1",
        pool_tag="u_0123456789abcdef",
        machine_tag=f"m_{machine_id}",
    )


def some_facts() -> Facts:
    return facts(sealed=True, folder=Path(__file__).parent, allowed=(), limits=Limits())


async def until(true: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Waits for a condition. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  (the condition is anything at all)
            await asyncio.sleep(0.01)
