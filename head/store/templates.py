"""Forms under a name."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from head.belongings import TEMPLATE_NAME_LIMIT, Template
from head.clock import Clock
from head.errors import NotFoundError, RefusedError
from head.identity import new_id
from head.store.database import Database
from head.store.tables import TemplateTable

#: Templates of one person.
MOST = 200


@dataclass(frozen=True, kw_only=True)
class Templates:
    database: Database
    clock: Clock

    async def add(self, person_id: str, *, name: str, kind: str, fields: dict[str, object]) -> Template:
        """Raises RefusedError for a name that is none or taken, and where there are too many."""
        async with self.database.write() as session:
            count = select(func.count()).select_from(TemplateTable).where(TemplateTable.person_id == person_id)
            if (await session.scalar(count) or 0) >= MOST:
                raise RefusedError(f"You have {MOST} templates, which is the limit.", remedy="Delete one: /templates.")
            name = await _free(session, person_id, name)
            row = TemplateTable(
                id=new_id(), person_id=person_id, name=name, kind=kind, fields=dict(fields), created=self.clock.now()
            )
            session.add(row)
            return _template(row)

    async def of_person(self, person_id: str, *, limit: int = 8, offset: int = 0) -> list[Template]:
        """Newest first."""
        query = select(TemplateTable).where(TemplateTable.person_id == person_id)
        query = query.order_by(TemplateTable.created.desc(), TemplateTable.id).limit(limit).offset(offset)
        async with self.database.read() as session:
            return [_template(row) for row in await session.scalars(query)]

    async def get(self, person_id: str, template_id: str) -> Template:
        """Raises NotFoundError."""
        async with self.database.read() as session:
            return _template(await _row(session, person_id, template_id))

    async def rename(self, person_id: str, template_id: str, name: str) -> Template:
        """Raises NotFoundError, RefusedError for a name that is none or taken."""
        async with self.database.write() as session:
            row = await _row(session, person_id, template_id)
            row.name = await _free(session, person_id, name, besides=template_id)
            return _template(row)

    async def drop(self, person_id: str, template_id: str) -> None:
        """Does nothing where it is gone already."""
        async with self.database.write() as session:
            mine = (TemplateTable.person_id == person_id, TemplateTable.id == template_id)
            await session.execute(delete(TemplateTable).where(*mine))


async def _free(session: AsyncSession, person_id: str, name: str, *, besides: str = "") -> str:
    """The name in one line. Raises RefusedError where it is none, too long or another template's."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= TEMPLATE_NAME_LIMIT:
        raise RefusedError(
            f"A template's name has 1 to {TEMPLATE_NAME_LIMIT} characters.",
            remedy="A good one looks like churn weekly.",
        )
    others = select(TemplateTable.name).where(TemplateTable.person_id == person_id, TemplateTable.id != besides)
    if name.casefold() in {other.casefold() for other in await session.scalars(others)}:
        raise RefusedError(f"You have a template called {name}.", remedy="Choose another name, or delete that one.")
    return name


async def _row(session: AsyncSession, person_id: str, template_id: str) -> TemplateTable:
    query = select(TemplateTable).where(TemplateTable.person_id == person_id, TemplateTable.id == template_id)
    row = await session.scalar(query)
    if row is None:
        raise NotFoundError("You have no such template.", remedy="/templates lists yours.")
    return row


def _template(row: TemplateTable) -> Template:
    return Template(id=row.id, name=row.name, kind=row.kind, fields=row.fields, created=row.created)
