"""What people ask of jobs: submit, cancel, look; and the files that go in and come out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from head import lifecycle
from head.api import HEAD, UPLOAD_LIMIT, Change, Data, DataFacts, Folder, JobView, Rest, Spec, UploadView
from head.changes import Changes
from head.clock import Clock
from head.data_places import DataPlaces, look
from head.errors import JobRefused, RefusedError
from head.identity import new_id
from head.lifecycle import Target
from head.machines import Machines
from head.pools import Pools
from head.reconcile import Reconciler
from head.settings import Settings
from head.store.jobs import StaleJob
from head.store.records import JobRow
from head.store.store import Store
from ray_jobs.spec import ExportSpec, PathData, PredictSpec, TrainSpec, UploadData


@dataclass(frozen=True, kw_only=True)
class Jobs:
    settings: Settings
    store: Store
    pools: Pools
    machines: Machines
    reconciler: Reconciler
    changes: Changes
    clock: Clock

    async def submit(self, person_id: str, spec: Spec, place: str, request: str, then: str) -> JobView:
        """Queues a job at a place that is the person's. A model predicts where it lives."""
        if isinstance(spec, PredictSpec | ExportSpec):
            place = (await self.store.models.get(person_id, spec.model_id)).place
        place_name = await self.machines.usable(person_id, place, for_a_job=True)
        _check_then(spec, then)
        data = None if isinstance(spec, ExportSpec) else spec.data
        if isinstance(data, UploadData):
            upload = await self.store.uploads.get(person_id, data.upload_id)
            if upload.place != place:
                raise JobRefused(
                    f"{upload.name} was sent to another place than the one that runs this job.",
                    remedy="Send the file again, or choose the place that has it.",
                )
        row = await self.store.jobs.add(
            person_id=person_id, spec=spec, place=place, request=request, then=then,
            queued_limit=self.settings.limits.queued,
        )  # fmt: skip
        self.changes.publish(Change(person_id=person_id, job_id=row.id))
        self.reconciler.wake()
        return _view(row, place_name, self.machines.rest(place))

    async def cancel(self, person_id: str, job_id: str) -> JobView:
        """Notes the wish; the loop stops the work on the machine. An ended job stays as it is."""
        while True:
            row = await self.store.jobs.get(person_id, job_id)
            state = lifecycle.ask_cancel(row.state, now=self.clock.now())
            if state == row.state:
                return await self.view(row)
            try:
                row = await self.store.jobs.advance(row, state)
            except StaleJob:
                continue
            self.changes.publish(Change(person_id=person_id, job_id=job_id))
            self.reconciler.wake()
            return await self.view(row)

    async def view(self, row: JobRow) -> JobView:
        view = _view(row, await self.machines.place_name(row.person_id, row.place), self.machines.rest(row.place))
        return replace(view, comparing_on=self.reconciler.deals.comparing_on(row.id))

    async def default_place(self, person_id: str) -> str:
        """The one connected machine, else the last one seen, else the head node."""
        rows = await self.store.machines.of_person(person_id)
        connected = [row for row in rows if self.machines.connected(row.id)]
        seen = sorted((row for row in rows if row.last_seen), key=lambda row: row.last_seen or row.created)
        chosen = connected[-1:] or seen[-1:]
        return chosen[0].id if chosen else HEAD

    async def places_with(self, person_id: str, data: PathData) -> DataPlaces:
        rows = await self.store.machines.of_person(person_id)
        connected = {row.id: row.name for row in rows if self.machines.connected(row.id)}
        away = tuple(row.name for row in rows if row.id not in connected)
        if not connected:
            return DataPlaces(silent=away)  # no pool need wake for that
        pool = await self.pools.client(person_id)
        return await look(connected, away, lambda place: pool.inspect(place, data, None))

    async def inspect(self, person_id: str, place: str, data: Data, target: str | None) -> DataFacts:
        name = await self.machines.usable(person_id, place)
        if place != HEAD and not self.machines.connected(place):
            raise JobRefused(
                f"{name} is away, and the file lies there.",
                remedy="Start its node agent, or choose another place. A job may also wait for it.",
            )
        pool = await self.pools.client(person_id)
        return await pool.inspect(place, data, target)

    async def browse(self, person_id: str, place: str, path: str) -> Folder:
        name = await self.machines.usable(person_id, place)
        if place == HEAD:
            raise RefusedError("The server has no folders of yours.", remedy="Send me the file here.")
        self.machines.check_here(place, name)
        return await (await self.pools.client(person_id)).browse(place, path)

    # --- files ---

    async def upload(self, person_id: str, name: str, content: AsyncIterator[bytes]) -> UploadView:
        """A sent file goes to the person's connected machine, else to the pool's inbox; in memory on its way."""
        await self._check_room(person_id, name, 0)
        body = bytearray()
        async for chunk in content:
            body += chunk
            if len(body) > UPLOAD_LIMIT:
                raise JobRefused(
                    f"{name} is larger than {UPLOAD_LIMIT // (1 << 20)} MB, the most that a chat passes on.",
                    remedy="Put it into an allowed folder of your machine and give its path.",
                )
        place = await self.default_place(person_id)
        if place != HEAD and not self.machines.connected(place):
            place = HEAD
        return await self.keep(person_id, name, bytes(body), place)

    async def keep(self, person_id: str, name: str, body: bytes, place: str) -> UploadView:
        """Puts a file into the inbox of a place that is the person's. Raises JobRefused beyond the limits."""
        await self._check_room(person_id, name, len(body))
        pool = await self.pools.client(person_id)
        upload_id = new_id()
        await pool.put_upload(upload_id, place, name, body)
        row = await self.store.uploads.add(
            upload_id=upload_id, person_id=person_id, name=name, size=len(body), place=place
        )
        return UploadView(id=row.id, name=row.name, size=row.size, place=row.place, created=row.created)

    async def _check_room(self, person_id: str, name: str, size: int) -> None:
        """Raises JobRefused where a further file of that size is more than a person may keep."""
        limits = self.settings.limits
        count, kept = await self.store.uploads.kept(person_id)
        if count >= limits.uploads:
            raise JobRefused(
                f"I keep {count} files that you sent, which is the limit.",
                remedy="Put the file into an allowed folder of your machine and give its path.",
            )
        if kept + size > limits.upload_size:
            most = limits.upload_size >> 20
            raise JobRefused(
                f"With {name}, the files that you sent hold more than {most} MB, which is the limit.",
                remedy="Put the file into an allowed folder of your machine and give its path.",
            )

    async def file(self, person_id: str, job_id: str, name: str, target: Path) -> None:
        row = await self.store.jobs.get(person_id, job_id)
        pool = await self.pools.client(person_id)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = await asyncio.to_thread(
            os.open, target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600
        )
        with os.fdopen(descriptor, "wb") as file:
            await pool.download(job_id, row.place, name, file)


def _check_then(spec: Spec, then: str) -> None:
    """What follows a job is made when that ends, where nobody is there to hear that it can't be."""
    if not then:
        return
    if not isinstance(spec, TrainSpec):
        raise JobRefused("Only a training can be followed by a prediction.")
    try:
        PathData(path=then)
    except ValidationError as error:
        raise JobRefused("That is no path to predict.", remedy="A good one looks like ~/hayride/new.csv.") from error


def _view(row: JobRow, place_name: str, rest: Rest) -> JobView:
    state = row.state
    return JobView(
        id=row.id,
        person_id=row.person_id,
        spec=row.spec,
        place=row.place,
        place_name=place_name,
        status=state.status,
        cancelling=state.target is Target.CANCEL and not state.status.ended,
        end_reason=state.end_reason,
        problem=state.problem,
        result=state.result,
        progress=state.progress,
        node_ip=state.node_ip,
        sealed=state.sealed,
        created=state.created,
        started=state.started,
        ended=state.ended,
        then=row.then,
        next_id=row.next_id,
        revision=row.revision,
        rest=rest,
        history=lifecycle.moments(state),
    )
