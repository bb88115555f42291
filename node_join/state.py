"""The state folder of a machine: its key, what it joined, and the folder that its box may write.

key          the machine's ed25519 key, 0600; never leaves this file
machine.json what the join gave
run/         sockets, the box's record, the agent's status; outside the box
agent.log    what the node agent said
node/        the box's own folder; nothing outside the box opens a path in it
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from node_join.errors import AlreadyRunning, NodeError
from ray_jobs.ports import machine_address

Sealing = Literal["auto", "on", "off"]


def _key_length(key: bytes) -> bytes:
    if len(key) != 32:
        raise ValueError("an ed25519 key has 32 bytes")
    return key


class Limits(BaseModel):
    """What of this machine the owner gives, and when (`hayride-node limit`). None: all that there is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cores: int | None = Field(None, ge=1)
    memory: int | None = Field(None, gt=0)  #: bytes
    gpu: bool = True
    hours: tuple[int, int] | None = None  #: from and to, full hours of the local day; (22, 7) goes over midnight
    battery: bool = True  #: whether jobs begin while the machine runs on its battery
    priority: Literal["low", "normal"] = "low"


class Machine(BaseModel):
    """What this machine joined, and what its owner chose."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    machine_id: str = Field(pattern=r"^[a-z0-9]{4,32}$")
    name: str = Field(max_length=128)
    url: str = Field(max_length=2048)
    server_key: Annotated[Base64Bytes, AfterValidator(_key_length)]  #: raw ed25519
    address: Annotated[str, AfterValidator(machine_address)]  #: on a Mac it goes into what root runs
    pool_tag: str = Field(max_length=64)
    machine_tag: str = Field(max_length=64)
    allowed: tuple[str, ...] = ()
    max_sizes: dict[str, int] = Field(default_factory=dict)  #: bytes of the largest file to read, by allowed folder
    sealing: Sealing = "auto"
    node_python: str = ""  #: interpreter of the node's environment
    neural: bool = False  #: whether the node's environment has TensorFlow
    share_rows: bool = True  #: whether rows and values of tables may leave the machine in previews and profiles
    limits: Limits = Limits()

    def chosen(self) -> dict[str, Any]:
        """What its owner chose here, which no join changes."""
        return {name: getattr(self, name) for name in _CHOSEN}


_CHOSEN = ("allowed", "max_sizes", "sealing", "node_python", "neural", "share_rows", "limits")


class Status(BaseModel):
    """How the node agent gets on, as it last wrote it down for `hayride-node status`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int
    state: Literal["connecting", "waiting", "connected", "joined", "stopped"]
    since: float  #: seconds since the epoch; of the state
    heard: float = 0.0  #: when the server last answered
    told: str = ""  #: the last thing that was said of it
    sealed: bool = False
    jobs: int | None = None  #: that run here, as the server says; None: not known
    paused: str = ""  #: why no job begins here now


class StateFolder:
    """The folder, 0700. One node agent at a time works in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path / "run"
        self.node = path / "node"

    def make(self) -> None:
        for folder in (self.path, self.run, self.node):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def key(self) -> Ed25519PrivateKey:
        """The machine's key, made at the first call."""
        path = self.path / "key"
        if not path.exists():
            self._write("key", Ed25519PrivateKey.generate().private_bytes_raw())
        try:
            return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
        except ValueError as error:
            raise NodeError(f"{path} is damaged. Remove it and join again.") from error

    def public_key(self) -> bytes:
        return self.key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def machine(self) -> Machine | None:
        """What was joined; None before the first join."""
        try:
            return Machine.model_validate_json((self.path / "machine.json").read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise NodeError(f"{self.path / 'machine.json'} is damaged. Remove it and join again.") from error

    def save(self, machine: Machine) -> None:
        self._write("machine.json", json.dumps(machine.model_dump(mode="json"), indent=1).encode())

    def status(self) -> Status | None:
        """What the node agent wrote last; None where it never ran. It may have been killed since: see `running`."""
        try:
            return Status.model_validate_json((self.run / "status.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def note(self, status: Status) -> None:
        """Every few seconds: it need not outlive the machine's power."""
        self._write("run/status.json", status.model_dump_json().encode(), lasting=False)

    def outdated(self, machine: Machine, environment: str) -> bool:
        """Whether the node runs in an environment that a join made, but in another than that. One that its owner
        brought (--node-python) is the owner's business.
        """
        return self.made(machine) and _environment(machine).name != environment

    def made(self, machine: Machine) -> bool:
        """Whether a join made the environment that the node runs in."""
        return (_environment(machine) / "complete").exists()

    def running(self) -> bool:
        """Whether a node agent works in this folder now."""
        try:
            with self.only_one():
                return False
        except AlreadyRunning:
            return True

    @contextmanager
    def only_one(self, *, patience: float = 0.0) -> Iterator[None]:
        """Raises AlreadyRunning while another node agent works in this folder. `patience`: seconds, for one that was
        only asked after (`running`).
        """
        deadline = time.monotonic() + patience
        with (self.path / "lock").open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise AlreadyRunning("The node agent of this machine is running already.") from None
                    time.sleep(0.02)
            yield

    def _write(self, name: str, content: bytes, *, lasting: bool = True) -> None:
        """Whole or not at all, 0600."""
        descriptor, temporary = tempfile.mkstemp(dir=self.path, prefix=f".{Path(name).name}-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).replace(self.path / name)


def _environment(machine: Machine) -> Path:
    return Path(machine.node_python).parent.parent
