"""Whose pool is which box: from a person to a running pool that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from head.api import HEAD
from head.errors import RefusedError
from head.keeper import Keeper, PoolIdentity
from head.pool_client import PoolClient
from head.store.records import PoolRow
from head.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Pools:
    """The pools' boxes, by the people they belong to."""

    store: Store
    keeper: Keeper
    served: Callable[[], Awaitable[str | None]] | None  #: id of the one person of an unsealed server; None: sealed

    async def client(self, person_id: str) -> PoolClient:
        """The person's pool, started where it sleeps (some 12 s). Raises PoolUnavailable."""
        return await self.ensure(await self.store.pools.for_person(person_id))

    async def ensure(self, pool: PoolRow) -> PoolClient:
        """Every way into a box leads through here. Raises RefusedError for a second person on an unsealed server."""
        if self.served and pool.person_id != await self.served():
            raise RefusedError("This server is unsealed, so it serves one person only.", remedy="Run `hayride doctor`.")
        # A machine that hangs up while it waits must not undo the start that others wait for too.
        identity = PoolIdentity(pool_id=pool.id, tag=pool.tag, ray_token=pool.ray_token)
        return await asyncio.shield(self.keeper.ensure(identity))

    async def awake(self, person_id: str) -> PoolClient | None:
        """The person's pool if it runs; nothing is started."""
        pool = await self.store.pools.find(person_id)
        return self.keeper.client(pool.id) if pool else None

    async def renew(self, pool: PoolRow, *, empty: bool) -> None:
        """A fresh Ray token, since a revoked machine knows the old one; its box starts anew when it is needed. `empty`:
        no machine is left, so what the box holds is deleted, and tag and user token are fresh too.
        """
        # First the token: a box that is started meanwhile has it already. Last the note that this is done: should we
        # end in between, it is done again.
        await self.store.pools.rotate(pool.person_id, tag=empty)
        await self.keeper.stop(pool.id)
        if empty:
            await self.keeper.discard(pool.id)
            await self.store.models.forget(pool.person_id, HEAD)
            await self.store.uploads.forget(pool.person_id, HEAD)
        await self.store.pools.renewed(pool)

    async def let_sleep(self, busy: set[str]) -> None:
        """Stops the boxes of people who have had neither an open job nor a connected machine for the idle time."""
        pools = await self.store.pools.all()
        await self.keeper.stop_idle({pool.id for pool in pools if pool.person_id in busy})
