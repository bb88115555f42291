"""What machines say to the gateway. All of it is hostile until it passed here: bounded, typed.

Unknown keys are ignored, so that a newer node agent can talk to an older server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field, TypeAdapter


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not allowed")
    return text.strip()


def _exactly(length: int) -> Callable[[bytes], bytes]:
    def check(data: bytes) -> bytes:
        if len(data) != length:
            raise ValueError(f"must be {length} bytes")
        return data

    return check


Short = Annotated[str, Field(max_length=128), AfterValidator(_printable)]
Sentence = Annotated[str, Field(max_length=300), AfterValidator(_printable)]
PublicKey = Annotated[Base64Bytes, AfterValidator(_exactly(32))]
Signature = Annotated[Base64Bytes, AfterValidator(_exactly(64))]


class Message(BaseModel):
    """Base of what a machine sends."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Facts(Message):
    """A machine, in its own words."""

    cores: int = Field(ge=1, le=65536)
    memory: int = Field(ge=0, le=1 << 50)  #: bytes
    platform: Short = ""
    python: Short = ""
    version: Short = ""  #: of the node agent
    host: Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")] = ""  #: which kernel and network namespace, hashed
    protocol: int = Field(0, ge=0, le=1 << 16)  #: of the tunnel's messages; 0: from before they were numbered
    paused: Sentence = ""  #: why no job begins there now; "" where jobs may begin
    load: float = Field(0.0, ge=0, le=1 << 20)  #: of the last minute
    memory_free: int | None = Field(None, ge=0, le=1 << 50)  #: bytes
    disk_free: int | None = Field(None, ge=0, le=1 << 60)  #: bytes
    gpus: int = Field(0, ge=0, le=1024)
    sealed: bool = False
    folder: Annotated[str, Field(max_length=4096), AfterValidator(_printable)] = ""  #: the machine's own folder
    allowed: tuple[Annotated[str, Field(max_length=4096), AfterValidator(_printable)], ...] = Field((), max_length=64)


def _a_name(text: str) -> str:
    name = _printable(text)
    if not name or name.casefold() == "head":  # the server itself, in the chat
        raise ValueError("a machine needs a name, other than head; add --name=NAME to the command")
    return name


MachineName = Annotated[str, Field(max_length=40), AfterValidator(_a_name)]


class JoinRequest(Message):
    """The body of POST /join."""

    token: Annotated[str, Field(min_length=1, max_length=128)]
    public_key: PublicKey
    name: MachineName
    facts: Facts


class WishRequest(Message):
    """The body of POST /machine/ID."""

    wish: Annotated[str, Field(pattern=r"^[a-z-]{1,20}( [A-Za-z0-9-]{1,32})?$")]
    time: int = Field(ge=0, lt=1 << 40)  #: seconds since the epoch, by the machine's clock
    signature: Signature


class Answer(Message):
    """A machine's answer to the tunnel's challenge."""

    type: Literal["answer"]
    signature: Signature
    ssh_public_key: Annotated[str, Field(pattern=r"^ssh-ed25519 [A-Za-z0-9+/]{60,100}={0,2}$")]
    facts: Facts


class Heartbeat(Message):
    """A machine is alive."""

    type: Literal["heartbeat"]
    facts: Facts


#: Of the messages on a tunnel: a node agent that speaks an older one has to be upgraded by its owner first.
PROTOCOL = 1
ANSWER = TypeAdapter(Answer)
HEARTBEAT = TypeAdapter(Heartbeat)
