"""What admins see and decide: people, pools, group chats."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from head.admin_api import PoolView, UserView
from head.errors import RefusedError
from head.machines import Machines
from head.pools import Pools
from head.store.records import PoolRow
from head.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Admission:
    store: Store
    pools: Pools
    machines: Machines

    async def users(self, admin_id: str, *, limit: int, offset: int) -> list[UserView]:
        await self._check(admin_id)
        return await self.store.people.users(limit=limit, offset=offset)

    async def user(self, admin_id: str, person_id: str) -> UserView:
        await self._check(admin_id)
        return await self.store.people.user(person_id)

    async def pool_views(self, admin_id: str, *, limit: int, offset: int) -> list[PoolView]:
        """Only the pools of the page are measured: each takes a look at every process of the host."""
        await self._check(admin_id)
        rows = await self.store.pools.all()
        rows.sort(key=lambda row: self.pools.keeper.client(row.id) is None)
        return [await self._view(row) for row in rows[offset : offset + limit]]

    async def put_to_sleep(self, admin_id: str, pool_id: str) -> None:
        await self._check(admin_id)
        pool = await self._view(await self.store.pools.by_id(pool_id))
        if not pool.awake:
            return
        if not pool.idle:
            raise RefusedError(
                "That pool is in use: a machine is connected, or a job is open.", remedy="See /pools once more."
            )
        await self.pools.keeper.stop(pool_id)

    async def allow_group(self, admin_id: str, chat_id: str, allowed: bool) -> None:
        await self._check(admin_id)
        if allowed:
            await self.store.groups.allow(admin_id, chat_id)
        else:
            await self.store.groups.forbid(chat_id)

    async def _check(self, person_id: str) -> None:
        if not (await self.store.people.get(person_id)).admin:
            raise RefusedError("Only an admin may do that.")

    async def _view(self, pool: PoolRow) -> PoolView:
        person = await self.store.people.get(pool.person_id)
        machines = await self.store.machines.of_person(pool.person_id)
        state = await asyncio.to_thread(self.pools.keeper.look, pool.id)
        return PoolView(
            id=pool.id,
            name=person.name,
            awake=state.awake,
            since=state.since,
            memory=state.memory,
            machines=sum(self.machines.connected(machine.id) for machine in machines),
            jobs=len(await self.store.jobs.open_of(pool.person_id)),
        )
