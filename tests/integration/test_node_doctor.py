"""The doctor of a machine against a real gateway over TLS, and against what may stand in its place."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from head.gateway.app import Gateway, Server, create_gateway
from node_join import script
from node_join.doctor import Finding, Patient, examine
from node_join.state import Machine, StateFolder, Status
from node_join.upgrades import offered_release
from tests.support.authority import Certificates, certificates
from tests.support.services import MemoryServices
from tests.support.tunnels import Joined, box_end, echoing_door, until

MACHINE = "laptop01"


@dataclass
class Site:
    """A gateway over TLS, and a machine that joined it."""

    state: StateFolder
    services: MemoryServices
    gateway: Gateway
    files: Certificates
    port: int

    async def examined(self, now: Callable[[], float] = time.time) -> dict[str, Finding]:
        found = await asyncio.to_thread(lambda: list(examine(Patient(self.state, now))))
        return {finding.name: finding for finding in found}

    def change(self, **changes: object) -> None:
        machine = self.state.machine()
        assert machine
        self.state.save(machine.model_copy(update=changes))


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    files = certificates(tmp_path / "tls", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
    services = MemoryServices(door=str(tmp_path / "door"))
    gateway = create_gateway(services)
    server = await Server.start(gateway, host="127.0.0.1", port=0, certificate=files.certificate, key=files.key)
    state = StateFolder(tmp_path / "state")
    state.make()
    state.key()
    public = services.signing_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    state.save(joined(f"https://127.0.0.1:{server.port}", public))
    try:
        yield Site(state, services, gateway, files, server.port)
    finally:
        await server.stop()


def joined(url: str, server_key: bytes) -> Machine:
    return Machine.model_construct(
        machine_id=MACHINE,
        name="laptop",
        url=url,
        server_key=server_key,
        address="127.77.1.1",
        pool_tag="u_pool",
        machine_tag=f"m_{MACHINE}",
        node_python=sys.executable,
        sealing="off",
    )


def states(found: dict[str, Finding], *names: str) -> list[str]:
    return [found[name].state for name in names]


async def test_a_machine_in_its_pool_is_well(site: Site) -> None:
    site.state.note(Status(pid=7, state="joined", since=time.time() - 60))
    with site.state.only_one():
        found = await site.examined()
    assert {name: each for name, each in found.items() if each.state == "bad"} == {}
    assert [name for name, each in found.items() if each.state == "unknown"] == ["versions"]
    assert found["TCP"].told == f"127.0.0.1:{site.port} (127.0.0.1) answers"
    assert found["TLS"].told.startswith("TLSv1.3, the certificate is valid until 20")
    assert found["clock"].told == "agrees with the server's"
    assert found["key"].told == "the server is the one that this machine joined"


async def test_looking_replaces_no_live_tunnel(site: Site, tmp_path: Path) -> None:
    machine = Joined(site.services, f"https://127.0.0.1:{site.port}", machine_id=MACHINE)
    async with echoing_door(tmp_path / "door"), box_end(tmp_path / "box") as box:
        tunnel = asyncio.ensure_future(machine.tunnel(box))
        await until(lambda: site.gateway.tunnels.is_live(MACHINE))
        assert (await site.examined())["key"].state == "ok"
        assert site.gateway.tunnels.is_live(MACHINE)
        assert not tunnel.done()
        tunnel.cancel()
        await asyncio.gather(tunnel, return_exceptions=True)


async def test_another_server_with_a_good_certificate_is_found_out(site: Site) -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    site.change(server_key=other)
    found = await site.examined()
    assert states(found, "TLS", "server", "key") == ["ok", "ok", "bad"]
    assert "has another key" in found["key"].told
    assert "set up anew" in found["key"].remedy


async def test_a_certificate_of_an_unknown_authority(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates(tmp_path / "others", "127.0.0.1").authority))
    found = await site.examined()
    assert states(found, "TCP", "clock", "TLS", "server", "key") == ["ok", "ok", "bad", "unknown", "unknown"]
    assert "is not accepted" in found["TLS"].told
    assert "SSL_CERT_FILE" in found["TLS"].remedy


async def test_a_certificate_for_another_name(site: Site) -> None:
    site.change(url=f"https://localhost:{site.port}")
    found = await site.examined()
    assert states(found, "DNS", "TCP", "TLS") == ["ok", "ok", "bad"]
    assert "localhost" in found["TLS"].told


@pytest.mark.parametrize(("ahead", "words"), [(7230, "2 h ahead of"), (-7230, "2 h behind"), (200, "")])
async def test_the_clock_is_compared_with_the_servers(site: Site, ahead: float, words: str) -> None:
    clock = (await site.examined(lambda: time.time() + ahead))["clock"]
    assert clock.state == ("bad" if words else "ok")
    assert words in clock.told


async def test_nobody_listens(site: Site) -> None:
    site.change(url="https://127.0.0.1:1")
    found = await site.examined()
    assert states(found, "DNS", "TCP", "clock", "TLS") == ["ok", "bad", "unknown", "unknown"]
    assert found["TCP"].told == "127.0.0.1:1 does not answer: Connection refused."


@asynccontextmanager
async def something_else(answer: bytes, files: Certificates | None = None) -> AsyncIterator[int]:
    """Answers everything in the same way; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        writer.close()

    context = None
    if files:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(files.certificate, files.key)
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def test_another_program_has_the_address(site: Site) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhey!"
    async with something_else(page, site.files) as port:
        site.change(url=f"https://127.0.0.1:{port}")
        found = await site.examined()
    assert states(found, "TLS", "server", "key") == ["ok", "bad", "unknown"]
    assert found["clock"].state == "unknown"
    assert "not as a Hayride server" in found["server"].told


async def test_a_proxy_that_passes_no_websockets(site: Site) -> None:
    health = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{"state": "ok"}'
    async with something_else(health, site.files) as port:
        site.change(url=f"https://127.0.0.1:{port}")
        found = await site.examined()
    assert states(found, "server", "key") == ["ok", "bad"]
    assert "answers 200 instead of a tunnel" in found["key"].told


async def test_versions_are_told_apart_by_the_environments_names(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = site.state.machine()
    assert machine
    release = await asyncio.to_thread(offered_release, machine)
    for kind, right in itertools.product(("agent", "node", "neural"), (False, True)):
        folder = tmp_path / (script.environment_name(kind, release) if right else f"{kind}-0123456789abcdef")
        (folder / "bin").mkdir(parents=True)
        (folder / "complete").touch()
        if kind == "agent":
            monkeypatch.setattr(sys, "prefix", str(folder))
        else:
            (folder / "bin/python").symlink_to(sys.executable)
            site.change(node_python=str(folder / "bin/python"), neural=kind == "neural")
        versions = (await site.examined())["versions"]
        # The environment of the checkout is no join's, so it is not compared.
        assert versions.state == ("ok" if right else "bad"), versions
        assert ("upgrade" in versions.remedy) == (not right and kind == "agent")


async def test_a_server_that_hangs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node_join.doctor.network.PATIENCE", 0.2)
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        site.change(url=f"https://127.0.0.1:{listener.getsockname()[1]}")
        found = await site.examined()
    assert states(found, "TCP", "clock", "TLS", "server") == ["ok", "unknown", "bad", "unknown"]
    assert found["TLS"].told.endswith("no answer in time.")


async def test_no_tls_where_tls_is_expected(site: Site) -> None:
    async with something_else(b"SSH-2.0-other\r\n") as port:
        site.change(url=f"https://127.0.0.1:{port}")
        found = await site.examined()
    assert states(found, "TCP", "TLS") == ["ok", "bad"]
    assert found["TLS"].told.startswith("No TLS connection to")


@asynccontextmanager
async def proxy(login: str = "") -> AsyncIterator[tuple[int, list[str]]]:
    """Passes CONNECT on; its port, and what it was asked for."""
    asked: list[str] = []

    serving: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serving.add(task)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head.split()[1])
        if login not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        host, port = head.split()[1].split(":")
        end = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(copy(reader, end[1]), copy(end[0], writer))
        await asyncio.gather(writer.wait_closed(), end[1].wait_closed(), return_exceptions=True)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], asked
        await asyncio.wait_for(asyncio.gather(*serving), 10)


async def test_the_way_through_a_proxy(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy("Basic bWU6cEBzcw==") as (port, asked):
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{port}")
        found = await site.examined()
    assert states(found, "DNS", "TCP", "clock", "TLS", "server", "key") == ["ok"] * 6
    assert found["DNS"].told == "the proxy 127.0.0.1 -> 127.0.0.1"
    assert f"through the proxy 127.0.0.1:{port}" in found["TCP"].told
    assert not any("p@ss" in each.told + each.remedy for each in found.values())
    assert set(asked) == {f"127.0.0.1:{site.port}"}


async def test_a_proxy_that_wants_a_login(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy("Basic other") as (port, _):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        found = await site.examined()
    assert states(found, "DNS", "TCP", "TLS") == ["ok", "bad", "unknown"]
    assert "407" in found["TCP"].told
    assert "HTTPS_PROXY" in found["TCP"].remedy
