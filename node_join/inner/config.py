"""What the node agent tells the box: once at its start by a file, and with each tunnel by a line on its socket."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ray_jobs.ports import machine_address

VARIABLE = "HAYRIDE_CONFIG"
#: Bytes of the one line that each side says before SSH begins.
LINE_LIMIT = 16 * 1024


class InnerConfig(BaseModel):
    """Fixed while the box runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path  #: the box's own, as it is called inside
    temp: Path  #: Ray's; short, since a socket's path ends at 107 bytes
    cores: int = Field(ge=1)
    gpus: int = Field(0, ge=0)
    niceness: int = Field(15, ge=0, le=19)  #: of Ray's workers
    memory: int = Field(gt=0)  #: bytes that tasks may ask for
    object_store: int = Field(gt=0)  #: bytes


class Grant(BaseModel):
    """What one tunnel is good for. The door's key is "" when the head is reached directly."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    door_key: str = Field(max_length=200)
    ray_token: str = Field(max_length=200)
    tag: str = Field(max_length=64)
    machine_tag: str = Field(max_length=64)
    address: Annotated[str, AfterValidator(machine_address)]
    ray_version: str = Field(max_length=32)
    direct: bool


def load_config() -> InnerConfig:
    return InnerConfig.model_validate_json(Path(os.environ[VARIABLE]).read_bytes())
