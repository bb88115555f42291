"""What the gateway asks of the control plane, answered (`head.gateway.services.GatewayServices`)."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from head.api import Change
from head.changes import Changes
from head.errors import NotFoundError, TunnelRefused
from head.gateway.messages import Facts
from head.gateway.services import HeartbeatAnswer, MachineIdentity, Opened, PoolDashboard, Redeemed
from head.identity import admission_code, digest, machine_tag
from head.machines import Machines
from head.pools import Pools
from head.reconcile import Reconciler
from head.settings import Settings
from head.store.store import Store
from head.wishes import Wishes


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """The gateway's view of everything else."""

    settings: Settings
    store: Store
    pools: Pools
    machines: Machines
    reconciler: Reconciler
    changes: Changes
    wishes: Wishes
    signing_key: Ed25519PrivateKey
    url: Callable[[], str]

    @property
    def joining_enabled(self) -> bool:
        return self.settings.joining

    @property
    def dashboard_writes(self) -> bool:
        """Whoever writes to a dashboard runs code: in a sealed pool it is the owner's own, elsewhere the server's."""
        return self.settings.sealing

    @property
    def public_url(self) -> str:
        return self.url()

    async def redeem(self, token: str, public_key: bytes, name: str, facts: Facts) -> Redeemed:
        redeemed = await self.store.joins.redeem(
            token_hash=digest(token),
            public_key=base64.b64encode(public_key).decode(),
            name=name,
            facts=facts.model_dump(mode="json"),
        )
        self.changes.publish(Change(person_id=redeemed.machine.person_id, offer_id=redeemed.offer_id))
        return Redeemed(
            machine_id=redeemed.machine.id,
            name=redeemed.machine.name,
            pool_tag=redeemed.pool.tag,
            machine_tag=machine_tag(redeemed.machine.id),
            address=redeemed.machine.address,
            already=redeemed.already,
        )

    async def machine_key(self, machine_id: str) -> MachineIdentity | None:
        machine = await self.store.machines.find(machine_id)
        if machine is not None and machine.admitted is None:
            machine = await self.store.machines.admit_if_alone(machine_id)
        if machine is None:
            return None
        return MachineIdentity(
            machine_id=machine.id,
            pool_id=machine.pool_id,
            public_key=base64.b64decode(machine.public_key),
            revoked=machine.revoked is not None,
            admitted=machine.admitted is not None,
            code=admission_code(machine.public_key),
        )

    async def open_door(self, machine_id: str, ssh_public_key: str, facts: Facts) -> Opened:
        machine = await self.store.machines.find(machine_id)
        if machine is None or machine.revoked:
            raise TunnelRefused("This machine is not in a pool.", remedy="Join with a fresh /connect.")
        pool = await self.store.pools.by_id(machine.pool_id)
        client = await self.pools.ensure(pool)
        door_key = await client.announce_machine(machine.id, address=machine.address, public_key=ssh_public_key)
        direct = not self.settings.sealing and not facts.sealed and facts.host == this_host()
        return Opened(
            door=None if direct else self.pools.keeper.door_address(pool.id),
            door_key="" if direct else door_key,
            ray_token=pool.ray_token,
            tag=pool.tag,
            machine_tag=machine_tag(machine.id),
            address=machine.address,
            ray_version=version("ray"),
        )

    async def heartbeat(self, machine_id: str, facts: Facts) -> HeartbeatAnswer:
        ready = self.machines.ready(machine_id)
        answer = await self.machines.heartbeat(machine_id, facts)
        if self.machines.ready(machine_id) and not ready:
            self.reconciler.wake()
        return answer

    async def wish(self, machine_id: str, wish: str) -> str:
        return await self.wishes.do(machine_id, wish)

    async def outdated(self, machine_id: str, facts: Facts) -> None:
        await self.machines.outdated(machine_id, facts)

    async def tunnel_opened(self, machine_id: str) -> None:
        await self.machines.opened(machine_id)

    async def tunnel_closed(self, machine_id: str) -> None:
        await self.machines.closed(machine_id)
        self.reconciler.wake()

    async def open_dashboard_link(self, secret: str) -> str | None:
        person_id = await self.store.links.open(digest(secret))
        if person_id is None:
            return None
        pool = await self.store.pools.find(person_id)
        return pool.id if pool else None

    async def pool_dashboard(self, pool_id: str) -> PoolDashboard | None:
        try:
            await self.store.pools.by_id(pool_id)
        except NotFoundError:
            return None
        return self.pools.keeper.client(pool_id)


def this_host() -> str:
    """Which kernel and network this is, hashed; a node agent that tells the same runs beside us.

    The same rule stands in node_join.facts, which imports nothing of head.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    network = os.readlink("/proc/self/ns/net")
    return hashlib.sha256(f"{boot} {network}".encode()).hexdigest()
