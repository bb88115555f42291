"""What the gateway needs of the control plane. `head` wires it in; the tests bring a small one of their own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from head.gateway.messages import Facts

_PLAIN_PATH = re.compile(r"[A-Za-z0-9_.,:=@+~ /-]{0,1000}", re.ASCII)


def is_plain_path(path: str) -> bool:
    """Whether a dashboard's path, decoded, leads to no other place: nothing that is decoded or resolved once more."""
    return _PLAIN_PATH.fullmatch(path) is not None and not {".", ".."} & set(path.split("/"))


@dataclass(frozen=True, kw_only=True)
class Redeemed:
    """What a join token was exchanged for."""

    machine_id: str
    name: str  #: as the pool knows the machine; may differ from the one asked for
    pool_tag: str  #: "u_..."
    machine_tag: str  #: "m_<machine id>"
    address: str  #: its loopback address in the pool, 127.77.x.y
    already: bool  #: this key was in this pool before: repaired, no twin


@dataclass(frozen=True, kw_only=True)
class MachineIdentity:
    """A machine that joined, as the tunnel must know it before anything else happens."""

    machine_id: str
    pool_id: str
    public_key: bytes  #: raw ed25519, 32 bytes
    revoked: bool
    admitted: bool = True  #: False: another machine of the pool has to let it in
    code: str = ""  #: by which another machine admits it


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A door that is open for one machine, and what the machine needs to go through."""

    door: (
        str | None
    )  #: AF_UNIX address of the pool's SSH door; None where the machine's raylet reaches the head directly
    door_key: str  #: the door's public key, "ssh-ed25519 AAAA..."; "" when direct
    ray_token: str
    tag: str
    machine_tag: str
    address: str
    ray_version: str


@dataclass(frozen=True, kw_only=True)
class HeartbeatAnswer:
    """What a machine hears of itself."""

    joined: bool  #: its Ray node is in the pool
    jobs: int  #: that run there, or that it was told of
    paused: bool  #: we know that no job may begin there, so `jobs` does not grow


@dataclass(frozen=True, kw_only=True)
class BoxAnswer:
    """An HTTP answer of a pool's dashboard: hostile, unbounded until the gateway bounds it."""

    status: int
    content_type: str
    body: AsyncIterator[bytes]


class PoolDashboard(Protocol):
    """Asks a pool's Ray dashboard. Raises PoolUnavailable."""

    def request(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> AbstractAsyncContextManager[BoxAnswer]:
        """`path` has no leading slash; `query` is the raw query string; `headers` are the few that may pass."""


class GatewayServices(Protocol):
    """The control plane, as the gateway sees it. Refusals are `HayrideError`s."""

    @property
    def joining_enabled(self) -> bool: ...

    @property
    def public_url(self) -> str:
        """Where people and machines reach the gateway, without a trailing slash."""

    @property
    def dashboard_writes(self) -> bool:
        """Whether a dashboard may change things in its pool. It can start programs there, so not in an unsealed one."""

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        """The server's own key, which machines pin at the join."""

    async def redeem(self, token: str, public_key: bytes, name: str, facts: Facts) -> Redeemed:
        """Raises JoinRefused for a used, expired or invented token."""

    async def machine_key(self, machine_id: str) -> MachineIdentity | None: ...

    async def open_door(self, machine_id: str, ssh_public_key: str, facts: Facts) -> Opened:
        """Ensures the pool's box is up and announces the machine's SSH key to it; may take 15 s.

        Direct (`door=None`) only if the pool is unsealed, `facts.host` is this host's and `facts.sealed` is false.
        Raises PoolUnavailable (the machine tries again) or TunnelRefused (it does not).
        """

    async def heartbeat(self, machine_id: str, facts: Facts) -> HeartbeatAnswer:
        """Notes that the machine is alive. Raises TunnelRefused."""

    async def wish(self, machine_id: str, wish: str) -> str:
        """Does what the owner of a machine typed there; a sentence for the prompt. Raises RefusedError."""

    async def outdated(self, machine_id: str, facts: Facts) -> None:
        """Notes that a machine's node agent is too old, so that the chat can say so."""

    async def tunnel_opened(self, machine_id: str) -> None: ...

    async def tunnel_closed(self, machine_id: str) -> None:
        """The machine's last tunnel has ended; a replaced one does not count."""

    async def open_dashboard_link(self, secret: str) -> str | None:
        """Uses up a single-use dashboard link; the pool's id, or None for one that is used, expired or invented."""

    async def pool_dashboard(self, pool_id: str) -> PoolDashboard | None:
        """None while the pool sleeps."""
