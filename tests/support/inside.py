"""Looks at a pool from within, as a hostile member would: runs code of its own as a Ray task on a machine."""

from __future__ import annotations

import json
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from head.identity import machine_tag
from tests.support.hosts import SERVER
from tests.support.world import World

_LOOK = """
import json, os, socket, sys
os.chdir("/")
import ray

allowed, private, server, tags = json.loads(sys.argv[1])

@ray.remote(num_cpus=0, resources={tag: 0.001 for tag in tags})
def look():
    def attempt(action):
        try:
            action()
        except OSError as error:
            return error.strerror
        return "yes"
    def read(path):
        try:
            return open(path, "rb").read().decode(errors="replace")
        except OSError:
            return ""
    processes = [name for name in os.listdir("/proc") if name.isdigit()]
    return {
        "address": ray.util.get_node_ip_address(),
        "reads the allowed file": attempt(lambda: open(allowed).read()),
        "writes into the allowed folder": attempt(lambda: open(os.path.dirname(allowed) + "/new", "w")),
        "reads another file of the owner": attempt(lambda: open(private).read()),
        "opens a connection to the server": attempt(lambda: socket.create_connection((server, 8443), 5)),
        "processes": len(processes),
        "environments": "".join(read(f"/proc/{pid}/environ") for pid in processes),
        "command lines": "".join(read(f"/proc/{pid}/cmdline") for pid in processes),
        "mounts": read("/proc/self/mountinfo"),
        "names": [os.path.join(at, name) for top in ("/pool", "/node", "/tmp", "/run", "/home", "/root")
                  for at, folders, files in os.walk(top) for name in folders + files][:20000],
        "nodes": sorted(node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]),
    }

ray.init(address="127.77.0.1:6379", _node_ip_address="127.77.0.1", log_to_driver=False, logging_level="ERROR")
print("SEEN" + json.dumps(ray.get(look.remote(), timeout=60)))
"""


def look_from_a_task(world: World, machine: str, *, allowed: Path, private: Path) -> dict[str, Any]:
    """What a task sees that whoever broke into the pool pins to the machine."""
    pool = pool_of(world.data_dir, machine)
    tags = [pool.tag, machine_tag(pool.machine_id)]
    command, environment = looking(pool, tags=tags, allowed=allowed, private=private)
    return seen(world.site.server.check_output(command, env=environment, timeout=120))


@dataclass(frozen=True, kw_only=True)
class Pool:
    """What an intruder has to know of a pool; `box` is the pid of its box's process 1."""

    id: str
    tag: str
    ray_token: str
    machine_id: str
    box: int


def pool_of(data_dir: Path, machine: str) -> Pool:
    """The pool of the machine with that name, from the server's own books."""
    with sqlite3.connect(f"file:{data_dir / 'hayride.db'}?mode=ro", uri=True) as database:
        query = (
            "select p.id, p.tag, p.ray_token, m.id from machines m join pools p on p.id = m.pool_id where m.name = ?"
        )
        pool_id, tag, token, machine_id = database.execute(query, (machine,)).fetchone()
    box = json.loads((data_dir / "run" / pool_id / "box.json").read_text())
    return Pool(id=pool_id, tag=tag, ray_token=token, machine_id=machine_id, box=box["pid"])


def looking(pool: Pool, *, tags: list[str], allowed: Path, private: Path) -> tuple[list[str], dict[str, str]]:
    """The command that enters the pool's box and has a task with these tags look around; and its environment."""
    into = [sys.executable, str(Path(__file__).with_name("enter.py")), str(pool.box)]
    told = json.dumps([str(allowed), str(private), SERVER, tags])
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": pool.ray_token,
                   "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor"}  # fmt: skip
    return [*into, sys.executable, "-c", _LOOK, told], environment


def seen(output: str) -> dict[str, Any]:
    (line,) = [line for line in output.splitlines() if line.startswith("SEEN")]
    answer: dict[str, Any] = json.loads(line.removeprefix("SEEN"))
    return answer
