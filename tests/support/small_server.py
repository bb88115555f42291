"""A server that is the gateway, the real door and a bare Ray head, without pool box, store and chat: `FOLDER ADDRESS`.

Prints one JSON object a line: {"url"} when it listens, {"node": {...}} when a machine's Ray node is alive, {"ran_on"}
the address that a task pinned to the machine's tag saw. A line on its standard input asks for a new task; its end stops
it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "t" * 64, "RAY_USAGE_STATS_ENABLED": "0"}

import ray

from head.gateway.app import Server, create_gateway
from head.gateway.messages import Facts
from head.gateway.services import Opened
from head.pool.door import Door, checked
from ray_jobs.ports import HEAD, HEAD_ADDRESS
from sealing import SocketFolder
from tests.support.authority import certificates
from tests.support.services import MemoryServices

_TAG = "u_0123456789abcdef"
_RAY = "from ray.scripts.scripts import main; main()"


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201


@dataclass
class Services(MemoryServices):
    """Announces each machine's SSH key to the real door."""

    the_door: Door = field(default_factory=Door)

    async def open_door(self, machine_id: str, ssh_public_key: str, facts: Facts) -> Opened:
        opened = await super().open_door(machine_id, ssh_public_key, facts)
        self.the_door.announce(checked(machine_id, opened.address, ssh_public_key))
        return opened


@ray.remote(num_cpus=0, resources={_TAG: 0.001})
def look() -> dict[str, object]:
    address = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    return {"address": address, "home": os.environ.get("HOME"), "pid": os.getpid()}


def alive_machine() -> dict[str, Any] | None:
    every = ray.nodes()  # type: ignore[no-untyped-call]
    nodes = [node for node in every if node["Alive"] and node["NodeManagerAddress"] != HEAD_ADDRESS]
    return {"id": nodes[0]["NodeID"], "address": nodes[0]["NodeManagerAddress"]} if nodes else None


async def start_ray(folder: Path) -> asyncio.subprocess.Process:
    arguments = [
        *("start", "--head", f"--node-ip-address={HEAD_ADDRESS}", f"--port={HEAD.gcs}", *HEAD.flags, "--num-cpus=0"),
        *("--object-store-memory=100000000", f"--temp-dir={folder / 'ray'}", "--include-dashboard=false"),
        *("--include-log-monitor=false", "--block"),
    ]
    log = (folder / "ray.log").open("wb")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _RAY, *arguments, stdout=log, stderr=log)
    for _ in range(600):
        if b"--block" in (folder / "ray.log").read_bytes():
            break
        await asyncio.sleep(0.1)
    return process


async def watch(services: Services) -> None:
    """Says each Ray node that comes up."""
    known = None
    while True:
        node = await asyncio.to_thread(alive_machine)
        services.in_pool = node is not None
        if node and node != known:
            say(node=node)
            known = node
        await asyncio.sleep(0.1)


async def main(folder: Path, address: str) -> None:
    head = await start_ray(folder)
    ray.init(
        address=f"{HEAD_ADDRESS}:{HEAD.gcs}",
        _node_ip_address=HEAD_ADDRESS,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    services = Services(tokens={"good1": "good", "good2": "good", "old": "expired"})
    sockets = SocketFolder(folder / "run")
    acceptor = await services.the_door.open(sockets.listen("door"))
    services.door, services.door_key = sockets.address("door"), services.the_door.public_key
    files = certificates(folder / "tls", address)
    gateway = create_gateway(services)
    server = await Server.start(gateway, host="0.0.0.0", port=0, certificate=files.certificate, key=files.key)
    services.public_url = f"https://{address}:{server.port}"
    say(url=services.public_url, authority=str(files.authority))
    watching = asyncio.create_task(watch(services))
    while (await asyncio.to_thread(sys.stdin.readline)).strip():
        began = time.perf_counter()
        seen = await look.remote()
        say(ran_on=seen["address"], home=seen["home"], pid=seen["pid"], seconds=time.perf_counter() - began)
    watching.cancel()
    await server.stop()
    acceptor.close()
    ray.shutdown()
    head.terminate()
    await head.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
