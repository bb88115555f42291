"""How fast the tunnel is: one forwarded port over SSH, WebSocket and TLS, beside plain TCP on the same wire.

    uv run python -m benchmarks.tunnel [MEGABYTES]

Two test hosts and a veth (tests/support/hosts.py), the processes that there are in earnest: gateway and door (one
process here), node agent, the box's SSH end, and at both ends a program that sends or reads. Prints one JSON object:
MB/s each way and the milliseconds of a round trip; `ratio` is the tunnel's part of plain TCP's speed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncssh

from head.gateway.app import Server, create_gateway
from head.gateway.messages import Facts
from head.gateway.services import MachineIdentity, Opened
from head.pool.door import Door, checked
from node_join.facts import facts
from node_join.inner.config import LINE_LIMIT
from node_join.inner.ssh import exchange_lines, forwarded
from node_join.messages import Grant, HeartbeatAnswer
from node_join.state import Limits, Machine, StateFolder
from node_join.tunnel import run_tunnel
from ray_jobs.ports import HEAD, HEAD_ADDRESS
from sealing import SocketFolder
from tests.support.authority import certificates
from tests.support.hosts import SERVER, HostProcess, Site, TestHost
from tests.support.services import MemoryServices

PLAIN_PORT = 9000
BLOCK = b"\0" * (1 << 18)
ROUND_TRIPS = 300


def source(address: str, port: str) -> None:
    """Serves `send N` (N bytes), `take N` (reads as many, then one byte), `echo` (byte for byte)."""
    with socket.create_server((address, int(port)), reuse_port=True) as listening:
        print("up", flush=True)
        while True:
            connection, _ = listening.accept()
            with connection:
                wish = connection.makefile("rb", buffering=0).readline().split()
                if wish[0] == b"send":
                    for _ in range(int(wish[1]) // len(BLOCK)):
                        connection.sendall(BLOCK)
                elif wish[0] == b"take":
                    _read(connection, int(wish[1]))
                    connection.sendall(b"!")
                else:
                    while byte := connection.recv(1):
                        connection.sendall(byte)


class Services(MemoryServices):
    """Announces the machine's SSH key to the real door."""

    the_door: Door

    async def open_door(self, machine_id: str, ssh_public_key: str, facts: Facts) -> Opened:
        opened = await super().open_door(machine_id, ssh_public_key, facts)
        self.the_door.announce(checked(machine_id, opened.address, ssh_public_key))
        return opened


async def serve(folder: Path) -> None:
    """The gateway with TLS, and the door."""
    door, sockets = Door(), SocketFolder(folder / "run")
    acceptor = await door.open(sockets.listen("door"))
    services = Services(door=sockets.address("door"), door_key=door.public_key)
    services.the_door = door
    state = StateFolder(folder / "state")
    state.make()
    services.machines["bench1"] = MachineIdentity(
        machine_id="bench1", pool_id="p0001", public_key=state.public_key(), revoked=False
    )
    files = certificates(folder / "tls", SERVER)
    server = await Server.start(
        create_gateway(services), host="0.0.0.0", port=8443, certificate=files.certificate, key=files.key
    )
    state.save(
        Machine(
            machine_id="bench1",
            name="bench",
            url=f"https://{SERVER}:8443",
            server_key=base64.b64encode(services.signing_key.public_key().public_bytes_raw()),
            address="127.77.1.1",
            pool_tag="u_x",
            machine_tag="m_x",
        )
    )
    print("up", flush=True)
    await server.wait()
    acceptor.close()


async def inner(folder: Path) -> None:
    """The SSH end in the machine's box."""
    with SocketFolder(folder / "box").listen("tunnel") as listening:
        listening.setblocking(False)
        print("up", flush=True)
        connection, _ = await asyncio.get_running_loop().sock_accept(listening)
    connection.setblocking(False)
    key = asyncssh.generate_private_key("ssh-ed25519")
    public = " ".join(key.export_public_key().decode().split()[:2])
    assert len(public) < LINE_LIMIT
    grant = await exchange_lines(connection, public)
    async with forwarded(connection, grant, key) as ssh:
        print("forwarded", flush=True)
        await ssh.wait_closed()


class Quiet:
    """Hears nothing."""

    def waiting(self, message: str) -> None: ...

    def connected(self, grant: Grant) -> None: ...

    def heard(self, answer: HeartbeatAnswer) -> None: ...


async def agent(folder: Path) -> None:
    """The node agent's tunnel."""
    state = StateFolder(folder / "state")
    machine = state.machine()
    assert machine
    told = facts(sealed=True, folder=state.node, allowed=(), limits=Limits())
    await run_tunnel(machine, state.key(), str(folder / "box" / "tunnel"), lambda: told, Quiet())


def measure(address: str, port: str, size: str) -> None:
    """Speed each way and the round trip to a `source`."""
    size_bytes = int(size) // len(BLOCK) * len(BLOCK)

    def ask(wish: str) -> socket.socket:
        connection = socket.create_connection((address, int(port)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(wish.encode() + b"\n")
        return connection

    with ask(f"send {size_bytes}") as connection:
        began = time.perf_counter()
        _read(connection, size_bytes)
        down = size_bytes / (time.perf_counter() - began) / 1e6
    with ask(f"take {size_bytes}") as connection:
        began = time.perf_counter()
        for _ in range(size_bytes // len(BLOCK)):
            connection.sendall(BLOCK)
        _read(connection, 1)
        up = size_bytes / (time.perf_counter() - began) / 1e6
    with ask("echo") as connection:
        waits = []
        for _ in range(ROUND_TRIPS):
            began = time.perf_counter()
            connection.sendall(b"x")
            _read(connection, 1)
            waits.append(time.perf_counter() - began)
    round_trip = statistics.median(waits) * 1000
    print(json.dumps({"down_mb_s": round(down), "up_mb_s": round(up), "round_trip_ms": round(round_trip, 3)}))


def _read(connection: socket.socket, count: int) -> None:
    buffer = memoryview(bytearray(1 << 18))
    while count:
        taken = connection.recv_into(buffer, min(count, len(buffer)))
        if not taken:
            raise ConnectionError("cut off")
        count -= taken


def run(megabytes: int) -> None:
    with tempfile.TemporaryDirectory(prefix="hb") as name, Site() as site:
        folder, laptop = Path(name), site.machine("laptop")
        (folder / "box").mkdir()
        _role(site.server, "source", "0.0.0.0", str(PLAIN_PORT))
        _role(site.server, "source", HEAD_ADDRESS, str(HEAD.dashboard))
        _role(site.server, "serve", name)
        box = _role(laptop, "inner", name)
        trust = {**os.environ, "SSL_CERT_FILE": str(folder / "tls" / "ca.pem")}
        laptop.run([sys.executable, "-m", "benchmarks.tunnel", "agent", name], env=trust)
        assert box.stdout
        assert box.stdout.readline() == b"forwarded\n"
        size = str(megabytes * 1_000_000)
        tcp, tunnel = (
            json.loads(
                laptop.check_output([sys.executable, "-m", "benchmarks.tunnel", "measure", *to, size], timeout=600)
            )
            for to in ((SERVER, str(PLAIN_PORT)), (HEAD_ADDRESS, str(HEAD.dashboard)))
        )
        ratio = {way: round(tunnel[way] / tcp[way], 4) for way in ("down_mb_s", "up_mb_s")}
        print(json.dumps({"plain_tcp": tcp, "tunnel": tunnel, "ratio": ratio, "megabytes": megabytes}))


def _role(host: TestHost, *role: str) -> HostProcess:
    process = host.run([sys.executable, "-m", "benchmarks.tunnel", *role], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    return process


def main(arguments: list[str]) -> None:
    match arguments:
        case ["source", *rest]:
            source(*rest)
        case ["measure", *rest]:
            measure(*rest)
        case ["serve" | "inner" | "agent" as role, folder]:
            asyncio.run({"serve": serve, "inner": inner, "agent": agent}[role](Path(folder)))
        case _:
            run(int(arguments[0]) if arguments else 500)


if __name__ == "__main__":
    main(sys.argv[1:])
