"""What is going on: the numbered events of a job."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from ray_jobs.spec.base import Frozen, Metrics, Name
from ray_jobs.spec.orders import Spec, Work
from ray_jobs.spec.problems import Problem
from ray_jobs.spec.results import Leaderboard, Result

RayId = Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")]


class _Event(Frozen):
    n: int = Field(ge=1, lt=2**31)  #: 1, 2, 3, ... within the job
    at: float = Field(ge=0)  #: seconds since the epoch, by the machine's clock


class Accepted(_Event):
    """The agent has the job in its journal."""

    kind: Literal["accepted"] = "accepted"


class Started(_Event):
    """The task runs; what it sees of the place where it runs."""

    kind: Literal["started"] = "started"
    node_ip: Annotated[str, Field(max_length=64)]  #: ray.util.get_node_ip_address() of the task
    sealed: bool  #: observed by the task: no host process, no network but loopback
    ray_job: RayId = ""  #: as the Ray dashboard knows the task
    ray_task: RayId = ""


class Progress(_Event):
    """A step of the work. `fraction` only where it is known."""

    kind: Literal["progress"] = "progress"
    step: Name
    fraction: float | None = Field(default=None, ge=0, le=1)
    metrics: Metrics = Field(default_factory=dict)
    leaderboard: Leaderboard = ()  #: of auto, whenever it has changed; the best first


class Completed(_Event):
    kind: Literal["completed"] = "completed"
    result: Result


class Failed(_Event):
    kind: Literal["failed"] = "failed"
    problem: Problem


class Cancelled(_Event):
    kind: Literal["cancelled"] = "cancelled"


class TimedOut(_Event):
    kind: Literal["timed_out"] = "timed_out"
    limit: int = Field(ge=0, lt=2**31)  #: seconds


Ending = Completed | Failed | Cancelled | TimedOut
Event = Annotated[
    Accepted | Started | Progress | Completed | Failed | Cancelled | TimedOut, Field(discriminator="kind")
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
SPEC: TypeAdapter[Spec] = TypeAdapter(Spec)
WORK: TypeAdapter[Work] = TypeAdapter(Work)


def is_ending(event: Event) -> bool:
    """Whether no further event of the job can follow."""
    return isinstance(event, Completed | Failed | Cancelled | TimedOut)
