"""What a pool's box is to hold."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

import head
from head.pool.config import PATH_INSIDE, VARIABLE, PoolConfig
from ray_jobs.place import Place
from sealing import BoxPlan, Limits, app_binds

_FOLDER = "/pool"
_PACKAGES = ("head.pool", "ray_jobs", "sealing")
_MIB = 1024**2
#: Bytes of the box's memory that Ray's own processes and ours take.
_OVERHEAD = 800 * _MIB
#: Of the box's memory at least this much is left for jobs, however little was given.
_LEAST_FOR_JOBS = 256 * _MIB
#: Threads count too, and Ray starts hundreds.
_PROCESSES = 4096


@dataclass(frozen=True, kw_only=True)
class PoolIdentity:
    """Whose box it is to be."""

    pool_id: str
    tag: str  #: "u_..."
    ray_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class KeeperSettings:
    """Where the pools' things lie, and what one pool may use of the server. Sizes in bytes."""

    data_dir: Path
    sealed: bool
    cpus: int
    memory: int  #: of the whole box
    object_store: int  #: part of the memory
    quota: int  #: of the pool's folder
    idle_seconds: float

    def pool_folder(self, pool_id: str) -> Path:
        """The folder that the pool's box may write."""
        return self.data_dir.absolute() / "pools" / pool_id


def pool_plan(settings: KeeperSettings, pool: PoolIdentity, sockets: Mapping[str, socket.socket]) -> BoxPlan:
    """The plan of a box, sealed or with real paths as the settings say. Raises SealError."""
    folder = settings.pool_folder(pool.pool_id)
    inside = _FOLDER if settings.sealed else str(folder)
    config = PoolConfig(
        pool_id=pool.pool_id,
        tag=pool.tag,
        ray_token=SecretStr(pool.ray_token),
        folder=Path(inside),
        sealed=settings.sealed,
        cpus=settings.cpus,
        memory=max(settings.memory - settings.object_store - _OVERHEAD, _LEAST_FOR_JOBS),
        object_store=settings.object_store,
        place=Place(
            folder=Path(inside),
            # A person knows no folder of the server.
            folder_as_owner_knows="pool",
            home=inside,
            quota=settings.quota,
        ),
    )
    return BoxPlan(
        name=f"pool-{pool.pool_id}",
        folder=folder,
        folder_inside=inside,
        command=(sys.executable, "-m", "head.pool"),
        environment=_environment(inside, sealed=settings.sealed),
        read_only=app_binds(_PACKAGES) if settings.sealed else (),
        python=Path(sys.executable),
        files={PATH_INSIDE: config.to_bytes()},
        sockets=sockets,
        limits=Limits(
            memory=settings.memory,
            cpus=float(settings.cpus),
            processes=_PROCESSES,
            # Ray keeps a little beside the objects there.
            shm=settings.object_store + 64 * _MIB,
        ),
    )


def _environment(home: str, *, sealed: bool) -> dict[str, str]:
    """All that the box's program sees of an environment."""
    search = (os.path.dirname(sys.executable), "/usr/local/bin", "/usr/bin", "/bin")
    return {
        "PATH": os.pathsep.join(search),
        "HOME": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": "/app" if sealed else str(Path(head.__path__[0]).parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        VARIABLE: PATH_INSIDE,
    }
