"""Pools: each person's sealed Ray cluster, its tokens and its tag."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from head.clock import Clock
from head.errors import NotFoundError
from head.identity import new_id, new_token, resource_tag
from head.store.database import Database
from head.store.records import PoolRow
from head.store.tables import PoolTable


@dataclass(frozen=True, kw_only=True)
class Pools:
    database: Database
    clock: Clock

    async def for_person(self, person_id: str) -> PoolRow:
        """The person's pool; made, with fresh tokens, when it is first asked for."""
        found = await self.find(person_id)
        if found is not None:
            return found
        async with self.database.write() as session:
            return pool_record(await pool_of(session, person_id, self.clock))

    async def find(self, person_id: str) -> PoolRow | None:
        """The person's pool if there is one yet."""
        async with self.database.read() as session:
            row = await session.scalar(select(PoolTable).where(PoolTable.person_id == person_id))
            return None if row is None else pool_record(row)

    async def by_id(self, pool_id: str) -> PoolRow:
        """For the gateway and the keeper, which know a pool and not its person. Raises NotFoundError."""
        async with self.database.read() as session:
            row = await session.get(PoolTable, pool_id)
            if row is None:
                raise NotFoundError("There is no such pool.")
            return pool_record(row)

    async def all(self) -> list[PoolRow]:
        async with self.database.read() as session:
            return [pool_record(row) for row in await session.scalars(select(PoolTable).order_by(PoolTable.created))]

    async def set_admits(self, pool_id: str, admits: str) -> None:
        """Who lets further machines in: "machine" or "chat"."""
        async with self.database.write() as session:
            await session.execute(update(PoolTable).where(PoolTable.id == pool_id).values(admits=admits))

    async def stale(self) -> list[PoolRow]:
        """Those whose Ray token a revoked machine knows."""
        async with self.database.read() as session:
            return [
                pool_record(row) for row in await session.scalars(select(PoolTable).where(PoolTable.revocations > 0))
            ]

    async def renewed(self, pool: PoolRow) -> None:
        """The machines that had been revoked when `pool` was read know nothing of it any more."""
        async with self.database.write() as session:
            fewer = {"revocations": PoolTable.revocations - pool.revocations}
            await session.execute(update(PoolTable).where(PoolTable.id == pool.id).values(**fewer))

    async def rotate(self, person_id: str, *, tag: bool) -> PoolRow:
        """A new Ray token; with `tag` a new user token and tag too. The pool has to be started again by the caller."""
        async with self.database.write() as session:
            row = await pool_of(session, person_id, self.clock)
            row.ray_token = new_token()
            if tag:
                row.user_token = new_token()
                row.tag = resource_tag(row.user_token)
            return pool_record(row)


async def pool_of(session: AsyncSession, person_id: str, clock: Clock) -> PoolTable:
    """Within a write transaction: the person's pool, made where there is none."""
    row = await session.scalar(select(PoolTable).where(PoolTable.person_id == person_id))
    if row is None:
        user_token = new_token()
        row = PoolTable(
            id=new_id(),
            person_id=person_id,
            user_token=user_token,
            tag=resource_tag(user_token),
            ray_token=new_token(),
            created=clock.now(),
        )
        session.add(row)
        await session.flush()
    return row


def pool_record(row: PoolTable) -> PoolRow:
    return PoolRow(
        id=row.id,
        person_id=row.person_id,
        user_token=row.user_token,
        tag=row.tag,
        ray_token=row.ray_token,
        revocations=row.revocations,
        created=row.created,
    )
