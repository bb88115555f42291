"""Where candidates are fitted: in tasks of Ray's on the same machine, or in this process.

The processes trust each other (one machine's box, one person), and what passes between them is plain all the same:
a fit goes out as names and numbers, the table and the finished models lie in the job's scratch folder, and predictions
come back as arrays of bounded size.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from ray_jobs.auto.fitting import Fit, Fitted, fit
from ray_jobs.problems import Refused, clip


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A fit that came to nothing."""

    note: str  #: for the person
    memory: bool = False  #: for want of memory


Outcome = Fitted | Lost


class Runner(Protocol):
    """Runs fits, at most `slots` at a time."""

    slots: int

    def start(self, order: Fit) -> None:
        """Begins a fit. No more than `slots` may run."""

    def wait(self, seconds: float) -> list[tuple[Fit, Outcome]]:
        """Those that have ended; waits so long for the first."""

    def stop(self) -> None:
        """Ends all that run, at once; they are not heard of again."""


class InlineRunner:
    """In this process, one at a time: for tests, and where there is no Ray."""

    slots = 1

    def __init__(self) -> None:
        self._waiting: deque[Fit] = deque()

    def start(self, order: Fit) -> None:
        self._waiting.append(order)

    def wait(self, seconds: float) -> list[tuple[Fit, Outcome]]:
        if not self._waiting:
            return []
        order = self._waiting.popleft()
        try:
            return [(order, fit(order))]
        except Exception as error:
            return [(order, lost(error))]

    def stop(self) -> None:
        self._waiting.clear()


class RayRunner:
    """As Ray tasks on this machine.

    pin: the machine's custom resources (`{"m_xyz": 0.001}`). slots: tasks side by side, one core each. label: ends
    their names in the dashboard, e.g. the job's id.

    The calling task lends its own core to Ray while it waits. When it ends, however it ends, Ray ends its tasks.
    """

    def __init__(self, pin: dict[str, float], slots: int, label: str = "") -> None:
        import ray

        self.pin, self.slots, self.label = pin, max(1, slots), label
        # max_retries=0: what ended a worker once would do so again.
        self._task: Any = ray.remote(max_retries=0, num_cpus=1)(fit_in_task)
        self._running: dict[Any, Fit] = {}

    def start(self, order: Fit) -> None:
        name = f"auto {order.candidate} {self.label}".strip()
        reference = self._task.options(name=name, resources=self.pin).remote(order)
        self._running[reference] = order

    def wait(self, seconds: float) -> list[tuple[Fit, Outcome]]:
        import ray

        if not self._running:
            return []
        ready, _ = ray.wait(list(self._running), num_returns=1, timeout=seconds)
        return [(self._running.pop(reference), _outcome(reference)) for reference in ready]

    def stop(self) -> None:
        import ray

        for reference in self._running:
            ray.cancel(reference, force=True)
        self._running.clear()


def fit_in_task(order: Fit) -> Outcome:
    """The task: a fit within its memory."""
    from ray_jobs.work import memory_limit

    try:
        with memory_limit(order.memory):
            return fit(order)
    except Exception as error:
        return lost(error)
    except KeyboardInterrupt:
        # As in ray_jobs.work: an import cut in two would spoil this worker for every later task.
        os._exit(1)


def lost(error: BaseException) -> Lost:
    """An error of a fit, in words without its own: those can quote values of the table."""
    if isinstance(error, MemoryError) or _is_out_of_memory(str(error)):
        return Lost(note="It needed more memory than it may use.", memory=True)
    if isinstance(error, Refused):
        return Lost(note=clip(error.problem.message, 200))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Lost(note="The disk is full.")
    return Lost(note=f"It failed ({type(error).__name__}).")


def _is_out_of_memory(message: str) -> bool:
    """Whether a C++ library says so: Arrow hands on `std::bad_alloc`, and a thread for which there is no room, as an
    exception of its own.
    """
    return any(words in message for words in ("bad_alloc", "annot allocate", "Resource temporarily unavailable"))


def _outcome(reference: Any) -> Outcome:
    import ray

    try:
        answer: Outcome = ray.get(reference)
    except ray.exceptions.OutOfMemoryError:
        return Lost(note="The machine ran out of memory, and it was stopped.", memory=True)
    except ray.exceptions.RayError as error:
        return Lost(note=f"Its process ended ({type(error).__name__}).")
    return answer
