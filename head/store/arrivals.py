"""What was brought to us, by its number: it may be brought again, after a restart of ours too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete

from head.clock import Clock
from head.store.database import Database
from head.store.tables import ArrivalTable

#: Telegram brings nothing that is older than a day.
KEPT = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    database: Database
    clock: Clock

    async def first_seen(self, name: str) -> bool:
        """Notes it; False where it was noted before, within the last two days."""
        now = self.clock.now()
        async with self.database.write() as session:
            await session.execute(delete(ArrivalTable).where(ArrivalTable.at < now - KEPT))
            if await session.get(ArrivalTable, name) is not None:
                return False
            session.add(ArrivalTable(name=name, at=now))
            return True
