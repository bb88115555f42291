"""A program: how much a box gets of what is bounded, and what `seal_status` says about it, as one line of JSON.

It is started by tests as another user or in namespaces of its own, so it imports nothing but `sealing` and `boxes`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import sealing
from tests.support.boxes import ask

MIB = 1024**2

_MEMORY = """
import os
read, write = os.pipe()
if os.fork() == 0:
    held = []
    for step in range(60):
        held.append(b"x" * (10 << 20))
        os.write(write, b"x")
    os._exit(0)
os.close(write)
got = 0
while part := os.read(read, 4096):
    got += len(part)
answer(got * 10)
"""

_PROCESSES = """
import os, time
got = 0
for _ in range(100):
    try:
        if os.fork() == 0:
            time.sleep(600)
    except OSError:
        break
    got += 1
answer(got)
"""

_DISK = """
import os
got = {}
for folder in ("/tmp", "/dev/shm"):
    with open(folder + "/full", "wb", buffering=0) as file:
        got[folder] = 0
        try:
            while got[folder] < 100:
                got[folder] += file.write(b"x" * (1 << 20)) >> 20
        except OSError:
            pass
answer(got)
"""


def main() -> None:
    """Measures, in MiB and processes."""
    status = sealing.seal_status()
    with tempfile.TemporaryDirectory() as folder:
        real = Path(folder).resolve()
        bounds = sealing.Limits(memory=200 * MIB, processes=30, cpus=1.0, tmpfs=8 * MIB, shm=4 * MIB)
        measured = {
            "status": {"available": status.available, "reason": status.reason, "limits": status.limits},
            "memory": ask(real, _MEMORY, limits=bounds),
            "processes": ask(real, _PROCESSES, limits=bounds),
            "disk": ask(real, _DISK, limits=bounds),
        }
    sys.stdout.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main()
