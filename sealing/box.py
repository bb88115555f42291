"""Starting a box and what there is to know of a running one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealing.plan import BoxPlan


@dataclass(frozen=True, kw_only=True)
class Box:
    """A running box, as its launcher or a later process of the same user knows it.

    `pid` is the host pid of the box's process 1 (unsealed: of the process group's leader), `started` its start in clock
    ticks since boot, from /proc/PID/stat: together they name one process for ever.
    """

    pid: int
    started: int
    sealed: bool
    #: Cgroups made for this box, removed by `stop`.
    cgroups: tuple[str, ...] = ()
    #: Unsealed: the 0700 folder that holds the plan's files, removed by `stop`.
    scratch: str | None = None

    def alive(self) -> bool:
        """Whether the box's process 1 lives."""
        raise NotImplementedError

    def stop(self, *, patience: float) -> None:
        """Asks the box's command to end (SIGTERM), waits at most `patience` seconds, then kills all of the box."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads, of plain values; keep it outside of the box."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, data: object) -> Box:
        """Raises SealError for anything that `to_json` did not make."""
        raise NotImplementedError


def launch(plan: BoxPlan, *, errors: Path) -> Box:
    """Starts a sealed box. Raises SealError."""
    raise NotImplementedError


def launch_unsealed(plan: BoxPlan, *, errors: Path) -> Box:
    """Starts the same plan as a plain process. Raises SealError."""
    raise NotImplementedError
