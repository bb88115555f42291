"""What was brought to us, by its number: it may be brought again, after a restart of ours too."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select

from head.clock import Clock
from head.store.database import Database
from head.store.tables import ArrivalTable

#: Telegram brings nothing that is older than a day.
KEPT = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    database: Database
    clock: Clock

    async def seen(self, names: Collection[str]) -> set[str]:
        """Those of them that were noted within the last two days."""
        async with self.database.read() as session:
            found = await session.scalars(select(ArrivalTable.name).where(ArrivalTable.name.in_(names)))
            return set(found)

    async def note(self, names: Collection[str]) -> None:
        """All at once; forgets what is too old to be brought again."""
        now = self.clock.now()
        async with self.database.write() as session:
            await session.execute(delete(ArrivalTable).where(ArrivalTable.at < now - KEPT))
            known = set(await session.scalars(select(ArrivalTable.name).where(ArrivalTable.name.in_(names))))
            session.add_all([ArrivalTable(name=name, at=now) for name in sorted({*names} - known)])
