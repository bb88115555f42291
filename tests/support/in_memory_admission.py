"""The part of the in-memory control plane that knows people: who may come in, and what admins see."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from head.api import (
    AccessRequest,
    Change,
    JobStatus,
    JobView,
    Moment,
    NotFoundError,
    Person,
    PoolView,
    RefusedError,
    UserView,
)
from head.changes import Changes
from head.clock import Clock


@dataclass(kw_only=True)
class InMemoryAdmission:
    clock: Clock
    admin_ids: frozenset[int] = frozenset()
    people: dict[str, Person] = field(default_factory=dict)
    hub: Changes = field(default_factory=Changes)
    pool_views: dict[str, PoolView] = field(default_factory=dict)
    _asked: dict[str, datetime] = field(default_factory=dict)
    _declined: dict[str, datetime] = field(default_factory=dict)
    _groups: set[str] = field(default_factory=set)
    _jobs: dict[str, JobView] = field(default_factory=dict)

    async def person_for_telegram(self, telegram_id: int, name: str, *, speaks: str = "") -> Person:
        admin = telegram_id in self.admin_ids
        known = next((it for it in self.people.values() if it.telegram_id == telegram_id), None)
        admitted = admin or (known.admitted if known else False)
        id = known.id if known else secrets.token_hex(5)
        known = known or Person(id=id, telegram_id=telegram_id, name=name, admin=admin, admitted=admitted)
        speaks = speaks or known.speaks
        self.people[id] = replace(known, name=name, admin=admin, admitted=admitted, speaks=speaks)
        return self.people[id]

    async def local_person(self) -> Person:
        known = next((it for it in self.people.values() if it.telegram_id is None), None)
        person = known or Person(id=secrets.token_hex(5), telegram_id=None, name="local", admin=True, admitted=True)
        self.people[person.id] = person
        return person

    async def admins(self) -> list[Person]:
        return [it for it in self.people.values() if it.admin]

    async def admit(self, admin_id: str, person_id: str, admitted: bool) -> Person:
        if not self.people[admin_id].admin:
            raise RefusedError("Only an admin may let people in.")
        if person_id not in self.people:
            raise NotFoundError("There is no such person.")
        if self.people[person_id].admin and not admitted:
            raise RefusedError("An admin cannot be shut out.")
        self.people[person_id] = replace(self.people[person_id], admitted=admitted)
        self._asked.pop(person_id, None)
        self._declined.pop(person_id, None)
        if not admitted:
            self._declined[person_id] = self.clock.now()
            for job in list(self._jobs.values()):
                if job.person_id == person_id and not job.status.ended:
                    self.set_job(job.id, cancelling=True)
        return self.people[person_id]

    async def request_access(self, person_id: str) -> AccessRequest:
        declined = self._declined.get(person_id)
        if person_id in self._asked:
            return AccessRequest.WAITING
        if declined is not None and self.clock.now() - declined < timedelta(days=1):
            return AccessRequest.DECLINED
        if len(self._asked) >= 20:
            raise RefusedError("Too many requests wait.")
        self._asked[person_id] = self.clock.now()
        return AccessRequest.NEW

    async def users(self, admin_id: str, *, limit: int = 8, offset: int = 0) -> list[UserView]:
        self._check_admin(admin_id)
        known = [it for it in self.people.values() if it.admitted or it.id in {*self._asked, *self._declined}]
        known.sort(key=lambda it: (it.id not in self._asked, not it.admin))
        return [self._user(it) for it in known[offset : offset + limit]]

    async def user(self, admin_id: str, person_id: str) -> UserView:
        self._check_admin(admin_id)
        if person_id not in self.people:
            raise NotFoundError("There is no such person.")
        return self._user(self.people[person_id])

    async def pools(self, admin_id: str, *, limit: int = 8, offset: int = 0) -> list[PoolView]:
        self._check_admin(admin_id)
        return list(self.pool_views.values())[offset : offset + limit]

    async def put_to_sleep(self, admin_id: str, pool_id: str) -> None:
        self._check_admin(admin_id)
        if pool_id not in self.pool_views:
            raise NotFoundError("There is no such pool.")
        view = self.pool_views[pool_id]
        if view.awake and not view.idle:
            raise RefusedError("That pool is in use.")
        self.pool_views[pool_id] = replace(view, awake=False, memory=None, since=self.clock.now())

    async def allow_group(self, admin_id: str, chat_id: str, allowed: bool) -> None:
        self._check_admin(admin_id)
        (self._groups.add if allowed else self._groups.discard)(chat_id)

    async def group_allowed(self, chat_id: str) -> bool:
        return chat_id in self._groups

    def _check_admin(self, person_id: str) -> None:
        if not self.people[person_id].admin:
            raise RefusedError("Only an admin may do that.")

    def _user(self, person: Person) -> UserView:
        jobs = [job.status for job in self._jobs.values() if job.person_id == person.id and not job.status.ended]
        return UserView(
            id=person.id, name=person.name, admin=person.admin, admitted=person.admitted, since=self.clock.now(),
            asked=self._asked.get(person.id), running=sum(status is not JobStatus.QUEUED for status in jobs),
            queued=jobs.count(JobStatus.QUEUED),
        )  # fmt: skip

    def set_job(self, job_id: str, **changes: object) -> JobView:
        job = self._jobs[job_id]
        before = job.status
        job = replace(job, revision=job.revision + 1, **changes)  # type: ignore[arg-type]
        if job.status is not before:
            job = replace(job, history=(*job.history, Moment(at=self.clock.now(), status=job.status)))
        self._jobs[job_id] = job
        self.hub.publish(Change(person_id=job.person_id, job_id=job_id))
        return job
