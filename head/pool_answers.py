"""What may come out of a pool's box: hostile until it is bounded, free of control characters, of the right shape."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from pydantic_core import from_json

from head.errors import PoolUnavailable
from ray_jobs.spec import DataFacts, Event, Frozen, Id, Metrics, Name, Problem, Task

T = TypeVar("T")

_SIZE = Annotated[int, Field(ge=0, lt=2**63)]
_NUMBER = Annotated[float, Field(ge=0)]


class PoolHealth(Frozen):
    """How the box is."""

    state: Annotated[str, Field(pattern=r"^(starting|ready)$")]
    ray: Annotated[str, Field(max_length=32)]
    sealed: bool
    uptime: _NUMBER  #: seconds
    disk: _SIZE  #: bytes used


class PoolMachine(Frozen):
    """A machine as its pool knows it."""

    machine_id: Id
    node_ip: Annotated[str, Field(max_length=64)]
    alive: bool  #: Ray's node state; a silent machine stays alive
    tunnel: bool  #: its SSH connection is up
    cpus: _NUMBER
    memory: _SIZE
    resources: dict[Name, float] = Field(max_length=200)


class PoolModel(BaseModel):
    """A model's manifest, as far as the control plane has a use for it."""

    model_config = ConfigDict(frozen=True)

    model_id: Id
    job_id: Id
    model: Name
    task: Task
    target: Name
    rows_train: _SIZE
    metrics: Metrics = Field(default_factory=dict, max_length=50)
    created: _NUMBER  #: seconds since the epoch, by the machine's clock


class DoorKey(Frozen):
    door_key: Annotated[str, Field(pattern=r"^ssh-ed25519 [A-Za-z0-9+/=]{1,200}$")]
    ports: dict[Name, int] = Field(max_length=20)


class Flag(BaseModel):
    """An answer of which only that it came matters, or one truth value."""

    cancelled: bool = False
    dropped: bool = False
    known: bool = False
    warm: bool = False


class FactsOrProblem(Frozen):
    facts: DataFacts | None = None
    problem: Problem | None = None


class SizeOrProblem(Frozen):
    size: _SIZE | None = None
    problem: Problem | None = None


class ErrorBody(Frozen):
    code: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    message: Annotated[str, Field(max_length=2000)]


class ErrorAnswer(Frozen):
    error: ErrorBody


HEALTH = TypeAdapter(PoolHealth)
MACHINES = TypeAdapter(Annotated[tuple[PoolMachine, ...], Field(max_length=1000)])
MODELS = TypeAdapter(Annotated[tuple[PoolModel, ...], Field(max_length=10_000)])
EVENTS: TypeAdapter[Event] = TypeAdapter(Event)

#: Written right to left, or isolated: they make a text look like another one.
_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}


def without_controls(text: str) -> str:
    """The text without control characters, but for line feeds and tabs, and without those that turn its direction."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter
        for letter in text
        if letter in "\n\t" or (unicodedata.category(letter) not in {"Cc", "Cs"} and ord(letter) not in _BIDI)
    )


def parsed(body: bytes, shape: type[T] | TypeAdapter[T]) -> T:
    """The JSON in `body`, cleaned, as `shape`. Raises PoolUnavailable for anything else."""
    adapter: TypeAdapter[T] = shape if isinstance(shape, TypeAdapter) else TypeAdapter(shape)
    try:
        data = from_json(body, allow_inf_nan=False)
        return adapter.validate_python(_cleaned(data))
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
