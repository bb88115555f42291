"""Links to a person's dashboard: single-use secrets, known as hashes. The session that one opens is the gateway's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete

from head.clock import Clock
from head.store.database import Database
from head.store.tables import DashboardLinkTable


@dataclass(frozen=True, kw_only=True)
class DashboardLinks:
    database: Database
    clock: Clock

    async def create(self, person_id: str, *, secret_hash: str, expires: datetime) -> None:
        """Remembers a link that was given out, and forgets what has expired."""
        async with self.database.write() as session:
            await session.execute(delete(DashboardLinkTable).where(DashboardLinkTable.expires <= self.clock.now()))
            session.add(DashboardLinkTable(secret_hash=secret_hash, person_id=person_id, expires=expires))

    async def open(self, secret_hash: str) -> str | None:
        """Uses a link up. Gives the person's id, or None for a dead link."""
        async with self.database.write() as session:
            row = await session.get(DashboardLinkTable, secret_hash)
            if row is None or row.expires <= self.clock.now():
                return None
            await session.delete(row)
            return row.person_id
