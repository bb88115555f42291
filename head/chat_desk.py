"""What the chat may ask of the control plane (`head.api.HeadApi`): most of it is one part's business."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Unpack

from head.admin_api import AccessRequest, PoolView, UserView
from head.admission import Admission
from head.api import (
    DRAFT_DAYS,
    EVENTS_PAGE,
    LANGUAGES,
    Change,
    Data,
    DataFacts,
    DataPlaces,
    Draft,
    Event,
    Folder,
    JobStatus,
    JobView,
    JoinOffer,
    JoinState,
    MachineView,
    ModelView,
    PathData,
    Person,
    Rest,
    Spec,
    Template,
    UploadData,
    UploadView,
)
from head.belongings import Preferences
from head.changes import Changes
from head.clock import Clock
from head.errors import RefusedError
from head.export import everything
from head.identity import digest, new_token
from head.jobs import Jobs
from head.machines import Machines
from head.models import Models
from head.pools import Pools
from head.reconcile import Reconciler
from head.sealed import as_admitted, served_person
from head.settings import Settings
from head.store.store import Store
from head.trial import Trial
from ray_jobs.spec import Started

#: A link to the dashboard is pressed at once or not at all.
DASHBOARD_LINK = timedelta(minutes=5)


@dataclass(kw_only=True)
class ChatDesk(ABC):
    """Hands each question on to the part whose it is."""

    settings: Settings
    clock: Clock
    store: Store
    pools_: Pools
    machines_: Machines
    jobs_: Jobs
    trial: Trial
    models_: Models
    admission: Admission
    reconciler: Reconciler
    hub: Changes
    telegram: bool

    @property
    @abstractmethod
    def url(self) -> str:
        """Where machines and browsers reach the gateway."""

    @abstractmethod
    def cut(self, machine_id: str) -> None:
        """Ends the machine's live connection, where there is one."""

    # --- people ---

    async def person_for_telegram(self, telegram_id: int, name: str, *, speaks: str = "") -> Person:
        admin = telegram_id in self.settings.admins
        person = await self.store.people.for_telegram(telegram_id, name, admin=admin, speaks=speaks)
        if self.settings.sealing:
            return person
        return as_admitted(person, served_person(await self.store.people.everybody(), telegram=self.telegram))

    async def person(self, person_id: str) -> Person:
        return await self.store.people.get(person_id)

    async def local_person(self) -> Person:
        return await self.store.people.local()

    async def admins(self) -> list[Person]:
        return await self.store.people.admins()

    async def admit(self, admin_id: str, person_id: str, admitted: bool) -> Person:
        if admitted and not self.settings.sealing:
            raise RefusedError("This server is unsealed, so it serves one person only.", remedy="See `hayride doctor`.")
        person = await self.store.people.admit(admin_id, person_id, admitted)
        for job_id in [] if admitted else await self.store.jobs.open_of(person_id):
            await self.jobs_.cancel(person_id, job_id)
        return person

    async def request_access(self, person_id: str) -> AccessRequest:
        return await self.store.people.request_access(person_id)

    async def users(self, admin_id: str, *, limit: int = 8, offset: int = 0) -> list[UserView]:
        return await self.admission.users(admin_id, limit=limit, offset=offset)

    async def user(self, admin_id: str, person_id: str) -> UserView:
        return await self.admission.user(admin_id, person_id)

    async def pools(self, admin_id: str, *, limit: int = 8, offset: int = 0) -> list[PoolView]:
        return await self.admission.pool_views(admin_id, limit=limit, offset=offset)

    async def put_to_sleep(self, admin_id: str, pool_id: str) -> None:
        await self.admission.put_to_sleep(admin_id, pool_id)

    async def allow_group(self, admin_id: str, chat_id: str, allowed: bool) -> None:
        await self.admission.allow_group(admin_id, chat_id, allowed)

    async def group_allowed(self, chat_id: str) -> bool:
        return await self.store.groups.allowed(chat_id)

    async def prefer(self, person_id: str, **changes: Unpack[Preferences]) -> Person:
        if changes.get("language", "") not in LANGUAGES:
            raise RefusedError("I do not speak that language.", remedy="Choose English or Portuguese.")
        person = await self.store.people.prefer(person_id, **changes)
        self.reconciler.wake()
        return person

    # --- machines ---

    @property
    def joining_enabled(self) -> bool:
        return self.settings.joining

    async def offer_join(self, person_id: str) -> JoinOffer:
        return await self.machines_.offer(person_id, self.url)

    async def join_state(self, person_id: str, offer_id: str) -> tuple[JoinState, MachineView | None]:
        return await self.machines_.join_state(person_id, offer_id)

    async def machines(self, person_id: str) -> list[MachineView]:
        return await self.machines_.of_person(person_id)

    async def revoke(self, person_id: str, machine_id: str) -> None:
        await self.machines_.revoke(person_id, machine_id)
        self.cut(machine_id)
        await self.reconciler.end_jobs_of(person_id, machine_id)
        await self.machines_.tell_pool_of_revoked(person_id, machine_id)

    async def rename_machine(self, person_id: str, machine_id: str, name: str) -> None:
        await self.machines_.rename(person_id, machine_id, name)

    async def set_rest(self, person_id: str, machine_id: str, rest: Rest) -> None:
        await self.machines_.set_rest(person_id, machine_id, rest)
        self.reconciler.wake()

    async def start_pool(self, person_id: str) -> bool:
        """Wakes the person's pool; whether its box is sealed, as seen from inside."""
        pool = await self.pools_.client(person_id)
        return (await pool.health()).sealed

    # --- data, jobs, models ---

    async def upload(self, person_id: str, name: str, content: AsyncIterator[bytes]) -> UploadView:
        return await self.jobs_.upload(person_id, name, content)

    async def find_upload(self, person_id: str, name: str) -> UploadView | None:
        row = await self.store.uploads.newest(person_id, name)
        if row is None:
            return None
        return UploadView(id=row.id, name=row.name, size=row.size, place=row.place, created=row.created)

    async def send_file(self, person_id: str, path: Path) -> UploadData:
        """Sends a file of this host as a person would send it in the chat."""

        async def content() -> AsyncIterator[bytes]:
            yield await asyncio.to_thread(path.read_bytes)

        upload = await self.upload(person_id, path.name, content())
        return UploadData(upload_id=upload.id, name=upload.name)

    async def default_place(self, person_id: str) -> str:
        return await self.jobs_.default_place(person_id)

    async def places_with(self, person_id: str, data: PathData) -> DataPlaces:
        return await self.jobs_.places_with(person_id, data)

    async def inspect(self, person_id: str, place: str, data: Data, target: str | None) -> DataFacts:
        return await self.jobs_.inspect(person_id, place, data, target)

    async def browse(self, person_id: str, place: str, path: str) -> Folder:
        return await self.jobs_.browse(person_id, place, path)

    async def submit(self, person_id: str, spec: Spec, place: str, *, request: str, then: str = "") -> JobView:
        return await self.jobs_.submit(person_id, spec, place, request, then)

    async def test_job(self, person_id: str, machine_id: str, *, request: str) -> JobView:
        return await self.trial.start(person_id, machine_id, request)

    async def cancel(self, person_id: str, job_id: str) -> JobView:
        return await self.jobs_.cancel(person_id, job_id)

    async def job(self, person_id: str, job_id: str) -> JobView:
        return await self.jobs_.view(await self.store.jobs.get(person_id, job_id))

    async def jobs(
        self, person_id: str, *, limit: int = 8, offset: int = 0, among: Collection[JobStatus] = ()
    ) -> list[JobView]:
        rows = await self.store.jobs.of_person(person_id, limit=limit, offset=offset, among=among)
        return [await self.jobs_.view(row) for row in rows]

    async def job_events(
        self, person_id: str, job_id: str, *, before: int | None = None, limit: int = 200
    ) -> list[Event]:
        return await self.store.jobs.newest_events(person_id, job_id, before=before, limit=min(limit, EVENTS_PAGE))

    async def follow(self, job: JobView) -> AsyncIterator[JobView]:
        """The job at each of its changes, the last time when it has ended."""
        changes = self.hub.listen()
        while True:
            job = await self.job(job.person_id, job.id)
            yield job
            if job.status.ended:
                return
            async for change in changes:
                if change.job_id == job.id:
                    break

    async def job_file(self, person_id: str, job_id: str, name: str, target: Path) -> None:
        await self.jobs_.file(person_id, job_id, name, target)

    async def models(self, person_id: str, *, limit: int = 8, offset: int = 0) -> list[ModelView]:
        rows = await self.store.models.of_person(person_id, limit=limit, offset=offset)
        return await self.models_.views(rows)

    async def model(self, person_id: str, model_id: str) -> ModelView:
        return await self.models_.view(await self.store.models.get(person_id, model_id))

    async def rename_model(self, person_id: str, model_id: str, name: str) -> ModelView:
        return await self.models_.rename(person_id, model_id, name)

    async def drop_model(self, person_id: str, model_id: str) -> None:
        await self.models_.drop(person_id, model_id)

    async def dashboard_link(self, person_id: str, *, job_id: str = "") -> str:
        task = await self._task(person_id, job_id) if job_id else ""
        await self.pools_.client(person_id)
        secret = new_token()
        await self.store.links.create(person_id, secret_hash=digest(secret), expires=self.clock.now() + DASHBOARD_LINK)
        return f"{self.url}/dashboard-link/{secret}" + (f"?task={task}" if task else "")

    async def _task(self, person_id: str, job_id: str) -> str:
        """`JOB.TASK` as Ray knows it; "" where it has not begun."""
        job = await self.store.jobs.get(person_id, job_id)
        first = await self.store.jobs.newest_events(person_id, job.id, before=4, limit=3)
        begun = next((event for event in first if isinstance(event, Started)), None)
        return f"{begun.ray_job}.{begun.ray_task}" if begun and begun.ray_task else ""

    # --- what the chat keeps ---

    async def seen(self, names: Collection[str]) -> set[str]:
        return await self.store.arrivals.seen(names)

    async def note_seen(self, names: Collection[str]) -> None:
        await self.store.arrivals.note(names)

    async def export(self, person_id: str) -> bytes:
        return await everything(self.store, person_id)

    async def erase(self, person_id: str) -> None:
        await self.store.people.begin_erasing(person_id)
        for machine in await self.store.machines.of_person(person_id):
            await self.revoke(person_id, machine.id)
        await self.reconciler.erase(person_id)

    async def save_draft(self, person_id: str, draft: Draft) -> Draft:
        return await self.store.drafts.save(person_id, draft)

    async def draft(self, person_id: str, draft_id: str) -> Draft:
        return await self.store.drafts.get(person_id, draft_id)

    async def active_draft(self, person_id: str, chat_id: str) -> Draft | None:
        return await self.store.drafts.active(person_id, chat_id)

    async def drop_draft(self, person_id: str, draft_id: str) -> None:
        await self.store.drafts.drop(person_id, draft_id)

    async def last_run(self, person_id: str, kind: str) -> Draft | None:
        return await self.store.drafts.last_run(person_id, kind)

    async def expired_drafts(self) -> list[tuple[str, Draft]]:
        return await self.store.drafts.expired(before=self.clock.now() - timedelta(days=DRAFT_DAYS))

    async def add_template(self, person_id: str, *, name: str, kind: str, fields: dict[str, object]) -> Template:
        return await self.store.templates.add(person_id, name=name, kind=kind, fields=fields)

    async def templates(self, person_id: str, *, limit: int = 8, offset: int = 0) -> list[Template]:
        return await self.store.templates.of_person(person_id, limit=limit, offset=offset)

    async def template(self, person_id: str, template_id: str) -> Template:
        return await self.store.templates.get(person_id, template_id)

    async def rename_template(self, person_id: str, template_id: str, name: str) -> Template:
        return await self.store.templates.rename(person_id, template_id, name)

    async def drop_template(self, person_id: str, template_id: str) -> None:
        await self.store.templates.drop(person_id, template_id)

    async def save_card(self, person_id: str, *, chat_id: str, subject: str, message_id: int) -> None:
        await self.store.cards.save(person_id, chat_id=chat_id, subject=subject, message_id=message_id)

    async def cards(self, subject: str) -> list[tuple[str, int]]:
        return await self.store.cards.showing(subject)

    async def unsettled(self) -> list[Change]:
        day_ago = self.clock.now() - timedelta(days=1)
        rows = await self.store.jobs.unsettled(since=day_ago)
        machines = await self.store.machines.everybodys()
        return [
            *(Change(person_id=row.person_id, job_id=row.id) for row in rows),
            *(Change(person_id=row.person_id, machine_id=row.id) for row in machines),
            *(
                Change(person_id=row.person_id, offer_id=row.offer_id)
                for row in await self.store.joins.unused(since=day_ago)
            ),
        ]

    def changes(self) -> AsyncIterator[Change]:
        return self.hub.listen()
