"""A control plane in memory, as small as the gateway allows. Real keys, real sockets; no store, no pool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from head.errors import JoinRefused, PoolUnavailable, TunnelRefused
from head.gateway.messages import Facts
from head.gateway.services import BoxAnswer, HeartbeatAnswer, MachineIdentity, Opened, Redeemed


@dataclass
class MemoryDashboard:
    """Answers every path with what the test put there."""

    answer: BoxAnswer
    asked: list[tuple[str, str, str, dict[str, str], bytes]] = field(default_factory=list)

    @asynccontextmanager
    async def request(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[BoxAnswer]:
        self.asked.append((method, path, query, dict(headers), body))
        yield self.answer


async def parts(*content: bytes) -> AsyncIterator[bytes]:
    for part in content:
        yield part


@dataclass
class MemoryServices:
    """One pool, "p0001". `tokens` says what each join token is good for: "good", or the reason why it is not."""

    public_url: str = "http://127.0.0.1:1"
    joining_enabled: bool = True
    dashboard_writes: bool = True
    tokens: dict[str, str] = field(default_factory=dict)
    door: str | None = None  #: AF_UNIX address; None with `direct` off means that the pool is not there
    direct: bool = False
    door_key: str = "ssh-ed25519 AAAA"
    opening: asyncio.Event | None = None  #: where set, a door opens no sooner
    in_pool: bool = True  #: what heartbeats are answered
    jobs: int = 0  #: and how many run on each machine
    links: dict[str, str] = field(default_factory=dict)  #: dashboard link -> pool
    dashboards: dict[str, MemoryDashboard] = field(default_factory=dict)
    signing_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    machines: dict[str, MachineIdentity] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)  #: (what, machine id)
    facts: dict[str, Facts] = field(default_factory=dict)

    async def redeem(self, token: str, public_key: bytes, name: str, facts: Facts) -> Redeemed:
        state = self.tokens.get(token, "invented")
        if state != "good":
            raise JoinRefused(f"This join token is {state}.", remedy="Send /connect for a new one.")
        self.tokens[token] = "used already"
        known = next(
            (m.machine_id for m in self.machines.values() if m.public_key == public_key and not m.revoked), None
        )
        machine_id = known or f"m{len(self.machines):04}"
        self.names[machine_id] = name
        self.machines[machine_id] = MachineIdentity(
            machine_id=machine_id, pool_id="p0001", public_key=public_key, revoked=False
        )
        return Redeemed(
            machine_id=machine_id,
            name=name,
            pool_tag="u_0123456789abcdef",
            machine_tag=f"m_{machine_id}",
            address=f"127.77.1.{len(self.machines)}",
            already=known is not None,
        )

    async def machine_key(self, machine_id: str) -> MachineIdentity | None:
        return self.machines.get(machine_id)

    async def open_door(self, machine_id: str, ssh_public_key: str, facts: Facts) -> Opened:
        self.log.append(("open_door", machine_id))
        if self.opening:
            await self.opening.wait()
        if self.door is None and not self.direct:
            raise PoolUnavailable("The pool does not start.", remedy="It is tried again by itself.")
        return Opened(
            door=self.door,
            door_key=self.door_key,
            ray_token="t" * 64,
            tag="u_0123456789abcdef",
            machine_tag=f"m_{machine_id}",
            address="127.77.1.1",
            ray_version="2.60.0",
        )

    async def heartbeat(self, machine_id: str, facts: Facts) -> HeartbeatAnswer:
        self.facts[machine_id] = facts
        if self.machines[machine_id].revoked:
            raise TunnelRefused("This machine was removed from its pool.", remedy="Join again.")
        return HeartbeatAnswer(joined=self.in_pool, jobs=self.jobs, paused=bool(facts.paused))

    async def wish(self, machine_id: str, wish: str) -> str:
        self.log.append((wish, machine_id))
        return "Done."

    async def outdated(self, machine_id: str, facts: Facts) -> None:
        self.log.append(("outdated", machine_id))

    async def tunnel_opened(self, machine_id: str) -> None:
        self.log.append(("opened", machine_id))

    async def tunnel_closed(self, machine_id: str) -> None:
        self.log.append(("closed", machine_id))

    async def open_dashboard_link(self, secret: str) -> str | None:
        return self.links.pop(secret, None)

    async def pool_dashboard(self, pool_id: str) -> MemoryDashboard | None:
        return self.dashboards.get(pool_id)
