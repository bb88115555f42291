"""The machine's box: what it holds, starting it, finding it again after the node agent was killed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import sealing
from node_join.errors import NodeError
from node_join.facts import given_cores, given_memory, gpu_files, gpus
from node_join.state import Limits, Machine, StateFolder
from sealing import (
    Bind,
    Box,
    BoxPlan,
    SealError,
    SocketFolder,
    allowed_binds,
    app_binds,
    launch,
    launch_unsealed,
    only_box,
)

SOCKET = "tunnel"
#: Where the program inside finds its settings.
_CONFIG, _PLACE = "/run/hayride.json", "/run/place.json"
_PACKAGES = ("node_join", "ray_jobs", "sealing")
#: Of Ray's workers, by the owner's wish; the lower one is Ray's own default.
_NICENESS = {"low": 15, "normal": 0}
_MIB, _GIB = 1024**2, 1024**3
#: Seconds that a box gets to end by itself.
PATIENCE = 12.0


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What of this machine its box may use, in bytes. Said to Ray outright: there is no /sys inside to look it up."""

    cores: int
    memory: int
    object_store: int
    quota: int

    @property
    def told(self) -> dict[str, int]:
        """What the program inside is told."""
        return {"cores": self.cores, "memory": self.memory, "object_store": self.object_store}

    @classmethod
    def of_this_machine(cls, folder: Path, limits: Limits) -> Sizes:
        total = given_memory(limits)
        store = min(512 * _MIB, max(100 * _MIB, total // 10))
        free = shutil.disk_usage(folder).free
        return cls(
            cores=given_cores(limits),
            memory=max(total * 8 // 10 - store, 500 * _MIB),
            object_store=store,
            quota=max(_GIB, min(100 * _GIB, free // 2)),
        )


def place(machine: Machine, state: StateFolder, sizes: Sizes, *, inside: str) -> dict[str, object]:
    """What ray_jobs.place is told about this machine."""
    return {
        "folder": inside,
        "folder_as_owner_knows": str(state.node),
        "home": str(Path.home()),
        "allowed": list(machine.allowed),
        "max_sizes": machine.max_sizes,
        "share_rows": machine.share_rows,
        "quota": sizes.quota,
        "memory": sizes.memory,
    }


def box_plan(
    machine: Machine, state: StateFolder, sizes: Sizes, listening: socket.socket, *, temp: Path | None = None
) -> BoxPlan:
    """Everything that the machine's box holds. `temp` is Ray's folder where the box is not sealed: the same program on
    the real paths. Raises SealError where an allowed folder cannot be shown.
    """
    sealed = temp is None
    inside = "/node" if sealed else str(state.node)
    ours, shown = "", list[Bind]()
    if not _brings_our_packages(machine.node_python):
        ours = "/app" if sealed else str(Path(__file__).parent.parent)
        shown += app_binds(_PACKAGES) if sealed else ()
    for folder in machine.allowed if sealed else ():
        shown += allowed_binds(Path(folder))
    given = machine.limits.gpu
    config = {
        "folder": inside,
        "temp": str(temp or "/node/ray"),
        "gpus": len(gpus()) if given else 0,
        "niceness": _NICENESS[machine.limits.priority],
        **sizes.told,
    }
    return BoxPlan(
        name=f"machine-{machine.machine_id}",
        folder=state.node,
        folder_inside=inside,
        command=(machine.node_python, "-m", "node_join.inner"),
        environment={
            "HOME": inside,
            "PATH": f"{Path(machine.node_python).parent}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "HAYRIDE_CONFIG": _CONFIG,
            "HAYRIDE_PLACE": _PLACE,
            **({"PYTHONPATH": ours} if ours else {}),
        },
        read_only=tuple(shown),
        python=Path(machine.node_python),
        files={
            _CONFIG: json.dumps(config).encode(),
            _PLACE: json.dumps(place(machine, state, sizes, inside=inside)).encode(),
        },
        sockets={SOCKET: listening},
        devices=gpu_files() if given else (),
        limits=sealing.Limits(
            memory=sizes.memory + sizes.object_store, processes=4096, shm=sizes.object_store + 64 * _MIB
        ),
    )


def _brings_our_packages(python: str) -> bool:
    """Whether the node's environment has our packages itself; a checkout's only points to them."""
    return any(Path(python).parent.parent.glob("lib/python3.*/site-packages/node_join"))


class MachineBox:
    """The one box of this machine. A box that outlived its node agent is taken over if it fits."""

    def __init__(self, machine: Machine, state: StateFolder, *, sealed: bool) -> None:
        self.sealed = sealed
        self._machine = machine
        self._state = state
        self._sockets = SocketFolder(state.run)
        self._record = state.run / "box.json"
        self._box: Box | None = None
        self._changing = asyncio.Lock()
        self._temp: Path | None = None

    def outdated(self, machine: Machine) -> bool:
        """Whether a box for `machine` would be another than the one that runs."""
        return _held(machine) != _held(self._machine)

    def use(self, machine: Machine) -> None:
        """The next box is made for `machine`."""
        self._machine = machine

    @property
    def address(self) -> str:
        """Where the box listens for tunnels."""
        return self._sockets.address(SOCKET)

    async def ensure(self) -> None:
        """Raises NodeError where no box can be made."""
        async with self._changing:
            if self._box and self._box.alive():
                return
            try:
                if self._box:
                    await asyncio.to_thread(self._box.stop, patience=0)  # what it left
                await asyncio.to_thread(self._find_or_start)
            except SealError as error:
                raise NodeError(str(error)) from error

    async def stop(self) -> None:
        """Ends the box and all that was made for it. Raises NodeError where something of it does not end."""
        async with self._changing:
            await self._stop()

    async def _stop(self) -> None:
        try:
            if self._box:
                await asyncio.to_thread(self._box.stop, patience=PATIENCE)
                self._box = None
        except SealError as error:
            raise NodeError(str(error)) from error
        self._sockets.remove(SOCKET)
        self._record.unlink(missing_ok=True)
        if self._temp:
            await asyncio.to_thread(shutil.rmtree, self._temp, ignore_errors=True)
            self._temp = None

    def last_words(self) -> str:
        """The last line that the box's maker wrote, for a person who asks why it does not run."""
        try:
            lines = (self._state.run / "errors").read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return "".join(c for c in lines[-1] if c.isprintable())[:300] if lines else ""

    def _find_or_start(self) -> None:
        fingerprint = self._fingerprint()
        found = self._recorded(fingerprint)
        if found:
            self._box = found
            return
        if not self.sealed and self._temp is None:
            # Short, see InnerConfig.temp; a Mac cleans /tmp of what is not read for three days.
            self._temp = Path(tempfile.mkdtemp(prefix="hr", dir="/var/tmp" if sys.platform == "darwin" else "/tmp"))
        start = launch if self.sealed else launch_unsealed
        run = self._state.run
        with only_box(run / "lock", patience=PATIENCE) as lock, self._sockets.listen(SOCKET) as listening:
            sizes = Sizes.of_this_machine(self._state.node, self._machine.limits)
            plan = box_plan(self._machine, self._state, sizes, listening, temp=self._temp)
            self._box = start(plan, errors=run / "errors", lock=lock)
        temp = str(self._temp) if self._temp else ""
        record = {"fingerprint": fingerprint, "box": self._box.to_json(), "temp": temp}
        aside = self._record.with_suffix(".new")
        aside.write_text(json.dumps(record))
        aside.replace(self._record)

    def _recorded(self, fingerprint: str) -> Box | None:
        """The box of an earlier node agent: taken over if it fits, ended if not."""
        try:
            record = json.loads(self._record.read_text())
            box = Box.from_json(record["box"])
            temp = Path(record["temp"]) if record["temp"] else None
        except (OSError, ValueError, KeyError, TypeError, SealError):
            return None
        if box.alive() and record["fingerprint"] == fingerprint:
            self._temp = temp
            return box
        box.stop(patience=PATIENCE)
        if temp:
            shutil.rmtree(temp, ignore_errors=True)
        return None

    def _fingerprint(self) -> str:
        parts = [_held(self._machine), self.sealed, str(self._state.path), os.path.realpath(__file__)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _held(machine: Machine) -> dict[str, object]:
    """What of a machine goes into its box: when it may work is the node agent's business alone."""
    return machine.model_dump(mode="json", exclude={"limits": {"hours", "battery"}, "url": True, "name": True})
