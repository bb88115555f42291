"""Files that were sent in the chat: where each of them lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, exists, func, select

from head.api import JobStatus
from head.clock import Clock
from head.errors import NotFoundError
from head.store.database import Database
from head.store.records import UploadRow
from head.store.tables import JobTable, PersonTable, UploadTable


@dataclass(frozen=True, kw_only=True)
class Uploads:
    database: Database
    clock: Clock

    async def add(self, *, upload_id: str, person_id: str, name: str, size: int, place: str) -> UploadRow:
        """Remembers a file that has arrived whole; `size` in bytes."""
        async with self.database.write() as session:
            row = UploadTable(
                id=upload_id, person_id=person_id, name=name, size=size, place=place, created=self.clock.now()
            )
            session.add(row)
            return _upload(row)

    async def kept(self, person_id: str) -> tuple[int, int]:
        """How many files of the person's there are, and their bytes."""
        query = select(func.count(), func.sum(UploadTable.size)).where(UploadTable.person_id == person_id)
        async with self.database.read() as session:
            count, size = (await session.execute(query)).one()
            return count, size or 0

    async def get(self, person_id: str, upload_id: str) -> UploadRow:
        """Raises NotFoundError."""
        query = select(UploadTable).where(UploadTable.person_id == person_id, UploadTable.id == upload_id)
        async with self.database.read() as session:
            row = await session.scalar(query)
            if row is None:
                raise NotFoundError("That file is gone.", remedy="Send it again.")
            return _upload(row)

    async def newest(self, person_id: str, name: str) -> UploadRow | None:
        """The last file of that name that the person sent."""
        query = select(UploadTable).where(UploadTable.person_id == person_id, UploadTable.name == name)
        async with self.database.read() as session:
            row = await session.scalar(query.order_by(UploadTable.created.desc(), UploadTable.id).limit(1))
            return None if row is None else _upload(row)

    async def of_person(self, person_id: str) -> list[UploadRow]:
        """Newest first, at most a thousand."""
        query = select(UploadTable).where(UploadTable.person_id == person_id)
        async with self.database.read() as session:
            rows = await session.scalars(query.order_by(UploadTable.created.desc()).limit(1000))
            return [_upload(row) for row in rows]

    async def spent(self, *, before: datetime) -> list[UploadRow]:
        """Everybody's that are not needed any more: the jobs that used them have ended, or none did and they are
        older than that. Without those of people who keep theirs.
        """
        ended = [status.value for status in JobStatus if status.ended]
        used = exists().where(JobTable.upload_id == UploadTable.id)
        needed = exists().where(JobTable.upload_id == UploadTable.id, JobTable.status.not_in(ended))
        query = select(UploadTable).join(PersonTable, PersonTable.id == UploadTable.person_id)
        query = query.where(PersonTable.keep_uploads.is_(False), ~needed, used | (UploadTable.created < before))
        async with self.database.read() as session:
            return [_upload(row) for row in await session.scalars(query.order_by(UploadTable.created).limit(100))]

    async def drop(self, person_id: str, upload_id: str) -> None:
        """Does nothing where it is gone already."""
        async with self.database.write() as session:
            mine = (UploadTable.person_id == person_id, UploadTable.id == upload_id)
            await session.execute(delete(UploadTable).where(*mine))

    async def forget(self, person_id: str, place: str) -> None:
        """All that lay at a place of the person's, which is gone."""
        async with self.database.write() as session:
            here = (UploadTable.person_id == person_id, UploadTable.place == place)
            await session.execute(delete(UploadTable).where(*here))


def _upload(row: UploadTable) -> UploadRow:
    return UploadRow(
        id=row.id, person_id=row.person_id, name=row.name, size=row.size, place=row.place, created=row.created
    )
