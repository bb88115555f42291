"""The machine itself: what a box needs, and what the join has left."""

from __future__ import annotations

import os
import platform
import shutil
import sys

from node_join import amounts, facts, loopback, script
from node_join.doctor.patient import JOIN, Bad, Patient
from node_join.errors import NodeError
from sealing import seal_status

#: Bytes. The box's folder is given at least 1 GB of the disk, and never more than half of what is free.
DISK_NEEDED = 2 * 1024**3
#: Bytes. A Ray node takes some 265 MB, the smallest object store 100 MB, the smallest task as much again.
MEMORY_NEEDED = 600 * 1024**2


def system(_patient: Patient) -> str:
    try:
        script.check_platform()
    except script.Failure as error:
        raise Bad(str(error), "Use Linux on x86-64 or arm64, or WSL2 on Windows.") from error
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


def sealing(patient: Patient) -> str:
    try:
        if patient.machine.sealing == "off":
            return "switched off, as you asked: jobs can do here what you can do"
    except Bad:
        pass  # before the join it is worth knowing too
    if sys.platform == "darwin":
        return "macOS has no boxes: jobs can do here what you can do"
    status = seal_status()
    if not status.available:
        raise Bad(f"No sealed box can be made here: {status.reason}", status.remedy)
    ways = sorted(set(status.limits.values()) - {"none"})
    held = [f"{', '.join(bound for bound, way in status.limits.items() if way == how)} by {how}" for how in ways]
    return f"boxes can be made here; limits: {'; '.join(held) or 'none'}"


def disk(patient: Patient) -> str:
    folder = patient.state.path
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    told = f"{amounts.size(free)} free in {folder}"
    if free < DISK_NEEDED:
        raise Bad(told, f"Make room: models and results need at least {amounts.size(DISK_NEEDED)}.")
    return told


def memory(patient: Patient) -> str:
    total = facts.memory()
    free = min(facts.memory_free(), total)
    told = f"{amounts.size(free)} free of {amounts.size(total)}"
    if free < MEMORY_NEEDED:
        raise Bad(told, f"End other programs: a Ray node and a job need at least {amounts.size(MEMORY_NEEDED)}.")
    return told


def joined(patient: Patient) -> str:
    machine = patient.machine
    if not (patient.state.path / "key").exists():
        raise Bad("The key of this machine is gone.", JOIN)
    try:
        patient.state.key()
    except (NodeError, OSError) as error:
        raise Bad(str(error), JOIN) from error
    return f"as {machine.name}, to {machine.url}"


def pool_addresses(patient: Patient) -> str:
    addresses = loopback.pool_addresses(patient.machine.address)
    if lacking := loopback.missing(addresses):
        raise Bad(f"The loopback lacks {' and '.join(lacking)}.", "Type `hayride-node run`, which adds them.")
    return f"the loopback has {' and '.join(addresses)}"


def environment(patient: Patient) -> str:
    python = patient.machine.node_python
    again = "Run the pasted command again: it makes the environment, and needs no fresh token for that."
    if not python:
        raise Bad("The node's environment was not made yet.", again)
    if not os.access(python, os.X_OK):
        raise Bad(f"There is no Python at {python}.", again)
    return python
