"""What the gateway says over the tunnel, checked, and what the node agent signs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, TypeAdapter

#: Bytes in one frame of the WebSocket.
FRAME = 64 * 1024


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Challenge(_Message):
    type: Literal["challenge"]
    nonce: Base64Bytes = Field(max_length=128)
    server_signature: Base64Bytes = Field(max_length=128)


class Wait(_Message):
    type: Literal["wait"]
    message: str = Field("", max_length=500)


class Grant(_Message):
    """Passed on into the box as it came; the box checks it for itself."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: Literal["grant"]
    direct: bool
    ray_version: str = Field("", max_length=32)
    environment: str = Field("", max_length=64)  #: name of the node's environment that the server wants
    neural: str = Field("", max_length=64)  #: the same where it has TensorFlow

    def wanted(self, *, neural: bool) -> str:
        return self.neural if neural else self.environment


class Refused(_Message):
    """For good."""

    type: Literal["refused"]
    code: str = Field("", max_length=64)
    message: str = Field("", max_length=2000)


class Replaced(_Message):
    type: Literal["replaced"]
    message: str = Field("", max_length=2000)


class Retry(_Message):
    """Not now."""

    type: Literal["retry"]
    code: str = Field("", max_length=64)
    message: str = Field("", max_length=2000)


class HeartbeatAnswer(_Message):
    type: Literal["heartbeat"]
    joined: bool = False
    jobs: int | None = Field(None, ge=0)  #: that run here; None: an older server does not say
    paused: bool = False  #: the server knows that no job may begin here, so `jobs` does not grow


Said = Challenge | Wait | Grant | Refused | Replaced | Retry | HeartbeatAnswer
SAID: TypeAdapter[Said] = TypeAdapter(Annotated[Said, Field(discriminator="type")])


def signed_by_machine(machine_id: str, nonce: bytes) -> bytes:
    """What this machine signs to prove its key."""
    return b"hayride tunnel v1\0" + machine_id.encode() + b"\0" + nonce


def signed_by_server(machine_id: str, machine_nonce: bytes, nonce: bytes) -> bytes:
    """What the server signs to prove its own; our nonce in it makes it fresh."""
    return b"hayride server v1\0" + machine_id.encode() + b"\0" + machine_nonce + b"\0" + nonce


def plain(text: str) -> str:
    """What a server said, fit for a terminal."""
    return "".join(c for c in text if c.isprintable())
