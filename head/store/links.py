"""Links to a person's dashboard: single-use secrets, each of which opens one session. Both are known as hashes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

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
            row = DashboardLinkTable(secret_hash=secret_hash, person_id=person_id, session=False, expires=expires)
            session.add(row)

    async def open(self, *, secret_hash: str, session_hash: str, expires: datetime) -> str | None:
        """Uses a link up and begins a session till `expires`. Gives the person's id, or None for a dead link."""
        async with self.database.write() as session:
            row = await session.get(DashboardLinkTable, secret_hash)
            if row is None or row.session or row.expires <= self.clock.now():
                return None
            await session.delete(row)
            opened = DashboardLinkTable(
                secret_hash=session_hash, person_id=row.person_id, session=True, expires=expires
            )
            session.add(opened)
            return opened.person_id

    async def session_of(self, session_hash: str) -> str | None:
        """The id of the person whose session that is; None where it is unknown or over."""
        query = select(DashboardLinkTable).where(
            DashboardLinkTable.secret_hash == session_hash,
            DashboardLinkTable.session,
            DashboardLinkTable.expires > self.clock.now(),
        )
        async with self.database.read() as session:
            row = await session.scalar(query)
            return None if row is None else row.person_id

    async def end_sessions(self, person_id: str) -> None:
        """Cuts all of the person's links and sessions, at once."""
        async with self.database.write() as session:
            await session.execute(delete(DashboardLinkTable).where(DashboardLinkTable.person_id == person_id))
