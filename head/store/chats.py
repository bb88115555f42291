"""What the chat keeps: drafts of forms, and which message shows what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from head.api import Draft
from head.clock import Clock
from head.errors import NotFoundError
from head.store.database import Database
from head.store.tables import CardTable, DraftTable


@dataclass(frozen=True, kw_only=True)
class Drafts:
    database: Database
    clock: Clock

    async def save(self, person_id: str, draft: Draft) -> Draft:
        """Inserts or updates by id. Raises NotFoundError where the id is another person's."""
        async with self.database.write() as session:
            row = await session.get(DraftTable, draft.id)
            if row is None:
                row = DraftTable(id=draft.id, person_id=person_id)
                session.add(row)
            elif row.person_id != person_id:
                raise NotFoundError("That form is gone.", remedy="Start it again.")
            row.chat_id, row.kind, row.fields, row.asking = draft.chat_id, draft.kind, dict(draft.fields), draft.asking
            row.revision, row.paused, row.saved = draft.revision, draft.paused, self.clock.now()
            return draft

    async def get(self, person_id: str, draft_id: str) -> Draft:
        """Raises NotFoundError."""
        async with self.database.read() as session:
            row = await _row(session, DraftTable.person_id == person_id, DraftTable.id == draft_id)
            if row is None:
                raise NotFoundError("That form is gone.", remedy="Start it again.")
            return _draft(row)

    async def active(self, person_id: str, chat_id: str) -> Draft | None:
        """The draft of the chat that was saved last and is not paused."""
        async with self.database.read() as session:
            mine = (DraftTable.person_id == person_id, DraftTable.chat_id == chat_id)
            row = await _row(session, *mine, DraftTable.paused.is_(False))
            return None if row is None else _draft(row)

    async def last_run(self, person_id: str, kind: str) -> Draft | None:
        """The newest form of a kind that became a job."""
        mine = (DraftTable.person_id == person_id, DraftTable.kind == kind, DraftTable.paused.is_(True))
        query = select(DraftTable).where(*mine).order_by(DraftTable.saved.desc(), DraftTable.id).limit(50)
        async with self.database.read() as session:
            return next((_draft(row) for row in await session.scalars(query) if row.fields.get("job")), None)

    async def expired(self, *, before: datetime) -> list[tuple[str, Draft]]:
        """(person_id, draft) of those that nobody has touched since, oldest first, at most a hundred."""
        query = select(DraftTable).where(DraftTable.saved < before).order_by(DraftTable.saved, DraftTable.id)
        async with self.database.read() as session:
            return [(row.person_id, _draft(row)) for row in await session.scalars(query.limit(100))]

    async def of_person(self, person_id: str) -> list[Draft]:
        """Newest first, at most a thousand."""
        query = select(DraftTable).where(DraftTable.person_id == person_id)
        async with self.database.read() as session:
            return [_draft(row) for row in await session.scalars(query.order_by(DraftTable.saved.desc()).limit(1000))]

    async def drop(self, person_id: str, draft_id: str) -> None:
        """Does nothing where it is gone already."""
        async with self.database.write() as session:
            mine = (DraftTable.person_id == person_id, DraftTable.id == draft_id)
            await session.execute(delete(DraftTable).where(*mine))


@dataclass(frozen=True, kw_only=True)
class Cards:
    database: Database

    async def save(self, person_id: str, *, chat_id: str, subject: str, message_id: int) -> None:
        """From now on this message shows the subject in that chat; an older one is forgotten."""
        async with self.database.write() as session:
            row = await session.get(CardTable, (chat_id, subject))
            if row is None:
                row = CardTable(chat_id=chat_id, subject=subject)
                session.add(row)
            row.person_id, row.message_id = person_id, message_id

    async def showing(self, subject: str) -> list[tuple[str, int]]:
        """(chat_id, message_id) of every message that shows the subject."""
        query = select(CardTable.chat_id, CardTable.message_id).where(CardTable.subject == subject)
        async with self.database.read() as session:
            return [(chat_id, message_id) for chat_id, message_id in await session.execute(query)]


async def _row(session: AsyncSession, *where: object) -> DraftTable | None:
    query = select(DraftTable).where(*where).order_by(DraftTable.saved.desc(), DraftTable.id).limit(1)  # type: ignore[arg-type]
    return await session.scalar(query)


def _draft(row: DraftTable) -> Draft:
    return Draft(
        id=row.id,
        chat_id=row.chat_id,
        kind=row.kind,
        fields=row.fields,
        asking=row.asking,
        revision=row.revision,
        paused=row.paused,
    )
