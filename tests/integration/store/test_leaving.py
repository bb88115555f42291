"""What a training is followed by, which sent files are spent, and a person who is forgotten."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from head.api import EndReason, JobStatus, Person
from head.clock import ManualClock
from head.errors import NotFoundError
from head.export import everything
from head.lifecycle import apply, dispatched, end
from head.store import JobRow, Store
from head.store.tables import Base
from ray_jobs.spec import Completed, PathData, PredictSpec, ProfileSpec, Spec, TrainSpec, UploadData
from tests.support.stored import CHURN, draft, join, offer, trained


async def _add(store: Store, person: Person, spec: Spec = CHURN, *, request: str = "r", then: str = "") -> JobRow:
    return await store.jobs.add(
        person_id=person.id, spec=spec, place="head", request=request, queued_limit=9, then=then
    )


async def _train(store: Store, job: JobRow, clock: ManualClock) -> JobRow:
    told = await store.jobs.advance(job, dispatched(job.state, now=clock.now()))
    event = Completed(n=1, at=clock.now().timestamp(), result=trained("model00001"))
    return await store.jobs.advance(told, apply(told.state, event, now=clock.now()), events=(event,))


async def test_a_prediction_is_queued_in_the_step_in_which_its_training_ends(
    store: Store, clock: ManualClock, ann: Person
) -> None:
    done = await _train(store, await _add(store, ann, then="~/new.csv"), clock)
    following = await store.jobs.get(ann.id, done.next_id)
    assert following.spec == PredictSpec(data=PathData(path="~/new.csv"), model_id="model00001")
    assert (following.place, following.state.status, following.then) == (done.place, JobStatus.QUEUED, "")
    assert [job.id for job in await store.jobs.open()] == [following.id]


async def test_nothing_follows_a_training_that_failed(store: Store, clock: ManualClock, ann: Person) -> None:
    job = await _add(store, ann, then="~/new.csv")
    ended = await store.jobs.advance(job, end(job.state, EndReason.REVOKED, now=clock.now()))
    assert (ended.then, ended.next_id) == ("~/new.csv", "")
    assert await store.jobs.open() == []


async def test_a_sent_file_is_spent_when_its_last_job_has_ended(store: Store, clock: ManualClock, ann: Person) -> None:
    await store.uploads.add(upload_id="up01", person_id=ann.id, name="a.csv", size=3, place="head")
    week_ago = clock.now() - timedelta(days=7)
    data = UploadData(upload_id="up01", name="a.csv")
    jobs = [
        await _add(store, ann, ProfileSpec(data=data), request="1"),
        await _add(store, ann, TrainSpec(data=data, target="churned"), request="2"),
    ]
    for job in jobs:
        assert await store.uploads.spent(before=week_ago) == []
        await store.jobs.advance(job, end(job.state, EndReason.CANCELLED, now=clock.now()))
    assert [upload.id for upload in await store.uploads.spent(before=week_ago)] == ["up01"]
    await store.people.prefer(ann.id, keep_uploads=True)
    assert await store.uploads.spent(before=week_ago) == []
    await store.people.prefer(ann.id, keep_uploads=False)
    await store.uploads.drop(ann.id, "up01")
    assert await store.uploads.spent(before=week_ago) == []


async def test_a_sent_file_that_no_job_used_is_spent_in_time(store: Store, clock: ManualClock, ann: Person) -> None:
    await store.uploads.add(upload_id="up01", person_id=ann.id, name="a.csv", size=3, place="head")
    assert await store.uploads.spent(before=clock.now()) == []
    assert len(await store.uploads.spent(before=clock.now() + timedelta(seconds=1))) == 1


async def _live(store: Store, person: Person, clock: ManualClock) -> list[str]:
    """Something of everything; the secrets in it."""
    joined = await join(store, person, clock, key=f"key-{person.id}")
    token, _ = await offer(store, person, clock)
    await _train(store, await _add(store, person), clock)
    await store.uploads.add(upload_id=f"up{person.id[:6]}", person_id=person.id, name="a.csv", size=3, place="head")
    await store.drafts.save(person.id, draft(id=f"d{person.id[:6]}"))
    await store.templates.add(person.id, name="weekly", kind="train", fields={"data": "~/a.csv"})
    await store.cards.save(person.id, chat_id=person.id, subject="job:1", message_id=1)
    soon = clock.now() + timedelta(minutes=1)
    await store.links.create(person.id, secret_hash=f"link-{person.id}", expires=soon)
    return [token, f"key-{person.id}", f"link-{person.id}", joined.pool.user_token, joined.pool.ray_token]


async def _rows_of(store: Store, person: Person) -> int:
    found = 0
    async with store.database.read() as session:
        for table in Base.metadata.tables.values():
            if "person_id" in table.columns:
                query = select(table).where(table.columns["person_id"] == person.id)
                found += len((await session.execute(query)).all())
    return found


async def test_who_is_forgotten_leaves_no_row_and_nobody_else_loses_one(
    store: Store, clock: ManualClock, ann: Person, bob: Person
) -> None:
    for person in (ann, bob):
        await _live(store, person, clock)
    bobs = await _rows_of(store, bob)
    assert bobs == await _rows_of(store, ann) >= 9
    await store.people.prefer(ann.id, language="pt", keep_uploads=True)
    await store.people.begin_erasing(ann.id)
    assert await store.people.erasing() == [ann.id]
    await store.people.erase(ann.id)
    assert await store.people.erasing() == []
    assert await _rows_of(store, ann) == 0
    assert await _rows_of(store, bob) == bobs
    assert await store.people.get(ann.id) == replace(ann, language="", keep_uploads=False)  # an admin stays known
    await store.people.erase(bob.id)
    with pytest.raises(NotFoundError):
        await store.people.get(bob.id)


async def test_an_export_holds_everything_but_secrets(store: Store, clock: ManualClock, ann: Person) -> None:
    secrets = await _live(store, ann, clock)
    told = (await everything(store, ann.id)).decode()
    document = json.loads(told)
    assert {name: len(document[name]) for name in ("machines", "models", "templates", "drafts", "uploads", "jobs")} == (
        dict.fromkeys(("machines", "models", "templates", "drafts", "uploads", "jobs"), 1)
    )
    assert document["jobs_left_out"] == 0
    assert document["jobs"][0]["spec"]["target"] == "churned"
    assert [secret for secret in secrets if secret in told] == []


async def test_an_export_is_bounded(store: Store, ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        await _add(store, ann, request=str(number))
    monkeypatch.setattr("head.export.EXPORT_LIMIT", 8192)
    told = await everything(store, ann.id)
    document = json.loads(told)
    assert len(told) <= 8192
    assert document["jobs_left_out"] > 0
    assert len(document["jobs"]) + document["jobs_left_out"] == 9
