"""The types that everything here is made of: bounded, immutable, unknown keys refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

#: Ids are made by us, never by a box; this pattern keeps them out of every path and query trick.
ID_PATTERN = r"^[a-z0-9]{4,32}$"

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Name = Annotated[str, Field(max_length=256)]
Text = Annotated[str, Field(max_length=2000)]
PathText = Annotated[str, Field(min_length=1, max_length=4096)]
Task = Literal["classification", "regression"]
Whole = Annotated[int, Field(ge=0, lt=2**63)]
Seconds = Annotated[float, Field(ge=0)]


def most(count: int) -> Any:
    """At most so many entries. The first wrong one is enough: hostile lists must not be gone through to the end."""
    return Field(max_length=count, fail_fast=True)


Metrics = Annotated[dict[Name, float], Field(max_length=50)]

#: Bytes of one event as JSON. What is larger is refused, so an agent shortens what it tells (ray_jobs.shortening).
EVENT_LIMIT = 256 * 1024


class Frozen(BaseModel):
    """Base of everything that crosses a socket: immutable, unknown keys refused, NaN and infinity refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
