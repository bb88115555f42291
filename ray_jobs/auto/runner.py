"""Where candidates are fitted: in tasks of Ray's on the same machine, or in this process."""

from __future__ import annotations

from typing import Protocol


class Runner(Protocol):
    """Runs fits, at most `slots` at a time."""

    slots: int


class InlineRunner:
    """In this process, one at a time: for tests, and where there is no Ray."""

    slots = 1


class RayRunner:
    """As Ray tasks on this machine.

    pin: the machine's custom resources (`{"m_xyz": 0.001}`). slots: tasks side by side, one core each. label: ends
    their names in the dashboard, e.g. the job's id.
    """

    def __init__(self, pin: dict[str, float], slots: int, label: str = "") -> None:
        self.pin, self.slots, self.label = pin, slots, label
