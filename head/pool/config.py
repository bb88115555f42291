"""What the box is told by the keeper, and where it keeps its things."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ray_jobs.place import Place
from ray_jobs.ports import HEAD_ADDRESS
from ray_jobs.spec import Id

#: The environment variable that holds the config file's path.
VARIABLE = "HAYRIDE_CONFIG"
#: Where a sealed box finds it.
PATH_INSIDE = "/run/hayride.json"
#: Of a person's machines; it reveals nothing of the user token.
Tag = Annotated[str, Field(pattern=r"^u_[a-z2-7]{16}$")]


class PoolConfig(BaseModel):
    """The keeper writes it, `python -m head.pool` reads it. It holds Ray's token, so it is never an argument."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool_id: Id
    tag: Tag
    ray_token: SecretStr
    folder: Path  #: the only one that the box can write: /pool, or a real path where unsealed
    address: str = HEAD_ADDRESS
    sealed: bool
    cpus: int = Field(ge=1)  #: for work on the head node
    memory: int = Field(ge=1)  #: bytes that Ray hands out to work on the head node
    object_store: int = Field(ge=80 * 1024 * 1024)  #: bytes; Ray refuses less than 75 MiB
    place: Place  #: of the head node

    def to_bytes(self) -> bytes:
        """JSON with the token in clear."""
        data = self.model_dump(mode="json") | {"ray_token": self.ray_token.get_secret_value()}
        return json.dumps(data).encode()


def load_config() -> PoolConfig:
    """Raises KeyError, OSError or pydantic's ValidationError: a fault of the keeper."""
    return PoolConfig.model_validate_json(Path(os.environ[VARIABLE]).read_bytes())


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The folders of a pool."""

    logs: Path
    gcs: Path  #: RocksDB: what the Ray head remembers over a restart
    ray: Path  #: Ray's sockets and logs
    place_file: Path

    @classmethod
    def of(cls, config: PoolConfig) -> Layout:
        folder = config.folder
        return cls(
            logs=folder / "logs",
            gcs=folder / "gcs",
            ray=folder / "ray" if config.sealed else _short_folder(config.pool_id),
            place_file=folder / "place.json",
        )

    def make(self, config: PoolConfig) -> None:
        """Creates the folders and writes the head node's place. Raises OSError."""
        for folder in (self.logs, self.gcs, self.ray):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        config.place.make_folders()
        aside = self.place_file.with_suffix(".new")
        aside.write_text(config.place.model_dump_json())
        aside.replace(self.place_file)


def _short_folder(pool_id: str) -> Path:
    """Unsealed, a data folder's real path is too long for Ray's sockets (107 bytes), and TMPDIR may be.

    Raises PermissionError where somebody else was there first.
    """
    folder = Path("/tmp") / f"hayride-{os.geteuid()}-{pool_id}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise PermissionError(f"{folder} is not ours alone")
    return folder / "ray"  # Ray opens its own to everybody
