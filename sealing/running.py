"""What there is to know of a running box, for its launcher and for whoever finds it later."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sealing import cgroups, process
from sealing.errors import SealError
from sealing.process_table import TABLE

#: Seconds that the kernel may take to end what was killed, and to let go of its cgroup.
KILL_TIME = 10.0
#: Unsealed: the environment entry that tells whose processes they are, since Ray's leave their group.
MARK = "HAYRIDE_BOX"


@dataclass(frozen=True, kw_only=True)
class Box:
    """A running box, as its launcher or a later process of the same user knows it.

    `pid` is the host pid of the box's process 1 (unsealed: of the process group's leader), `started` its start, in a
    unit of the system's: together they name one process for ever.
    """

    pid: int
    started: int
    sealed: bool
    #: Bound -> how it is held, as in `SealStatus.limits`.
    limits: Mapping[str, str] = field(default_factory=dict)
    #: Cgroups made for this box, removed by `stop`.
    cgroups: tuple[str, ...] = ()
    #: Unsealed: the 0700 folder that holds the plan's files, removed by `stop`; its name marks the processes.
    scratch: str | None = None

    def alive(self) -> bool:
        """Whether the box's process 1 lives. It may outlive the command: `stop` before another takes its place."""
        return process.started_at(self.pid) == self.started

    def memory(self) -> int | None:
        """Bytes that the box's processes hold, shared pages in parts (PSS); None where the system does not tell."""
        pids = process.in_namespace_of(self.pid) if self.sealed else [pid for pid, _ in self._unsealed_processes()]
        held = [bytes_ for pid in pids if (bytes_ := TABLE.memory(pid)) is not None]
        return sum(held) if held else None

    def wait(self, seconds: float) -> bool:
        """Waits for the box to end by itself. True: it has ended."""
        return process.wait(self.pid, self.started, seconds)

    def stop(self, *, patience: float) -> None:
        """Asks the box's command to end (SIGTERM), waits at most `patience` seconds, then kills all of the box.

        Blocks; right for a box that has ended, too. Raises SealError where something cannot be ended.
        """
        deadline = time.monotonic() + patience
        command = self._command()
        if command is not None and process.send(*command, signal.SIGTERM):
            process.wait(*command, max(deadline - time.monotonic(), 0.0))
        if self.sealed:
            # All of the box ends with its process 1.
            process.send(self.pid, self.started, signal.SIGKILL)
            if not process.wait(self.pid, self.started, KILL_TIME):
                raise SealError(
                    f"Process {self.pid} of a box does not end.", "It waits for a disk or a device: look there."
                )
        else:
            self._kill_unsealed()
        cgroups.remove((Path(folder) for folder in self.cgroups), patience=KILL_TIME)
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads, of plain values; keep it outside of the box."""
        return asdict(self) | {"limits": dict(self.limits), "cgroups": list(self.cgroups)}

    @classmethod
    def from_json(cls, data: object) -> Box:
        """Raises SealError for anything that `to_json` did not make."""
        if not isinstance(data, dict) or data.keys() != {"pid", "started", "sealed", "limits", "cgroups", "scratch"}:
            raise SealError("This is not the record of a box.")
        right = (
            all(type(data[name]) is int and data[name] > 0 for name in ("pid", "started"))
            and isinstance(data["sealed"], bool)
            and isinstance(data["limits"], dict)
            and isinstance(data["cgroups"], list)
            and all(_is_ours(folder) for folder in data["cgroups"])
            and (data["scratch"] is None or isinstance(data["scratch"], str))
        )
        if not right:
            raise SealError("This record of a box is damaged.")
        return cls(**(data | {"cgroups": tuple(data["cgroups"])}))

    def _command(self) -> tuple[int, int] | None:
        """The process to ask: unsealed the leader, in a box the oldest child of its process 1, while that is ours."""
        if not self.sealed or not self.alive():
            return (self.pid, self.started) if self.alive() else None
        family = process.children(self.pid)
        return family[0] if family else None

    def _kill_unsealed(self) -> None:
        """Kills what the launch brought forth, by mark and cgroup, until there is none: it may fork meanwhile."""
        deadline = time.monotonic() + KILL_TIME
        while found := self._unsealed_processes():
            for pid, started in found:
                process.send(pid, started, signal.SIGKILL)
            pid, started = max(found)
            process.wait(pid, started, 1.0)
            if time.monotonic() > deadline:
                raise SealError(f"{len(found)} processes of an unsealed box do not end.")

    def _unsealed_processes(self) -> set[tuple[int, int]]:
        found = set(process.marked(MARK, self.scratch)) if self.scratch else set()
        for pid in cgroups.members(Path(folder) for folder in self.cgroups):
            started = process.started_at(pid)
            found |= {(pid, started)} if started is not None else set()
        return found | ({(self.pid, self.started)} if self.alive() else set())


def _is_ours(folder: object) -> bool:
    return isinstance(folder, str) and Path(folder).name.startswith(cgroups.PREFIX)
