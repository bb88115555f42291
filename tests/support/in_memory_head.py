"""A control plane without machines, for tests of the chat. It passes the same contract as the real one
(tests/contract/test_head_api.py); what machines and pools would do is done by the test, by the methods at the end.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Unpack

from head.api import (
    EVENTS_PAGE,
    HEAD,
    LANGUAGES,
    UPLOAD_LIMIT,
    Change,
    Data,
    DataFacts,
    DataPlaces,
    DataRefused,
    EndReason,
    Event,
    ExportSpec,
    Folder,
    HayrideError,
    JobRefused,
    JobStatus,
    JobView,
    JoinOffer,
    JoinRefused,
    JoinState,
    MachineState,
    MachineView,
    ModelView,
    Moment,
    NotFoundError,
    PathData,
    Person,
    PredictSpec,
    Problem,
    ProblemCode,
    RefusedError,
    Rest,
    Result,
    Spec,
    TrainResult,
    TrainSpec,
    UploadData,
    UploadView,
)
from head.belongings import Preferences
from head.data_places import look
from ray_jobs.spec import ColumnFacts, Proposal
from tests.support.in_memory_admission import InMemoryAdmission
from tests.support.in_memory_belongings import InMemoryBelongings
from tests.support.in_memory_folders import shared

COMMAND = "curl -fsSL 'https://hayride.example.org/worker' | python3 - --token=" + "t" * 43


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file as an inspection would find it: columns with their number of distinct values."""

    columns: Mapping[str, int]
    rows: int = 100
    balance: Mapping[str, int] = field(default_factory=dict)  #: rows of each class


CHURN = Table(columns={"age": 60, "plan": 3, "months": 40, "churned": 2}, rows=7043, balance={"no": 5174, "yes": 1869})


@dataclass(kw_only=True)
class InMemoryHead(InMemoryAdmission, InMemoryBelongings):
    joining_enabled: bool = True
    files: dict[str, Table | Problem | HayrideError] = field(default_factory=dict)  #: by path or upload's name
    #: by machine's id, where not all machines have the same files
    files_on: dict[str, dict[str, Table | Problem | HayrideError]] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=shared)  #: what every machine shares, by path
    job_files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _machines: dict[str, tuple[str, MachineView]] = field(default_factory=dict)
    _requests: dict[tuple[str, str], str] = field(default_factory=dict)
    _events: dict[str, list[Event]] = field(default_factory=dict)
    _models: dict[str, tuple[str, ModelView]] = field(default_factory=dict)
    _uploads: list[tuple[str, UploadView]] = field(default_factory=list)
    _offers: dict[str, tuple[str, JoinOffer, str]] = field(default_factory=dict)

    # --- people ---

    async def person(self, person_id: str) -> Person:
        if person_id not in self.people:
            raise NotFoundError("There is no such person.")
        return self.people[person_id]

    async def prefer(self, person_id: str, **changes: Unpack[Preferences]) -> Person:
        if changes.get("language", "") not in LANGUAGES:
            raise RefusedError("I do not speak that language.")
        self.people[person_id] = replace(self.people[person_id], **changes)
        return self.people[person_id]

    # --- machines ---

    async def offer_join(self, person_id: str) -> JoinOffer:
        if not self.joining_enabled:
            raise JoinRefused("Joining is switched off on this server.")
        expires = self.clock.now() + timedelta(minutes=5)
        offer = JoinOffer(offer_id=_id(), command=COMMAND, expires=expires)
        self._offers[offer.offer_id] = (person_id, offer, "")
        return offer

    async def join_state(self, person_id: str, offer_id: str) -> tuple[JoinState, MachineView | None]:
        owner, offer, machine_id = self._offers.get(offer_id, ("", None, ""))
        if offer is None or owner != person_id:
            raise NotFoundError("There is no such join command.")
        if not machine_id:
            return (JoinState.EXPIRED if self.clock.now() >= offer.expires else JoinState.WAITING), None
        view = self._machines[machine_id][1]
        states = {MachineState.CONNECTED: JoinState.JOINED, MachineState.UNREACHABLE: JoinState.CONNECTING}
        return states.get(view.state, JoinState.INSTALLING), view

    async def machines(self, person_id: str) -> list[MachineView]:
        mine = [view for owner, view in self._machines.values() if owner == person_id]
        kept = [view for view in mine if view.state is not MachineState.REVOKED]
        return sorted(kept, key=lambda view: view.state is MachineState.CONNECTED)

    async def revoke(self, person_id: str, machine_id: str) -> None:
        self._machine(person_id, machine_id)
        self.set_machine(machine_id, state=MachineState.REVOKED)
        over = {machine_id} if await self.machines(person_id) else {machine_id, HEAD}
        for job in list(self._jobs.values()):
            if job.person_id == person_id and job.place in over and not job.status.ended:
                ending = {"end_reason": EndReason.REVOKED, "ended": self.clock.now()}
                self.set_job(job.id, status=JobStatus.FAILED, **ending)

    async def rename_machine(self, person_id: str, machine_id: str, name: str) -> None:
        self._machine(person_id, machine_id)
        mine = await self.machines(person_id)
        if not 0 < len(name.strip()) <= 40 or name.strip().casefold() in {it.name.casefold() for it in mine}:
            raise RefusedError("That is no name for a machine, or another one's.")
        self.set_machine(machine_id, name=name.strip())

    async def set_rest(self, person_id: str, machine_id: str, rest: Rest) -> None:
        view = self._machine(person_id, machine_id)
        idle = rest is Rest.LEAVING and not view.running_jobs
        self.set_machine(machine_id, rest=rest, **({"state": MachineState.REVOKED} if idle else {}))

    # --- data, jobs, models ---

    async def upload(self, person_id: str, name: str, content: AsyncIterator[bytes]) -> UploadView:
        body = b"".join([piece async for piece in content])
        if len(body) > UPLOAD_LIMIT:
            raise JobRefused(f"{name} is too large.")
        place = await self.default_place(person_id)
        if place != HEAD and self._machines[place][1].state is not MachineState.CONNECTED:
            place = HEAD
        view = UploadView(id=_id(), name=name, size=len(body), place=place, created=self.clock.now())
        self._uploads.append((person_id, view))
        return view

    async def find_upload(self, person_id: str, name: str) -> UploadView | None:
        mine = [view for owner, view in self._uploads if owner == person_id and view.name == name]
        return mine[-1] if mine else None

    async def default_place(self, person_id: str) -> str:
        mine = await self.machines(person_id)
        return mine[-1].id if mine else HEAD

    async def places_with(self, person_id: str, data: PathData) -> DataPlaces:
        mine = await self.machines(person_id)
        connected = {it.id: it.name for it in mine if it.state is MachineState.CONNECTED}
        away = tuple(it.name for it in mine if it.id not in connected)
        return await look(connected, away, lambda place: self.inspect(person_id, place, data, None))

    async def inspect(self, person_id: str, place: str, data: Data, target: str | None) -> DataFacts:
        if place != HEAD and self._machine(person_id, place).state is not MachineState.CONNECTED:
            raise JobRefused("That machine is away, and the file lies there.")
        name = data.path if data.kind == "path" else data.name
        missing = Problem(code=ProblemCode.FILE_MISSING, message=f"There is no file {name}.", subject=name)
        found = self.files_on.get(place, self.files).get(name, missing)
        if isinstance(found, HayrideError):
            raise found
        if isinstance(found, Problem):
            raise DataRefused(found)
        if target is not None and target not in found.columns:
            raise DataRefused(
                Problem(
                    code=ProblemCode.TARGET_MISSING,
                    message=f"There is no column {target}.",
                    subject=target,
                    suggestions=tuple(name for name in found.columns if name[:1] == target[:1]),
                )
            )
        return _facts(name, found, target)

    async def browse(self, person_id: str, place: str, path: str) -> Folder:
        if place == HEAD:
            raise RefusedError("The server has no folders of yours.", remedy="Send me the file here.")
        self._check_here(person_id, place)
        if path not in self.folders:
            raise DataRefused(Problem(code=ProblemCode.FILE_MISSING, message=f"There is no folder {path}."))
        return self.folders[path]

    async def test_job(self, person_id: str, machine_id: str, *, request: str) -> JobView:
        if machine_id == HEAD:
            raise NotFoundError("You have no such machine.", remedy="/worker lists yours.")
        self._machine(person_id, machine_id)
        if (person_id, request) not in self._requests:
            self._check_here(person_id, machine_id)
        data = UploadData(upload_id=_id(), name="breast-cancer.csv")
        spec = TrainSpec(data=data, target="diagnosis", model="logistic_regression")
        return await self.submit(person_id, spec, machine_id, request=request)

    async def submit(self, person_id: str, spec: Spec, place: str, *, request: str, then: str = "") -> JobView:
        if isinstance(spec, PredictSpec | ExportSpec):
            place = (await self.model(person_id, spec.model_id)).place
        name = "head" if place == HEAD else self._machine(person_id, place).name
        known = self._requests.get((person_id, request))
        if known is not None:
            return self._jobs[known]
        job = JobView(
            id=_id(), person_id=person_id, spec=spec, place=place, place_name=name, status=JobStatus.QUEUED,
            cancelling=False, end_reason=None, problem=None, result=None, progress=None, node_ip=None, sealed=None,
            created=self.clock.now(), started=None, ended=None, revision=1, then=then,
            history=(Moment(at=self.clock.now(), status=JobStatus.QUEUED),),
        )  # fmt: skip
        self._jobs[job.id] = job
        self._requests[person_id, request] = job.id
        self.hub.publish(Change(person_id=person_id, job_id=job.id))
        return job

    async def cancel(self, person_id: str, job_id: str) -> JobView:
        job = await self.job(person_id, job_id)
        return job if job.status.ended else self.set_job(job_id, cancelling=True)

    async def job(self, person_id: str, job_id: str) -> JobView:
        job = self._jobs.get(job_id)
        if job is None or job.person_id != person_id:
            raise NotFoundError("You have no such job.", remedy="/jobs lists yours.")
        return job

    async def jobs(
        self, person_id: str, *, limit: int = 8, offset: int = 0, among: Collection[JobStatus] = ()
    ) -> list[JobView]:
        newest = [job for job in reversed(self._jobs.values()) if job.person_id == person_id]
        wanted = [job for job in newest if not among or job.status in among]
        return sorted(wanted, key=lambda job: job.status.ended)[offset : offset + limit]

    async def job_events(
        self, person_id: str, job_id: str, *, before: int | None = None, limit: int = 200
    ) -> list[Event]:
        await self.job(person_id, job_id)
        told = [event for event in self._events.get(job_id, []) if before is None or event.n < before]
        return told[-min(limit, EVENTS_PAGE) :] if limit > 0 else []

    async def job_file(self, person_id: str, job_id: str, name: str, target: Path) -> None:
        await self.job(person_id, job_id)
        if (job_id, name) not in self.job_files:
            raise NotFoundError("There is no such file.")
        with target.open("xb") as file:
            file.write(self.job_files[job_id, name])

    async def models(self, person_id: str, *, limit: int = 8, offset: int = 0) -> list[ModelView]:
        mine = [view for owner, view in reversed(self._models.values()) if owner == person_id]
        return mine[offset : offset + limit]

    async def model(self, person_id: str, model_id: str) -> ModelView:
        owner, view = self._models.get(model_id, ("", None))
        if view is None or owner != person_id:
            raise NotFoundError("You have no such model.", remedy="/models lists yours.")
        return view

    async def rename_model(self, person_id: str, model_id: str, name: str) -> ModelView:
        view = await self._model_there(person_id, model_id)
        if not 0 < len(name.strip()) <= 100:
            raise RefusedError("That is no name.")
        view = replace(view, name=name.strip(), version=self._next_version(person_id, name.strip()))
        self._models[model_id] = (person_id, view)
        return view

    async def drop_model(self, person_id: str, model_id: str) -> None:
        await self._model_there(person_id, model_id)
        del self._models[model_id]

    async def dashboard_link(self, person_id: str, *, job_id: str = "") -> str:
        task = f"?task=01000000.{(await self.job(person_id, job_id)).id}" if job_id else ""
        return f"https://hayride.example.org/dashboard-link/{secrets.token_urlsafe(8)}{task}"

    # --- what the chat keeps ---

    async def export(self, person_id: str) -> bytes:
        jobs = [{"id": job.id} for job in self._jobs.values() if job.person_id == person_id]
        return json.dumps({"person": {"id": person_id}, "jobs": jobs}).encode()

    async def erase(self, person_id: str) -> None:
        for machine in await self.machines(person_id):
            await self.revoke(person_id, machine.id)
        self._jobs = {id: job for id, job in self._jobs.items() if job.person_id != person_id}
        self._requests = {key: id for key, id in self._requests.items() if key[0] != person_id}
        self._models = {id: it for id, it in self._models.items() if it[0] != person_id}
        self._drafts = {id: it for id, it in self._drafts.items() if it[0] != person_id}
        self._templates = {id: it for id, it in self._templates.items() if it[0] != person_id}
        self._uploads = [it for it in self._uploads if it[0] != person_id]
        self._cards = {key: id for key, id in self._cards.items() if self._carded[key] != person_id}
        person = self.people[person_id]
        self.people[person_id] = replace(person, language="", speaks="", machine_news=True, keep_uploads=False)
        if not (person.admin or person.admitted):
            del self.people[person_id]

    async def unsettled(self) -> list[Change]:
        day_ago = self.clock.now() - timedelta(days=1)
        recent = [job for job in self._jobs.values() if job.ended is None or job.ended >= day_ago]
        jobs = [Change(person_id=job.person_id, job_id=job.id) for job in recent]
        known = [(owner, view) for owner, view in self._machines.values() if view.state is not MachineState.REVOKED]
        machines = [Change(person_id=owner, machine_id=view.id) for owner, view in known]
        unused = [(owner, offer) for owner, offer, machine_id in self._offers.values() if not machine_id]
        offers = [Change(person_id=owner, offer_id=it.offer_id) for owner, it in unused if it.expires > day_ago]
        return [*jobs, *machines, *offers]

    def changes(self) -> AsyncIterator[Change]:
        return self.hub.listen()

    def _machine(self, person_id: str, machine_id: str) -> MachineView:
        owner, view = self._machines.get(machine_id, ("", None))
        if view is None or owner != person_id:
            raise NotFoundError("You have no such machine.", remedy="/worker lists yours.")
        return view

    def _check_here(self, person_id: str, machine_id: str) -> None:
        view = self._machine(person_id, machine_id)
        if view.state is not MachineState.CONNECTED:
            raise JobRefused(f"{view.name} is away just now.", remedy="Start its node agent, then try again.")

    async def _model_there(self, person_id: str, model_id: str) -> ModelView:
        view = await self.model(person_id, model_id)
        if view.place != HEAD and self._machine(person_id, view.place).state is not MachineState.CONNECTED:
            raise JobRefused(f"{view.place_name} is away, and {view.name} lies there.")
        return view

    def _next_version(self, person_id: str, name: str) -> int:
        mine = [view.version for owner, view in self._models.values() if (owner, view.name) == (person_id, name)]
        return max(mine, default=0) + 1

    # --- what machines and pools would do ---

    def add_machine(self, person_id: str, name: str, state: MachineState = MachineState.CONNECTED) -> MachineView:
        now = self.clock.now()
        view = MachineView(
            id=_id(), name=name, state=state, since=now, last_seen=now, address="127.77.1.1", sealed=True, cores=8,
            memory=32 << 30, platform="Linux 6.8", version="0.1.0", running_jobs=0, allowed=("~/hayride",),
        )  # fmt: skip
        self._machines[view.id] = (person_id, view)
        return view

    def set_machine(self, machine_id: str, **changes: object) -> None:
        owner, view = self._machines[machine_id]
        self._machines[machine_id] = (owner, replace(view, **changes))  # type: ignore[arg-type]
        self.hub.publish(Change(person_id=owner, machine_id=machine_id))

    def redeem(self, offer_id: str, machine_id: str) -> None:
        owner, offer, _ = self._offers[offer_id]
        self._offers[offer_id] = (owner, offer, machine_id)
        self.hub.publish(Change(person_id=owner, offer_id=offer_id))

    @property
    def offers(self) -> list[str]:
        return list(self._offers)

    def tell(self, job_id: str, *events: Event) -> None:
        """What the job's agent sends; the card shows the newest of it only where the test says so."""
        self._events.setdefault(job_id, []).extend(events)

    def finish(self, job_id: str, result: Result) -> JobView:
        """The job is done; a training leaves its model."""
        job = self._jobs[job_id]
        if isinstance(result, TrainResult) and isinstance(job.spec, TrainSpec):
            name = result.name or f"{result.target}-{result.model}"
            result = result.model_copy(update={"name": name, "version": self._next_version(job.person_id, name)})
            data = job.spec.data
            view = ModelView(
                id=result.model_id, data=data.path if isinstance(data, PathData) else data.name, name=name,
                version=result.version, place=job.place, place_name=job.place_name, created=self.clock.now(),
                result=result,
            )  # fmt: skip
            self._models[view.id] = (job.person_id, view)
        next_id = ""
        if job.then and isinstance(result, TrainResult):
            next_id = _id()
            spec = PredictSpec(data=PathData(path=job.then), model_id=result.model_id)
            self._jobs[next_id] = replace(
                job, id=next_id, spec=spec, then="", status=JobStatus.QUEUED, started=None, revision=1
            )
        return self.set_job(
            job_id, status=JobStatus.COMPLETED, end_reason=EndReason.DONE, result=result, ended=self.clock.now(),
            next_id=next_id,
        )  # fmt: skip


def _facts(name: str, table: Table, target: str | None) -> DataFacts:
    distinct = table.columns[target] if target else None
    regression = distinct is not None and distinct > 20
    return DataFacts(
        path=name,
        bytes=table.rows * 20,
        rows=table.rows,
        columns=tuple(
            ColumnFacts(name=column, kind="number" if count > 20 else "category", missing=0, distinct=count)
            for column, count in table.columns.items()
        ),
        target=target,
        task=None if distinct is None else "regression" if regression else "classification",
        classes=None if distinct is None or regression else distinct,
        balance={} if distinct is None or regression else dict(table.balance),
        targets=() if target else (Proposal(name=list(table.columns)[-1], reason="It is the last column."),),
        memory=table.rows * 30_000,
        seconds=4.2,
    )


def _id() -> str:
    return secrets.token_hex(5)
