"""Looks at a pool from within, as a hostile member would: runs code of its own as a Ray task on a machine."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

from head.identity import machine_tag
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
        "nodes": sorted(node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]),
    }

ray.init(address="127.77.0.1:6379", _node_ip_address="127.77.0.1", log_to_driver=False, logging_level="ERROR")
print("SEEN" + json.dumps(ray.get(look.remote(), timeout=60)))
"""


def look_from_a_task(world: World, machine: str, *, allowed: Path, private: Path) -> dict[str, Any]:
    """What a task sees that whoever broke into the pool pins to the machine."""
    with sqlite3.connect(f"file:{world.data_dir / 'hayride.db'}?mode=ro", uri=True) as database:
        query = "select m.id, p.id, p.tag, p.ray_token from machines m join pools p on p.id = m.pool_id where m.name = ?"
        machine_id, pool_id, tag, token = database.execute(query, (machine,)).fetchone()
    box = json.loads((world.data_dir / "run" / pool_id / "box.json").read_text())
    told = json.dumps([str(allowed), str(private), "10.77.0.1", [tag, machine_tag(machine_id)]])
    environment = {"PATH": "/usr/bin:/bin", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token, "HOME": "/tmp",
                   "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor"}  # fmt: skip
    into = ["nsenter", "--target", str(box["pid"]), "--user", "--mount", "--net", "--pid", "--ipc"]
    enter = [*into, "--preserve-credentials", "--wd=/", "--"]
    output = world.site.server.check_output([*enter, sys.executable, "-c", _LOOK, told], env=environment, timeout=120)
    seen: dict[str, Any] = json.loads(output.rpartition("SEEN")[2])
    return seen
