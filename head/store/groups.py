"""Group chats in which an admin allowed us to answer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete

from head.clock import Clock
from head.store.database import Database
from head.store.tables import GroupTable


@dataclass(frozen=True, kw_only=True)
class Groups:
    database: Database
    clock: Clock

    async def allow(self, person_id: str, chat_id: str) -> None:
        """That admin's word; a second one changes nothing."""
        async with self.database.write() as session:
            if await session.get(GroupTable, chat_id) is None:
                session.add(GroupTable(chat_id=chat_id, person_id=person_id, allowed=self.clock.now()))

    async def forbid(self, chat_id: str) -> None:
        async with self.database.write() as session:
            await session.execute(delete(GroupTable).where(GroupTable.chat_id == chat_id))

    async def allowed(self, chat_id: str) -> bool:
        async with self.database.read() as session:
            return await session.get(GroupTable, chat_id) is not None
