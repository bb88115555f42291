"""Machines: what joined, under which key, at which address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from head.clock import Clock
from head.errors import NotFoundError, RefusedError
from head.identity import new_id
from head.rest import Rest
from head.store.database import Database
from head.store.records import MachineRow
from head.store.tables import MachineTable, PoolTable


@dataclass(frozen=True, kw_only=True)
class Machines:
    database: Database
    clock: Clock

    async def of_person(self, person_id: str, *, revoked: bool = False) -> list[MachineRow]:
        """The person's machines in the order in which they joined; with the revoked ones only where asked for."""
        query = select(MachineTable).where(MachineTable.person_id == person_id).order_by(MachineTable.number)
        if not revoked:
            query = query.where(MachineTable.revoked.is_(None))
        async with self.database.read() as session:
            return [machine_record(row) for row in await session.scalars(query)]

    async def get(self, person_id: str, machine_id: str) -> MachineRow:
        """One of the person's machines, revoked or not. Raises NotFoundError."""
        async with self.database.read() as session:
            return machine_record(await _row(session, person_id, machine_id))

    async def find(self, machine_id: str) -> MachineRow | None:
        """Any person's machine, revoked or not: for the gateway, which has only the id from the tunnel's address."""
        async with self.database.read() as session:
            row = await session.get(MachineTable, machine_id)
            return None if row is None else machine_record(row)

    async def saw(self, machine_id: str, *, facts: Mapping[str, object] | None = None) -> None:
        """A sign of life; the caller decides how often that is worth a write."""
        values: dict[str, object] = {"last_seen": self.clock.now()}
        if facts is not None:
            values["facts"] = dict(facts)
        await self._change(machine_id, values)

    async def connected(self, machine_id: str) -> None:
        """Its tunnel is open."""
        now = self.clock.now()
        await self._change(machine_id, {"last_seen": now, "connected_since": now})

    async def disconnected(self, machine_id: str, *, last_seen: datetime | None = None) -> None:
        """Its tunnel is gone; `last_seen` where the caller knows a later sign of life than the stored one."""
        values: dict[str, object] = {"connected_since": None}
        if last_seen is not None:
            values["last_seen"] = last_seen
        await self._change(machine_id, values)

    async def forget_connections(self) -> None:
        """At the start of the control plane no tunnel is open, whatever was stored."""
        async with self.database.write() as session:
            await session.execute(update(MachineTable).values(connected_since=None))

    async def revoke(self, person_id: str, machine_id: str) -> MachineRow:
        """Its key opens nothing any more. Doing it twice changes nothing. Raises NotFoundError."""
        async with self.database.write() as session:
            row = await _row(session, person_id, machine_id)
            if row.revoked is None:
                row.revoked, row.connected_since = self.clock.now(), None
                if row.admitted:  # one that never was knows no token
                    more = {"revocations": PoolTable.revocations + 1}
                    await session.execute(update(PoolTable).where(PoolTable.id == row.pool_id).values(**more))
            return machine_record(row)

    async def set_rest(self, person_id: str, machine_id: str, rest: Rest) -> MachineRow:
        """Whether jobs may begin on it. Raises NotFoundError, also for one that was revoked."""
        async with self.database.write() as session:
            row = await _row(session, person_id, machine_id)
            if row.revoked:
                raise NotFoundError("That machine was removed from your pool.", remedy="/worker lists yours.")
            row.rest = rest.value
            return machine_record(row)

    async def rename(self, person_id: str, machine_id: str, name: str) -> None:
        """Raises NotFoundError; RefusedError where another machine of the person bears the name, in any letters."""
        async with self.database.write() as session:
            row = await _row(session, person_id, machine_id)
            live = (MachineTable.person_id == person_id, MachineTable.revoked.is_(None), MachineTable.id != row.id)
            taken = await session.scalars(select(MachineTable.name).where(*live))
            if name.casefold() in {other.casefold() for other in taken}:
                raise RefusedError(f"Another machine of yours is called {name}.", remedy="Choose another name.")
            row.name = name

    async def leaving(self) -> list[MachineRow]:
        """Everybody's machines that leave once their jobs have ended."""
        query = select(MachineTable).where(MachineTable.rest == Rest.LEAVING.value, MachineTable.revoked.is_(None))
        async with self.database.read() as session:
            return [machine_record(row) for row in await session.scalars(query)]

    async def everybodys(self) -> list[MachineRow]:
        """All that are in a pool, or wait to be."""
        query = select(MachineTable).where(MachineTable.revoked.is_(None)).order_by(MachineTable.created)
        async with self.database.read() as session:
            return [machine_record(row) for row in await session.scalars(query)]

    async def waiting(self, pool_id: str) -> list[MachineRow]:
        """Those of a pool that are not admitted yet."""
        query = select(MachineTable).where(
            MachineTable.pool_id == pool_id, MachineTable.admitted.is_(None), MachineTable.revoked.is_(None)
        )
        async with self.database.read() as session:
            return [machine_record(row) for row in await session.scalars(query)]

    async def admit_if_alone(self, machine_id: str) -> MachineRow | None:
        """The machine, which is in from now on where its pool has no other that could let it in, and has forgotten
        what revoked ones knew; None where there is none.
        """
        async with self.database.write() as session:
            row = await session.get(MachineTable, machine_id)
            if row is None:
                return None
            pool = await session.get_one(PoolTable, row.pool_id)
            if row.admitted is None and row.revoked is None and await _is_alone(session, pool):
                row.admitted = self.clock.now()
            return machine_record(row)

    async def admit(self, machine_id: str) -> None:
        """From now on it may connect. Raises NotFoundError for one that was revoked."""
        async with self.database.write() as session:
            row = await session.get(MachineTable, machine_id)
            if row is None or row.revoked:
                raise NotFoundError("There is no such machine.")
            row.admitted = row.admitted or self.clock.now()

    async def _change(self, machine_id: str, values: Mapping[str, object]) -> None:
        async with self.database.write() as session:
            query = update(MachineTable).where(MachineTable.id == machine_id, MachineTable.revoked.is_(None))
            await session.execute(query.values(**values))


async def admit_machine(
    session: AsyncSession, pool: PoolTable, *, public_key: str, name: str, facts: Mapping[str, object], now: datetime
) -> tuple[MachineTable, bool]:
    """Within a write transaction: the pool's machine with that key, made where needed; and whether it was there."""
    key_is = (MachineTable.pool_id == pool.id, MachineTable.public_key == public_key, MachineTable.revoked.is_(None))
    row = await session.scalar(select(MachineTable).where(*key_is))
    if row is not None:
        row.facts = dict(facts)
        return row, True
    alone = await _is_alone(session, pool)
    # Numbers of revoked machines are not given again: Ray remembers addresses.
    last = await session.scalar(select(func.max(MachineTable.number)).where(MachineTable.pool_id == pool.id))
    row = MachineTable(
        id=new_id(),
        pool_id=pool.id,
        person_id=pool.person_id,
        name=await _free_name(session, pool.id, name),
        public_key=public_key,
        number=(last or 0) + 1,
        facts=dict(facts),
        created=now,
        admitted=now if alone or pool.admits == "chat" else None,
    )
    session.add(row)
    await session.flush()
    return row, False


async def _is_alone(session: AsyncSession, pool: PoolTable) -> bool:
    """Whether the next machine of the pool needs nobody to let it in: none is in, and what was there for those that
    were revoked is gone.
    """
    live = (MachineTable.pool_id == pool.id, MachineTable.revoked.is_(None), MachineTable.admitted.is_not(None))
    count = await session.scalar(select(func.count()).select_from(MachineTable).where(*live))
    return count == 0 and pool.revocations == 0


async def _free_name(session: AsyncSession, pool_id: str, wanted: str) -> str:
    """The wanted name, or with a number behind it where another machine of the pool bears it."""
    wanted = wanted[:200]
    live = (MachineTable.pool_id == pool_id, MachineTable.revoked.is_(None))
    taken = set(await session.scalars(select(MachineTable.name).where(*live)))
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


async def _row(session: AsyncSession, person_id: str, machine_id: str) -> MachineTable:
    query = select(MachineTable).where(MachineTable.person_id == person_id, MachineTable.id == machine_id)
    row = await session.scalar(query)
    if row is None:
        raise NotFoundError("You have no such machine.", remedy="/worker lists yours.")
    return row


def machine_record(row: MachineTable) -> MachineRow:
    return MachineRow(
        id=row.id,
        pool_id=row.pool_id,
        person_id=row.person_id,
        name=row.name,
        public_key=row.public_key,
        number=row.number,
        facts=row.facts,
        created=row.created,
        last_seen=row.last_seen,
        connected_since=row.connected_since,
        revoked=row.revoked,
        admitted=row.admitted,
        rest=Rest(row.rest),
    )
