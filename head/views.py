"""What the chat is shown of jobs, machines, models, files and forms; `head.api` hands it on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from head.rest import Rest
from ray_jobs.spec import Problem, Progress, Result, Spec, TrainResult


class JobStatus(StrEnum):
    """Where a job stands. UNREACHABLE is not dead: the job goes on without us."""

    QUEUED = "queued"  #: waits for its pool or its machine
    DISPATCHED = "dispatched"  #: the machine's agent was told
    RUNNING = "running"  #: the task has reported
    UNREACHABLE = "unreachable"  #: was running; its machine does not answer now
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def ended(self) -> bool:
        return self in {self.COMPLETED, self.FAILED, self.CANCELLED, self.TIMED_OUT}


class EndReason(StrEnum):
    """Why a job ended: the fact from which status, text and retry follow."""

    DONE = "done"
    REFUSED = "refused"  #: the machine looked and said no; see the problem
    CRASHED = "crashed"
    OUT_OF_MEMORY = "out_of_memory"
    INTERRUPTED = "interrupted"  #: the machine restarted under the job
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    REVOKED = "revoked"  #: its machine was revoked, or the last one of its pool, where the server ran it


class MachineState(StrEnum):
    """What a person is told of a machine."""

    CONNECTED = "connected"
    UNREACHABLE = "unreachable"  #: joined, does not answer now
    NEVER = "never"  #: redeemed its join token, never connected yet
    REVOKED = "revoked"


class JoinState(StrEnum):
    """How far a printed join command has come."""

    WAITING = "waiting"
    INSTALLING = "installing"  #: token redeemed
    CONNECTING = "connecting"  #: tunnel opened, node not yet in the pool
    JOINED = "joined"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class JoinOffer:
    """One printed command; its message is followed by `join_state(offer_id)`."""

    offer_id: str
    command: str  #: for a Linux shell; at most 256 characters
    expires: datetime


@dataclass(frozen=True, kw_only=True)
class MachineView:
    id: str
    name: str
    state: MachineState
    since: datetime
    last_seen: datetime | None
    address: str  #: its loopback address in the pool
    sealed: bool | None
    cores: int | None
    memory: int | None  #: bytes
    platform: str
    version: str
    running_jobs: int
    allowed: tuple[str, ...]  #: folders, as the owner knows them
    paused: str = ""  #: why no job begins there now, in its owner's words; "" where jobs may begin
    rest: Rest = Rest.NONE
    outdated: bool = False  #: its node agent is too old: `hayride-node upgrade` there
    load: float | None = None  #: of the last minute
    memory_free: int | None = None  #: bytes
    disk_free: int | None = None  #: bytes
    gpus: int = 0
    code: str = ""  #: by which another machine lets it in: `hayride-node admit CODE`; "" where it is in


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When a job came to stand where it stood then."""

    at: datetime
    status: JobStatus


@dataclass(frozen=True, kw_only=True)
class JobView:
    id: str
    person_id: str
    spec: Spec
    place: str  #: a machine's id, or HEAD
    place_name: str  #: the machine's name, or "head"
    status: JobStatus
    cancelling: bool  #: a cancel was asked for and is on its way to the machine
    end_reason: EndReason | None
    problem: Problem | None
    result: Result | None
    progress: Progress | None  #: the newest
    comparing_on: tuple[str, ...] = ()  #: names of the machines that share in comparing, before its own begins
    node_ip: str | None
    sealed: bool | None
    created: datetime
    started: datetime | None
    ended: datetime | None
    revision: int  #: grows with every change
    then: str = ""  #: a path to predict with the model that this job trains
    next_id: str = ""  #: the job of that prediction, once the training is done
    rest: Rest = Rest.NONE  #: of its machine, which holds it back while it is queued
    history: tuple[Moment, ...] = ()  #: from its queueing on; of one that flaps the newest changes


@dataclass(frozen=True, kw_only=True)
class ModelView:
    id: str
    data: str  #: the path or name of the table that it learned from; "" where that is not known any more
    name: str
    version: int  #: with the name unique among the person's models
    place: str
    place_name: str
    created: datetime
    result: TrainResult


@dataclass(frozen=True, kw_only=True)
class UploadView:
    id: str
    name: str
    size: int
    place: str
    created: datetime


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A form that is being filled in: a row, so it survives a restart. `fields` is the screen's own JSON object."""

    id: str
    chat_id: str
    kind: str  #: "train", "predict"
    fields: dict[str, object]
    asking: str  #: the field whose answer the next free text is; "" for none
    revision: int
    paused: bool


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something of a person's changed; the chat redraws what it shows of it."""

    person_id: str
    job_id: str = ""
    machine_id: str = ""
    offer_id: str = ""
