"""Trained models. Each is kept in the same step as the job that made it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from head.clock import Clock
from head.errors import NotFoundError
from head.store.database import Database
from head.store.records import JobRow, ModelRow
from head.store.tables import ModelTable
from ray_jobs.spec import TrainResult


@dataclass(frozen=True, kw_only=True)
class Models:
    database: Database
    clock: Clock

    async def of_person(self, person_id: str, *, limit: int = 8, offset: int = 0) -> list[ModelRow]:
        """Newest first."""
        order = (ModelTable.created.desc(), ModelTable.id)
        query = select(ModelTable).where(ModelTable.person_id == person_id).order_by(*order)
        async with self.database.read() as session:
            return [_model(row) for row in await session.scalars(query.limit(limit).offset(offset))]

    async def get(self, person_id: str, model_id: str) -> ModelRow:
        """Raises NotFoundError."""
        async with self.database.read() as session:
            row = await session.get(ModelTable, (person_id, model_id))
            if row is None:
                raise NotFoundError("You have no such model.", remedy="/models lists yours.")
            return _model(row)


async def keep_model(session: AsyncSession, job: JobRow, result: TrainResult, *, now: datetime) -> None:
    """Within a write transaction. A machine that gives an id twice changes nothing: the older model keeps it."""
    if await session.get(ModelTable, (job.person_id, result.model_id)) is not None:
        return
    row = ModelTable(
        person_id=job.person_id,
        id=result.model_id,
        job_id=job.id,
        name=await _free_name(session, job.person_id, f"{result.target}-{result.model}"[:256]),
        place=job.place,
        created=now,
        result=result.model_dump_json(),
    )
    session.add(row)


async def _free_name(session: AsyncSession, person_id: str, wanted: str) -> str:
    """What it predicts and how, with a number behind it from the person's second such model on."""
    taken = set(await session.scalars(select(ModelTable.name).where(ModelTable.person_id == person_id)))
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _model(row: ModelTable) -> ModelRow:
    return ModelRow(
        id=row.id,
        person_id=row.person_id,
        job_id=row.job_id,
        name=row.name,
        place=row.place,
        created=row.created,
        result=TrainResult.model_validate_json(row.result),
    )
