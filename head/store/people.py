"""People: who may use this server."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Unpack

from sqlalchemy import Row, Select, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from head.admin_api import AccessRequest, UserView
from head.api import JobStatus, Person
from head.belongings import Preferences
from head.clock import Clock
from head.errors import NotFoundError, RefusedError
from head.identity import new_id
from head.store.database import Database
from head.store.tables import (
    CardTable,
    DashboardLinkTable,
    DraftTable,
    EventTable,
    JobTable,
    JoinTokenTable,
    MachineTable,
    ModelTable,
    PersonTable,
    PoolTable,
    TemplateTable,
    UploadTable,
)

LOCAL_NAME = "local"
#: Who was declined may ask again after this.
ASK_AGAIN = timedelta(days=1)
#: Requests that may wait at once: admins are not to be flooded.
WAITING = 20
_RUNNING = tuple(status.value for status in (JobStatus.DISPATCHED, JobStatus.RUNNING, JobStatus.UNREACHABLE))
#: Whatever belongs to one person; what refers to another comes before it.
_BELONGINGS = (
    ModelTable, JobTable, UploadTable, DraftTable, TemplateTable, CardTable, DashboardLinkTable, JoinTokenTable,
    MachineTable, PoolTable,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class People:
    database: Database
    clock: Clock

    async def for_telegram(self, telegram_id: int, name: str, *, admin: bool = False, speaks: str = "") -> Person:
        """The person behind a Telegram account, made on first sight. An admin is admitted; the name is kept up, and
        the language where it is said.
        """
        name, speaks = name[:256], speaks[:16]
        query = select(PersonTable).where(PersonTable.telegram_id == telegram_id)
        async with self.database.read() as session:
            row = await session.scalar(query)
            if row is not None:
                told = (name, speaks or row.speaks, admin, row.admitted or admin)
                if told == (row.name, row.speaks, row.admin, row.admitted):
                    return _person(row)
        async with self.database.write() as session:
            row = await session.scalar(query)
            if row is None:
                row = self._new(session, telegram_id=telegram_id, admitted=admin)
            row.name, row.speaks, row.admin, row.admitted = name, speaks or row.speaks, admin, row.admitted or admin
            return _person(row)

    async def local(self) -> Person:
        """The person at the console: admin, admitted, without a Telegram account."""
        async with self.database.write() as session:
            row = await session.scalar(select(PersonTable).where(PersonTable.telegram_id.is_(None)))
            if row is None:
                row = self._new(session, telegram_id=None, admitted=True)
                row.name, row.admin = LOCAL_NAME, True
            return _person(row)

    async def get(self, person_id: str) -> Person:
        """Raises NotFoundError."""
        async with self.database.read() as session:
            return _person(await _row(session, person_id))

    async def everybody(self) -> list[Person]:
        async with self.database.read() as session:
            return [_person(row) for row in await session.scalars(select(PersonTable).order_by(PersonTable.created))]

    async def admins(self) -> list[Person]:
        """Those who have been seen; nobody can write to an account that has not written first."""
        async with self.database.read() as session:
            rows = await session.scalars(select(PersonTable).where(PersonTable.admin).order_by(PersonTable.created))
            return [_person(row) for row in rows]

    async def set_admins(self, telegram_ids: Collection[int]) -> None:
        """Makes the stored people agree with the settings: called when they were read."""
        async with self.database.write() as session:
            chosen = PersonTable.telegram_id.in_(telegram_ids)
            others = PersonTable.telegram_id.is_not(None) & ~chosen
            await session.execute(update(PersonTable).where(others).values(admin=False))
            await session.execute(update(PersonTable).where(chosen).values(admin=True, admitted=True))

    async def admit(self, admin_id: str, person_id: str, admitted: bool) -> Person:
        """Lets somebody in or out. Raises RefusedError unless `admin_id` is an admin; an admin cannot be let out."""
        async with self.database.write() as session:
            admin = await _row(session, admin_id)
            if not admin.admin:
                raise RefusedError("Only an admin may let people in.")
            row = await _row(session, person_id)
            if row.admin and not admitted:
                raise RefusedError(
                    "An admin cannot be shut out.", remedy="Take the id out of `admins` in cluster.yaml."
                )
            row.admitted, row.asked, row.declined = admitted, None, None if admitted else self.clock.now()
            return _person(row)

    async def request_access(self, person_id: str) -> AccessRequest:
        """Notes the wish to come in. Raises RefusedError where too many wait."""
        async with self.database.write() as session:
            row = await _row(session, person_id)
            now = self.clock.now()
            if row.asked is not None:
                return AccessRequest.WAITING
            if row.declined is not None and now - row.declined < ASK_AGAIN:
                return AccessRequest.DECLINED
            waiting = select(func.count()).select_from(PersonTable).where(PersonTable.asked.is_not(None))
            if (await session.scalar(waiting) or 0) >= WAITING:
                raise RefusedError("Too many requests wait for an answer just now.", remedy="Try again tomorrow.")
            row.asked = now
            return AccessRequest.NEW

    async def users(self, *, limit: int, offset: int) -> list[UserView]:
        """Who is in, wants to be or was: requests first, then the admins, then by age."""
        known = PersonTable.admitted | PersonTable.asked.is_not(None) | PersonTable.declined.is_not(None)
        order = (PersonTable.asked.is_(None), PersonTable.admin.is_(False), PersonTable.created, PersonTable.id)
        query = _with_jobs().where(known).order_by(*order).limit(limit).offset(offset)
        async with self.database.read() as session:
            return [_user(row) for row in await session.execute(query)]

    async def user(self, person_id: str) -> UserView:
        """Raises NotFoundError."""
        async with self.database.read() as session:
            await _row(session, person_id)
            return _user((await session.execute(_with_jobs().where(PersonTable.id == person_id))).one())

    async def prefer(self, person_id: str, **changes: Unpack[Preferences]) -> Person:
        """Changes what is given. Raises NotFoundError."""
        async with self.database.write() as session:
            row = await _row(session, person_id)
            for name, value in changes.items():
                setattr(row, name, value)
            return _person(row)

    async def begin_erasing(self, person_id: str) -> None:
        """Notes that the person asked to be forgotten, so that it is done whatever happens. Raises NotFoundError."""
        async with self.database.write() as session:
            (await _row(session, person_id)).erasing = True

    async def erasing(self) -> list[str]:
        """Ids of those of whom something may be left."""
        async with self.database.read() as session:
            return list(await session.scalars(select(PersonTable.id).where(PersonTable.erasing)))

    async def erase(self, person_id: str) -> None:
        """Deletes every row of the person's. Who may use this server stays known, and nothing else of them."""
        async with self.database.write() as session:
            mine = select(JobTable.id).where(JobTable.person_id == person_id)
            await session.execute(delete(EventTable).where(EventTable.job_id.in_(mine)))
            for table in _BELONGINGS:
                await session.execute(delete(table).where(table.person_id == person_id))
            row = await _row(session, person_id)
            row.language, row.speaks = "", ""
            row.machine_news, row.keep_uploads, row.erasing = True, False, False
            if not (row.admin or row.admitted):
                await session.delete(row)

    def _new(self, session: AsyncSession, *, telegram_id: int | None, admitted: bool) -> PersonTable:
        row = PersonTable(
            id=new_id(), telegram_id=telegram_id, name="", admin=False, admitted=admitted, created=self.clock.now(),
            language="", speaks="", machine_news=True, keep_uploads=False, erasing=False,
        )  # fmt: skip
        session.add(row)
        return row


async def _row(session: AsyncSession, person_id: str) -> PersonTable:
    row = await session.get(PersonTable, person_id)
    if row is None:
        raise NotFoundError("There is no such person.")
    return row


def _person(row: PersonTable) -> Person:
    return Person(
        id=row.id,
        telegram_id=row.telegram_id,
        name=row.name,
        admin=row.admin,
        admitted=row.admitted,
        language=row.language,
        speaks=row.speaks,
        machine_news=row.machine_news,
        keep_uploads=row.keep_uploads,
    )


def _with_jobs() -> Select[PersonTable, int, int]:
    """People, with how many jobs of theirs run and wait."""
    running = func.sum(case((JobTable.status.in_(_RUNNING), 1), else_=0))
    queued = func.sum(case((JobTable.status == JobStatus.QUEUED.value, 1), else_=0))
    joined = select(PersonTable, running, queued).outerjoin(JobTable, JobTable.person_id == PersonTable.id)
    return joined.group_by(PersonTable.id)


def _user(found: Row[PersonTable, int, int]) -> UserView:
    row, running, queued = found
    return UserView(
        id=row.id,
        name=row.name,
        admin=row.admin,
        admitted=row.admitted,
        since=row.created,
        asked=row.asked,
        running=running or 0,
        queued=queued or 0,
    )
