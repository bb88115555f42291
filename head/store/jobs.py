"""Jobs and their events. What may change is decided in head.lifecycle; here it is kept, revision by revision."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from head.api import EndReason, JobStatus
from head.clock import Clock
from head.errors import JobRefused, NotFoundError
from head.identity import new_id
from head.lifecycle import JobState, Target
from head.store.database import Database
from head.store.models import keep_model
from head.store.records import JobRow
from head.store.tables import EventTable, JobTable
from ray_jobs.spec import (
    EVENT,
    SPEC,
    Event,
    ExportSpec,
    PathData,
    PredictSpec,
    Problem,
    Progress,
    Result,
    Spec,
    TrainResult,
    UploadData,
    is_ending,
)

#: A box may send events without end; beyond this many of a job, or this many bytes of them, only the newest progress
#: and the ending are kept.
EVENTS_KEPT = 10_000
EVENT_BYTES_KEPT = 1024 * 1024

log = logging.getLogger(__name__)

_RESULT: TypeAdapter[Result] = TypeAdapter(Result)
_ENDED = tuple(status.value for status in JobStatus if status.ended)


class StaleJob(Exception):
    """Somebody else changed the job since it was read: read it again and decide again."""


@dataclass(frozen=True, kw_only=True)
class Jobs:
    database: Database
    clock: Clock
    _complained: set[str] = field(default_factory=set, init=False, repr=False)  #: ids of unreadable rows, told once

    async def add(
        self, *, person_id: str, spec: Spec, place: str, request: str, queued_limit: int, then: str = ""
    ) -> JobRow:
        """Queues a job; the same `request` of the same person gives the same job, whatever else is said. `then`: a path
        to predict with the model that it trains.

        Raises JobRefused where `queued_limit` of the person's jobs are queued already.
        """
        async with self.database.write() as session:
            same = select(JobTable).where(JobTable.person_id == person_id, JobTable.request == request)
            row = await session.scalar(same)
            if row is None:
                waiting = (JobTable.person_id == person_id, JobTable.status == JobStatus.QUEUED.value)
                queued = await session.scalar(select(func.count()).select_from(JobTable).where(*waiting))
                if (queued or 0) >= queued_limit:
                    raise JobRefused(
                        f"You have {queued} jobs waiting, which is the limit.",
                        remedy="Wait for one to start, or cancel one: /jobs.",
                    )
                row = self._new(spec, person_id=person_id, place=place, request=request, then=then)
                session.add(row)
                await session.flush()
            return _job(row)

    async def get(self, person_id: str, job_id: str) -> JobRow:
        """Raises NotFoundError."""
        query = select(JobTable).where(JobTable.person_id == person_id, JobTable.id == job_id)
        async with self.database.read() as session:
            row = await session.scalar(query)
            if row is None:
                raise NotFoundError("You have no such job.", remedy="/jobs lists yours.")
            return _job(row)

    async def requested(self, person_id: str, request: str) -> JobRow | None:
        """What came of that request of the person's."""
        query = select(JobTable).where(JobTable.person_id == person_id, JobTable.request == request)
        async with self.database.read() as session:
            row = await session.scalar(query)
            return None if row is None else _job(row)

    async def of_person(
        self, person_id: str, *, limit: int = 8, offset: int = 0, among: Collection[JobStatus] = ()
    ) -> list[JobRow]:
        """Open ones first, then newest first. `among`: those that stand there only; (): all."""
        order = (case((JobTable.status.in_(_ENDED), 1), else_=0), JobTable.created.desc(), JobTable.id)
        query = select(JobTable).where(JobTable.person_id == person_id).order_by(*order).limit(limit).offset(offset)
        if among:
            query = query.where(JobTable.status.in_([status.value for status in among]))
        async with self.database.read() as session:
            return self._readable(await session.scalars(query))

    async def open(self) -> list[JobRow]:
        """Everybody's jobs that have not ended, oldest first: what the reconcile loop works on."""
        query = select(JobTable).where(JobTable.status.not_in(_ENDED)).order_by(JobTable.created, JobTable.id)
        async with self.database.read() as session:
            return self._readable(await session.scalars(query))

    async def unsettled(self, *, since: datetime) -> list[JobRow]:
        """Everybody's jobs that are open or have ended since then, oldest first."""
        query = select(JobTable).where(JobTable.status.not_in(_ENDED) | (JobTable.ended >= since))
        async with self.database.read() as session:
            return self._readable(await session.scalars(query.order_by(JobTable.created, JobTable.id)))

    async def unacknowledged(self) -> list[JobRow]:
        """Everybody's ended jobs whose agent still keeps their journal."""
        query = select(JobTable).where(JobTable.status.in_(_ENDED), JobTable.acknowledged < JobTable.last_event)
        async with self.database.read() as session:
            return self._readable(await session.scalars(query.order_by(JobTable.created)))

    async def count_running(self, place: str) -> int:
        """How many jobs run at a machine, as far as is known."""
        here = (JobTable.place == place, JobTable.status == JobStatus.RUNNING.value)
        async with self.database.read() as session:
            return await session.scalar(select(func.count()).select_from(JobTable).where(*here)) or 0

    async def open_of(self, person_id: str) -> list[str]:
        """Ids of the person's jobs that have not ended."""
        query = select(JobTable.id).where(JobTable.person_id == person_id, JobTable.status.not_in(_ENDED))
        async with self.database.read() as session:
            return list(await session.scalars(query))

    async def count_told(self, place: str) -> int:
        """How many jobs run at a machine or may have been begun there."""
        told = (JobStatus.DISPATCHED, JobStatus.RUNNING, JobStatus.UNREACHABLE)
        here = (JobTable.place == place, JobTable.status.in_([status.value for status in told]))
        async with self.database.read() as session:
            return await session.scalar(select(func.count()).select_from(JobTable).where(*here)) or 0

    async def advance(self, job: JobRow, state: JobState, *, events: Sequence[Event] = ()) -> JobRow:
        """Stores the new state, the events that led to it and the model that came of it: all or nothing.

        An event that is there already is left as it is. Raises StaleJob if the job is no longer at `job.revision`.
        """
        async with self.database.write() as session:
            here = (JobTable.id == job.id, JobTable.person_id == job.person_id, JobTable.revision == job.revision)
            query = update(JobTable).where(*here).values(**_columns(state), revision=JobTable.revision + 1)
            row = await session.scalar(query.returning(JobTable))
            if row is None:
                raise StaleJob(job.id)
            await _append(session, row, events)
            if job.state.result is None and isinstance(state.result, TrainResult):
                kept = await keep_model(session, job, state.result, now=state.ended or self.clock.now())
                row.result = kept.model_dump_json()
                if row.then_predict:
                    row.next_job = self._add_next(session, row, kept.model_id)
            return _job(row)

    def _add_next(self, session: AsyncSession, job: JobTable, model_id: str) -> str:
        """The prediction that was asked for together with the training; queued in the step in which that ends, so that
        it is there exactly once, whatever happens.
        """
        spec = PredictSpec(data=PathData(path=job.then_predict), model_id=model_id)
        row = self._new(spec, person_id=job.person_id, place=job.place, request=f"then:{job.id}", then="")
        session.add(row)
        return row.id

    def _new(self, spec: Spec, *, person_id: str, place: str, request: str, then: str) -> JobTable:
        row = JobTable(id=new_id(), person_id=person_id, request=request, place=place)
        row.acknowledged, row.event_bytes, row.revision = 0, 0, 1
        row.spec, row.then_predict, row.next_job = SPEC.dump_json(spec).decode(), then, ""
        data = None if isinstance(spec, ExportSpec) else spec.data
        row.upload_id = data.upload_id if isinstance(data, UploadData) else None
        state = JobState(created=self.clock.now())
        for column, value in _columns(state).items():
            setattr(row, column, value)
        row.created = state.created
        return row

    async def events(self, person_id: str, job_id: str, *, since: int = 0, limit: int = 1000) -> list[Event]:
        """The person's job's stored events after `since`, in order. Raises NotFoundError."""
        await self.get(person_id, job_id)
        query = select(EventTable.event).where(EventTable.job_id == job_id, EventTable.n > since)
        async with self.database.read() as session:
            rows = await session.scalars(query.order_by(EventTable.n).limit(limit))
            return [EVENT.validate_json(text) for text in rows]

    async def newest_events(self, person_id: str, job_id: str, *, before: int | None, limit: int) -> list[Event]:
        """The newest of the person's job's stored events numbered below `before`, in order. Raises NotFoundError."""
        await self.get(person_id, job_id)
        query = select(EventTable.event).where(EventTable.job_id == job_id)
        if before is not None:
            query = query.where(EventTable.n < before)
        async with self.database.read() as session:
            rows = list(await session.scalars(query.order_by(EventTable.n.desc()).limit(max(0, limit))))
            return [EVENT.validate_json(text) for text in reversed(rows)]

    async def acknowledge(self, job_id: str, n: int) -> None:
        """The agent was told to forget the job's events up to `n`. No change of the job for anybody's eyes."""
        async with self.database.write() as session:
            query = update(JobTable).where(JobTable.id == job_id, JobTable.acknowledged < n)
            await session.execute(query.values(acknowledged=n))

    def _readable(self, rows: Iterable[JobTable]) -> list[JobRow]:
        """Without those that cannot be read (another version wrote them): one must not stop everybody's."""
        found = []
        for row in rows:
            try:
                found.append(_job(row))
            except (ValueError, TypeError) as error:
                if row.id not in self._complained:
                    self._complained.add(row.id)
                    log.error("job %s cannot be read (%s) and is left alone", row.id, type(error).__name__)
        return found


async def _append(session: AsyncSession, job: JobTable, events: Sequence[Event]) -> None:
    if not events:
        return
    numbers = [event.n for event in events]
    query = select(EventTable.n).where(EventTable.job_id == job.id, EventTable.n.in_(numbers))
    there = set(await session.scalars(query))
    for event in events:
        if event.n in there:
            continue
        text = EVENT.dump_json(event)
        fits = event.n <= EVENTS_KEPT and job.event_bytes + len(text) <= EVENT_BYTES_KEPT
        if fits or is_ending(event):
            there.add(event.n)
            job.event_bytes += len(text)
            session.add(EventTable(job_id=job.id, n=event.n, event=text.decode()))


def _columns(state: JobState) -> dict[str, object]:
    return {
        "status": state.status.value,
        "target": state.target.value,
        "end_reason": state.end_reason and state.end_reason.value,
        "problem": state.problem and state.problem.model_dump_json(),
        "result": state.result and state.result.model_dump_json(),
        "progress": state.progress and state.progress.model_dump_json(),
        "node_ip": state.node_ip,
        "sealed": state.sealed,
        "started": state.started,
        "ended": state.ended,
        "last_event": state.last_event,
        "story": list(state.story),
    }


def _job(row: JobTable) -> JobRow:
    state = JobState(
        created=row.created,
        status=JobStatus(row.status),
        target=Target(row.target),
        end_reason=EndReason(row.end_reason) if row.end_reason else None,
        problem=Problem.model_validate_json(row.problem) if row.problem else None,
        result=_RESULT.validate_json(row.result) if row.result else None,
        progress=Progress.model_validate_json(row.progress) if row.progress else None,
        node_ip=row.node_ip,
        sealed=row.sealed,
        started=row.started,
        ended=row.ended,
        last_event=row.last_event,
        story=tuple(row.story),
    )
    return JobRow(
        id=row.id,
        person_id=row.person_id,
        spec=SPEC.validate_json(row.spec),
        place=row.place,
        state=state,
        then=row.then_predict,
        next_id=row.next_job,
        acknowledged=row.acknowledged,
        revision=row.revision,
    )
