"""What a box is to hold: said by the caller, made by `sealing.box`."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sealing.errors import SealError

#: A box's name goes into a cgroup's name and becomes the box's hostname.
NAME_PATTERN = re.compile(r"[a-z0-9-]{1,48}")

GIB = 1024**3

#: Inside, the numbers of the inherited listening sockets: "http=5,door=6".
SOCKETS_VARIABLE = "HAYRIDE_SOCKETS"


@dataclass(frozen=True, kw_only=True)
class Bind:
    """A host file or folder that the box sees read-only: `source` resolved by the caller, `target` absolute inside."""

    source: Path
    target: str


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one box; None leaves one to the host. `SealStatus.limits` says how each is held on this host."""

    #: Bytes of the whole box where a cgroup holds it, else of each process.
    memory: int | None = None
    #: Processes and threads, both count.
    processes: int | None = None
    #: Cores, 1.5 is one and a half.
    cpus: float | None = None
    #: Bytes of /tmp.
    tmpfs: int = GIB
    #: Bytes of /dev/shm, where Ray keeps its objects.
    shm: int = GIB
    #: Descriptors of each process.
    open_files: int = 8192


@dataclass(frozen=True, kw_only=True)
class BoxPlan:
    """Everything that a box holds; what is not named here is not in it, but for /usr's programs and libraries."""

    #: For logs, the cgroup and the hostname inside: [a-z0-9-].
    name: str
    #: Host folder, the only one the box can write to.
    folder: Path
    #: Where the box sees it: "/pool", "/node".
    folder_inside: str
    #: argv inside; the first is an absolute path or found in the environment's PATH.
    command: tuple[str, ...]
    #: The complete environment inside. No secrets: use `files`.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Our packages at /app, the allowed folders at their own path with their masks.
    read_only: tuple[Bind, ...] = ()
    #: Interpreter of the environment to run in: its own and its base's prefix are shown read-only. None: no Python.
    python: Path | None
    #: Path inside -> content. Never in an argument or an environment, readable by the box alone.
    files: Mapping[str, bytes] = field(default_factory=dict)
    #: Listening sockets, bound outside. Inside they are in HAYRIDE_SOCKETS, see `sealing.inherited`.
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    #: Device files (GPUs) that the box may use.
    devices: tuple[Path, ...] = ()
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        """Refuses a plan that could not be what its caller meant. Raises SealError."""
        if not NAME_PATTERN.fullmatch(self.name):
            raise SealError(f"A box's name has only a-z, 0-9 and -, at most 48 of them: {self.name!r} does not fit.")
        if not self.command:
            raise SealError(f"Box {self.name} has no command to run.")
        if not self.folder.is_absolute():
            raise SealError(f"Box {self.name} needs the absolute path of its folder.")
        for inside in (self.folder_inside, *self.files, *(bind.target for bind in self.read_only)):
            path = PurePosixPath(inside)
            if not path.is_absolute() or ".." in path.parts or path == PurePosixPath("/") or "\0" in inside:
                raise SealError(f"Box {self.name} cannot show anything at {inside!r}.")
        for text in (*self.command, *self.environment, *self.environment.values()):
            if "\0" in text:
                raise SealError(f"Box {self.name}: a command or its environment cannot hold a zero byte.")
