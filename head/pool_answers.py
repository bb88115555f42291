"""What may come out of a pool's box: hostile until it is bounded, free of control characters, of the right shape."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from head.errors import PoolUnavailable
from ray_jobs.spec import (
    DataFacts,
    Event,
    Folder,
    Frozen,
    Id,
    Metrics,
    Name,
    Problem,
    Task,
    Whole,
    without_controls,
)

T = TypeVar("T")

#: Bytes of an answer that are checked on the event loop; more are in a thread.
AT_ONCE = 64 * 1024

_NUMBER = Annotated[float, Field(ge=0)]
Version = Annotated[int, Field(ge=1, lt=2**31)]


class PoolHealth(Frozen):
    """How the box is."""

    state: Annotated[str, Field(pattern=r"^(starting|ready)$")]
    ray: Annotated[str, Field(max_length=32)]
    sealed: bool
    uptime: _NUMBER  #: seconds
    disk: Whole  #: bytes used


class PoolMachine(Frozen):
    """A machine as its pool knows it."""

    machine_id: Id
    node_ip: Annotated[str, Field(max_length=64)]
    alive: bool  #: Ray's node state; a silent machine stays alive
    tunnel: bool  #: its SSH connection is up
    cpus: _NUMBER
    memory: Whole


class PoolModel(BaseModel):
    """A model's manifest, as far as the control plane has a use for it."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    model_id: Id
    job_id: Id
    model: Name
    name: Name = ""
    version: Version = 1
    task: Task
    target: Name
    rows_train: Whole
    metrics: Metrics = Field(default_factory=dict)
    created: _NUMBER  #: seconds since the epoch, by the machine's clock


class DoorKey(Frozen):
    door_key: Annotated[str, Field(pattern=r"^ssh-ed25519 [A-Za-z0-9+/=]{1,200}$")]
    ports: dict[Name, Annotated[int, Field(ge=0, lt=2**16)]] = Field(max_length=20)


class Flag(BaseModel):
    """An answer of which only that it came matters, or one truth value."""

    cancelled: bool = False
    dropped: bool = False
    known: bool = False
    warm: bool = False


class Renamed(Frozen):
    version: Version  #: of its new name


class FactsOrProblem(Frozen):
    facts: DataFacts | None = None
    problem: Problem | None = None


class FolderOrProblem(Frozen):
    folder: Folder | None = None
    problem: Problem | None = None


class SizeOrProblem(Frozen):
    size: Whole | None = None
    problem: Problem | None = None


class ErrorBody(Frozen):
    code: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    message: Annotated[str, Field(max_length=2000)]


class ErrorAnswer(Frozen):
    error: ErrorBody


HEALTH = TypeAdapter(PoolHealth)
MACHINES = TypeAdapter(Annotated[tuple[PoolMachine, ...], Field(max_length=1000, fail_fast=True)])
MODELS = TypeAdapter(Annotated[tuple[PoolModel, ...], Field(max_length=10_000, fail_fast=True)])
EVENTS: TypeAdapter[Event] = TypeAdapter(Event)


async def checked(body: bytes, shape: type[T] | TypeAdapter[T]) -> T:
    """As `parsed`, without holding up everybody else."""
    return parsed(body, shape) if len(body) <= AT_ONCE else await asyncio.to_thread(parsed, body, shape)


def parsed(body: bytes, shape: type[T] | TypeAdapter[T]) -> T:
    """The JSON in `body`, cleaned, as `shape`. Raises PoolUnavailable for anything else.

    Python goes over the content only after pydantic's Rust has found it within its bounds.
    """
    adapter: TypeAdapter[T] = shape if isinstance(shape, TypeAdapter) else TypeAdapter(shape)
    try:
        found = adapter.validate_json(body)
        return adapter.validate_python(_cleaned(adapter.dump_python(found, mode="json")))
    except (ValidationError, ValueError, RecursionError) as error:
        raise PoolUnavailable(
            "Your pool gave an answer that makes no sense.",
            remedy="Try again; if it stays so, tell the server's owner.",
        ) from error


def _cleaned(data: Any) -> JsonValue:
    if isinstance(data, str):
        return without_controls(data)
    if isinstance(data, list):
        return [_cleaned(each) for each in data]
    if isinstance(data, dict):
        return {without_controls(key): _cleaned(value) for key, value in data.items()}
    clean: JsonValue = data
    return clean
