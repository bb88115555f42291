"""Trained models. Each is kept in the same step as the job that made it ends.

A name and a version mean one model of a person's. A machine counts its own versions; where another machine has a model
of the same name and version already, the newer one gets the next number here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from head.clock import Clock
from head.errors import NotFoundError
from head.store.database import Database
from head.store.records import JobRow, ModelRow
from head.store.tables import JobTable, ModelTable
from ray_jobs.spec import SPEC, PathData, TrainResult, TrainSpec, clean_name, made_name, name_key

#: The highest that a machine may tell.
_LAST_VERSION = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Models:
    database: Database
    clock: Clock

    async def of_person(self, person_id: str, *, limit: int = 8, offset: int = 0) -> list[ModelRow]:
        """Newest first."""
        order = (ModelTable.created.desc(), ModelTable.id)
        query = _WITH_SPEC.where(ModelTable.person_id == person_id).order_by(*order).limit(limit).offset(offset)
        async with self.database.read() as session:
            return [_model(row, spec) for row, spec in await session.execute(query)]

    async def get(self, person_id: str, model_id: str) -> ModelRow:
        """Raises NotFoundError."""
        async with self.database.read() as session:
            return _model(*await _row(session, person_id, model_id))

    async def rename(self, person_id: str, model_id: str, name: str, version: int) -> ModelRow:
        """Follows the machine, which has renamed it. Raises NotFoundError."""
        async with self.database.write() as session:
            row, spec = await _row(session, person_id, model_id)
            row.version = await _free_version(session, person_id, name, version, besides=model_id)
            row.name = name
            return _model(row, spec)

    async def drop(self, person_id: str, model_id: str) -> None:
        """Forgets a model. Raises NotFoundError."""
        async with self.database.write() as session:
            row, _ = await _row(session, person_id, model_id)
            await session.delete(row)

    async def forget(self, person_id: str, place: str) -> None:
        """All that lay at a place of the person's, which is gone."""
        async with self.database.write() as session:
            here = (ModelTable.person_id == person_id, ModelTable.place == place)
            await session.execute(delete(ModelTable).where(*here))


async def keep_model(session: AsyncSession, job: JobRow, result: TrainResult, *, now: datetime) -> TrainResult:
    """Within a write transaction; the result with the name and version under which the model is kept.

    A machine that gives an id twice changes nothing: the older model keeps it.
    """
    if await session.get(ModelTable, (job.person_id, result.model_id)) is not None:
        return result
    name = clean_name(result.name) or made_name(result.target, result.model)
    version = await _free_version(session, job.person_id, name, result.version)
    result = result.model_copy(update={"name": name, "version": version})
    row = ModelTable(
        person_id=job.person_id,
        id=result.model_id,
        job_id=job.id,
        name=name,
        version=version,
        place=job.place,
        created=now,
        result=result.model_dump_json(),
    )
    session.add(row)
    return result


#: Models with the specs of the jobs that made them.
_WITH_SPEC = select(ModelTable, JobTable.spec).join(JobTable, JobTable.id == ModelTable.job_id)


async def _row(session: AsyncSession, person_id: str, model_id: str) -> tuple[ModelTable, str]:
    here = (ModelTable.person_id == person_id, ModelTable.id == model_id)
    found = (await session.execute(_WITH_SPEC.where(*here))).one_or_none()
    if found is None:
        raise NotFoundError("You have no such model.", remedy="/models lists yours.")
    row, spec = found
    return row, spec


async def _free_version(session: AsyncSession, person_id: str, name: str, wanted: int, *, besides: str = "") -> int:
    """`wanted`, or where another of the person's models is that version of the name, the number after all of them."""
    query = select(ModelTable.name, ModelTable.version).where(
        ModelTable.person_id == person_id, ModelTable.id != besides
    )
    taken = {version for other, version in await session.execute(query) if name_key(other) == name_key(name)}
    if wanted not in taken:
        return wanted
    after = max(taken) + 1
    return after if after <= _LAST_VERSION else next(number for number in count(1) if number not in taken)


def _data(spec_text: str) -> str:
    try:
        spec = SPEC.validate_json(spec_text)
    except ValueError:
        return ""
    if not isinstance(spec, TrainSpec):
        return ""
    return spec.data.path if isinstance(spec.data, PathData) else spec.data.name


def _model(row: ModelTable, spec: str) -> ModelRow:
    return ModelRow(
        id=row.id,
        person_id=row.person_id,
        job_id=row.job_id,
        name=row.name,
        version=row.version,
        data=_data(spec),
        place=row.place,
        created=row.created,
        result=TrainResult.model_validate_json(row.result),
    )
