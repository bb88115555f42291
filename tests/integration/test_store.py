"""The store on a real SQLite file: migrations, races, kill -9, and that nobody finds what is another person's."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from head.api import Draft, EndReason, JobStatus, Person
from head.clock import ManualClock
from head.errors import JobRefused, JoinRefused, NotFoundError, RefusedError, SettingsError
from head.identity import digest, new_id, new_token, resource_tag
from head.lifecycle import apply, ask_cancel, dispatched, end
from head.store import JobRow, Redeemed, StaleJob, Store
from head.store.jobs import EVENT_BYTES_KEPT, EVENTS_KEPT
from head.store.tables import Base
from ray_jobs.spec import Completed, Event, PathData, Progress, Started, TrainResult, TrainSpec

CHURN = TrainSpec(data=PathData(path="~/data/churn.csv"), target="churned")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/data/hayride.db"


@pytest.fixture
async def store(url: str, clock: ManualClock) -> AsyncIterator[Store]:
    async with await Store.open(url, clock) as opened:
        yield opened


@pytest.fixture
async def ann(store: Store) -> Person:
    return await store.people.for_telegram(1, "Ann", admin=True)


@pytest.fixture
async def bob(store: Store) -> Person:
    return await store.people.for_telegram(2, "Bob")


async def offer(store: Store, person: Person, clock: ManualClock) -> tuple[str, str]:
    token, offer_id = new_token(), new_id()
    expires = clock.now() + timedelta(seconds=300)
    await store.joins.create(offer_id=offer_id, person_id=person.id, token_hash=digest(token), expires=expires)
    return token, offer_id


async def redeem(store: Store, token: str, key: str, name: str = "laptop") -> Redeemed:
    return await store.joins.redeem(token_hash=digest(token), public_key=key, name=name, facts={"cores": 8})


async def join(store: Store, person: Person, clock: ManualClock, key: str = "key", name: str = "laptop") -> Redeemed:
    token, _ = await offer(store, person, clock)
    return await redeem(store, token, key, name)


async def add(store: Store, person: Person, request: str = "r", *, limit: int = 20) -> JobRow:
    return await store.jobs.add(person_id=person.id, spec=CHURN, place="head", request=request, queued_limit=limit)


def trained(model_id: str) -> TrainResult:
    return TrainResult(
        model_id=model_id,
        model="hist_gradient_boosting",
        task="classification",
        target="churned",
        rows_train=75,
        rows_test=25,
        metrics={"accuracy": 0.9},
        baseline_metrics={"accuracy": 0.5},
        features=("age",),
        train_seconds=1.5,
    )


async def finish(store: Store, job: JobRow, clock: ManualClock, model_id: str) -> JobRow:
    state = dispatched(job.state, now=clock.now())
    done = Completed(n=1, at=clock.now().timestamp(), result=trained(model_id))
    return await store.jobs.advance(job, apply(state, done, now=clock.now()), events=[done])


# --- the tables ---


async def test_the_migrations_make_the_tables_that_the_code_declares(store: Store) -> None:
    async with store.database.read() as session:
        connection = await session.connection()
        difference = await connection.run_sync(
            lambda inner: compare_metadata(
                MigrationContext.configure(inner, opts={"compare_type": True}), Base.metadata
            )
        )
    assert difference == []


async def test_the_file_is_for_its_owner_alone_and_set_up_as_promised(
    store: Store, tmp_path: Path, ann: Person
) -> None:
    files = list((tmp_path / "data").iterdir())
    assert {path.name for path in files} >= {"hayride.db", "hayride.db-wal"}
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []
    async with store.database.write() as session:
        found = [
            (await session.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert found == ["wal", 2, 1, 20_000]


async def test_opening_again_keeps_everything(store: Store, url: str, clock: ManualClock, ann: Person) -> None:
    job = await add(store, ann)
    await store.close()
    async with await Store.open(url, clock) as again:
        assert await again.jobs.get(ann.id, job.id) == job


async def test_two_that_open_an_empty_folder_at_once_both_get_it(url: str, clock: ManualClock) -> None:
    opened = await asyncio.gather(*(Store.open(url, clock) for _ in range(4)))
    people = [await one.people.local() for one in opened]
    assert len({person.id for person in people}) == 1
    for one in opened:
        await one.close()


async def test_data_of_a_newer_version_is_refused(store: Store, url: str, clock: ManualClock) -> None:
    async with store.database.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SettingsError, match="newer version"):
        await Store.open(url, clock)


@pytest.mark.parametrize("bad", ["nonsense", "sqlite:////tmp/x.db", "postgresql+asyncpg://u:secret@h/d"])
async def test_a_database_that_cannot_be_used_is_said_without_its_password(bad: str, clock: ManualClock) -> None:
    with pytest.raises(SettingsError, match="database_url") as caught:
        await Store.open(bad, clock)
    assert "secret" not in str(caught.value)


# --- people and pools ---


async def test_a_stranger_is_not_admitted_until_an_admin_says_so(store: Store, ann: Person, bob: Person) -> None:
    assert (ann.admin, ann.admitted, bob.admin, bob.admitted) == (True, True, False, False)
    with pytest.raises(RefusedError, match="Only an admin"):
        await store.people.admit(bob.id, bob.id, True)
    assert (await store.people.admit(ann.id, bob.id, True)).admitted
    assert (await store.people.for_telegram(2, "Robert")).admitted
    assert (await store.people.get(bob.id)).name == "Robert"


async def test_admins_follow_the_settings(store: Store, ann: Person, bob: Person) -> None:
    local = await store.people.local()
    await store.people.set_admins([2])
    assert {person.id for person in await store.people.admins()} == {bob.id, local.id}
    assert (await store.people.get(bob.id)).admitted


async def test_a_pool_is_made_when_asked_for_and_its_secrets_are_not_shown(store: Store, ann: Person) -> None:
    assert await store.pools.find(ann.id) is None
    one, other = await asyncio.gather(store.pools.for_person(ann.id), store.pools.for_person(ann.id))
    assert one == other == await store.pools.by_id(one.id)
    assert one.tag == resource_tag(one.user_token)
    assert one.user_token not in repr(one)
    assert one.ray_token not in repr(one)
    rotated = await store.pools.rotate(ann.id)
    assert rotated.id == one.id
    assert not {rotated.tag, rotated.user_token, rotated.ray_token} & {one.tag, one.user_token, one.ray_token}


# --- joining ---


async def test_of_two_who_redeem_one_token_at_once_one_wins(
    store: Store, url: str, clock: ManualClock, ann: Person
) -> None:
    token, offer_id = await offer(store, ann, clock)
    # Four processes' worth: each store has connections and a lock of its own.
    others = [await Store.open(url, clock) for _ in range(3)]
    tries = [redeem(one, token, f"key {n}") for n, one in enumerate([store, *others, store])]
    results = await asyncio.gather(*tries, return_exceptions=True)
    for one in others:
        await one.close()
    won = [result for result in results if isinstance(result, Redeemed)]
    assert len(won) == 1
    assert [type(result) for result in results if result is not won[0]] == [JoinRefused] * 4
    assert [machine.id for machine in await store.machines.of_person(ann.id)] == [won[0].machine.id]
    state = await store.joins.state(ann.id, offer_id)
    assert (state.used_at, state.machine_id) == (clock.now(), won[0].machine.id)


async def test_an_errors_text_tells_no_secret(store: Store, clock: ManualClock, ann: Person) -> None:
    expires = clock.now() + timedelta(seconds=300)
    await store.joins.create(offer_id="offer1", person_id=ann.id, token_hash="s3cret", expires=expires)
    with pytest.raises(IntegrityError) as raised:
        await store.joins.create(offer_id="offer2", person_id=ann.id, token_hash="s3cret", expires=expires)
    assert "s3cret" not in str(raised.value)


async def test_used_expired_and_invented_tokens_are_told_apart(store: Store, clock: ManualClock, ann: Person) -> None:
    used, _ = await offer(store, ann, clock)
    await redeem(store, used, "a")
    with pytest.raises(JoinRefused, match="used before"):
        await redeem(store, used, "b")
    late, _ = await offer(store, ann, clock)
    clock.advance(300)
    with pytest.raises(JoinRefused, match="expired"):
        await redeem(store, late, "c")
    with pytest.raises(JoinRefused, match="not one of ours"):
        await redeem(store, new_token(), "d")


async def test_the_same_key_again_is_the_same_machine(store: Store, clock: ManualClock, ann: Person) -> None:
    first = await join(store, ann, clock)
    again = await join(store, ann, clock)
    assert (first.already, again.already) == (False, True)
    assert again.machine.id == first.machine.id
    assert len(await store.machines.of_person(ann.id)) == 1


async def test_a_revoked_machine_stays_out_and_its_address_is_not_given_again(
    store: Store, clock: ManualClock, ann: Person
) -> None:
    first = (await join(store, ann, clock)).machine
    revoked = await store.machines.revoke(ann.id, first.id)
    assert revoked.revoked == clock.now()
    await store.machines.connected(first.id)
    found = await store.machines.find(first.id)
    assert found is not None
    assert found.connected_since is None
    again = await join(store, ann, clock)
    assert (again.already, again.machine.id == first.id) == (False, False)
    assert (first.address, again.machine.address) == ("127.77.1.1", "127.77.1.2")
    assert await store.machines.of_person(ann.id) == [again.machine]
    assert len(await store.machines.of_person(ann.id, revoked=True)) == 2


async def test_names_and_addresses_are_unique_in_a_pool_and_free_in_the_next(
    store: Store, clock: ManualClock, ann: Person, bob: Person
) -> None:
    mine = [(await join(store, ann, clock, key=f"k{n}")).machine for n in range(3)]
    assert [machine.name for machine in mine] == ["laptop", "laptop-2", "laptop-3"]
    assert len({machine.address for machine in mine}) == 3
    his = (await join(store, bob, clock, key="k0")).machine
    assert (his.name, his.address) == ("laptop", "127.77.1.1")
    assert his.pool_id != mine[0].pool_id


async def test_what_is_known_of_a_machine(store: Store, clock: ManualClock, ann: Person) -> None:
    machine = (await join(store, ann, clock)).machine
    assert (machine.facts, machine.last_seen, machine.connected_since) == ({"cores": 8}, None, None)
    await store.machines.connected(machine.id)
    clock.advance(5)
    await store.machines.saw(machine.id, facts={"cores": 4})
    machine = await store.machines.get(ann.id, machine.id)
    assert (machine.facts, machine.last_seen) == ({"cores": 4}, clock.now())
    assert machine.connected_since == clock.now() - timedelta(seconds=5)
    await store.machines.forget_connections()
    assert (await store.machines.get(ann.id, machine.id)).connected_since is None


# --- jobs ---


async def test_the_same_request_is_the_same_job(store: Store, ann: Person, bob: Person) -> None:
    one, other = await asyncio.gather(add(store, ann), add(store, ann))
    assert one == other
    assert (await add(store, bob)).id != one.id


async def test_a_limit_holds_for_each_person_and_not_for_a_repeat(store: Store, ann: Person, bob: Person) -> None:
    first = await add(store, ann, "1", limit=1)
    with pytest.raises(JobRefused, match="limit"):
        await add(store, ann, "2", limit=1)
    assert await add(store, ann, "1", limit=1) == first
    await add(store, bob, "2", limit=1)


async def test_a_job_from_queue_to_model(store: Store, clock: ManualClock, ann: Person) -> None:
    job = await add(store, ann)
    assert await store.jobs.open() == [job]
    job = await store.jobs.advance(job, dispatched(job.state, now=clock.now()))
    at = clock.now().timestamp()
    events: list[Event] = [Started(n=1, at=at, node_ip="127.77.1.1", sealed=True), Progress(n=2, at=at, step="fit")]
    state = job.state
    for event in events:
        state = apply(state, event, now=clock.now())
    job = await store.jobs.advance(job, state, events=events)
    assert (job.revision, job.state.status, job.state.node_ip) == (3, JobStatus.RUNNING, "127.77.1.1")
    done = Completed(n=3, at=at, result=trained("model00001"))
    job = await store.jobs.advance(job, apply(job.state, done, now=clock.now()), events=[events[1], done])
    assert await store.jobs.get(ann.id, job.id) == job
    assert await store.jobs.events(ann.id, job.id) == [*events, done]
    assert await store.jobs.events(ann.id, job.id, since=2) == [done]
    assert await store.jobs.open() == []
    (model,) = await store.models.of_person(ann.id)
    assert (model.id, model.job_id, model.place) == ("model00001", job.id, "head")
    assert model.name == "churned-hist_gradient_boosting"
    assert await store.jobs.unacknowledged() == [job]
    await store.jobs.acknowledge(job.id, 3)
    assert await store.jobs.unacknowledged() == []


async def test_whoever_read_an_older_revision_decides_again(store: Store, clock: ManualClock, ann: Person) -> None:
    read = await add(store, ann)
    moved = await store.jobs.advance(read, dispatched(read.state, now=clock.now()))
    event = Progress(n=1, at=0, step="fit")
    with pytest.raises(StaleJob):
        await store.jobs.advance(read, ask_cancel(read.state, now=clock.now()), events=[event])
    assert await store.jobs.get(ann.id, read.id) == moved
    assert await store.jobs.events(ann.id, read.id) == []


async def test_open_jobs_come_first_then_the_newest(store: Store, clock: ManualClock, ann: Person) -> None:
    jobs = []
    for n in range(4):
        jobs.append(await add(store, ann, str(n)))
        clock.advance(1)
    await store.jobs.advance(jobs[3], end(jobs[3].state, EndReason.CANCELLED, now=clock.now()))
    await store.jobs.advance(jobs[1], end(jobs[1].state, EndReason.CANCELLED, now=clock.now()))
    listed = [job.id for job in await store.jobs.of_person(ann.id)]
    assert listed == [jobs[2].id, jobs[0].id, jobs[3].id, jobs[1].id]
    assert [job.id for job in await store.jobs.of_person(ann.id, limit=2, offset=1)] == listed[1:3]


async def test_a_box_that_talks_without_end_does_not_fill_the_disk(
    store: Store, clock: ManualClock, ann: Person
) -> None:
    job = await add(store, ann)
    state = dispatched(job.state, now=clock.now())
    chatter = [Progress(n=EVENTS_KEPT + n, at=0, step="x") for n in range(1, 4)]
    for event in chatter:
        state = apply(state, event, now=clock.now())
    done = Completed(n=EVENTS_KEPT + 4, at=0, result=trained("model00001"))
    job = await store.jobs.advance(job, apply(state, done, now=clock.now()), events=[*chatter, done])
    assert job.state.progress == chatter[-1]
    assert await store.jobs.events(ann.id, job.id) == [done]


async def test_large_events_do_not_fill_the_disk_either(store: Store, clock: ManualClock, ann: Person) -> None:
    job = await add(store, ann)
    state = dispatched(job.state, now=clock.now())
    metrics = {f"{number:0>250}": 1.0 for number in range(50)}
    large = [Progress(n=n, at=0, step="x", metrics=metrics) for n in range(1, 101)]
    for event in large:
        state = apply(state, event, now=clock.now())
        job = await store.jobs.advance(job, state, events=[event])
    assert job.state.progress == large[-1]
    done = Completed(n=101, at=0, result=trained("model00001"))
    await store.jobs.advance(job, apply(state, done, now=clock.now()), events=[done])
    kept = await store.jobs.events(ann.id, job.id)
    assert kept == [*large[: len(kept) - 1], done]
    size = sum(len(event.model_dump_json()) for event in kept[:-1])
    assert EVENT_BYTES_KEPT // 2 < size <= EVENT_BYTES_KEPT


async def test_a_job_that_cannot_be_read_does_not_hide_the_others(
    store: Store, clock: ManualClock, ann: Person, bob: Person, caplog: pytest.LogCaptureFixture
) -> None:
    for request in ("old", "result"):
        await finish(store, await add(store, bob, request), clock, f"model0{request}")
    broken, good = await add(store, bob), await add(store, ann)
    async with store.database.write() as session:
        older = (
            """UPDATE jobs SET spec = '{"kind": "train", "file": "x.csv"}' WHERE request = 'r' AND person_id = :bob"""
        )
        await session.execute(text(older), {"bob": bob.id})
        await session.execute(text("UPDATE jobs SET result = '{}' WHERE request = 'old'"))
    for _ in range(2):
        assert [job.id for job in await store.jobs.open()] == [good.id]
    assert caplog.text.count(broken.id) == 1
    assert len(await store.jobs.unacknowledged()) == 1
    assert len(await store.jobs.unsettled(since=clock.now())) == 2
    assert len(await store.jobs.of_person(bob.id)) == 1


async def test_what_runs_at_a_machine_is_counted(store: Store, clock: ManualClock, ann: Person) -> None:
    for place, runs in (("laptop01", True), ("laptop01", False), ("laptop02", True)):
        job = await store.jobs.add(person_id=ann.id, spec=CHURN, place=place, request=f"{place} {runs}", queued_limit=9)
        if runs:
            started = Started(n=1, at=0, node_ip="127.77.1.1", sealed=True)
            state = apply(dispatched(job.state, now=clock.now()), started, now=clock.now())
            await store.jobs.advance(job, state, events=[started])
    assert await store.jobs.count_running("laptop01") == 1
    assert await store.jobs.count_running("laptop03") == 0


async def test_a_model_id_that_a_machine_gives_twice_changes_nothing(
    store: Store, clock: ManualClock, ann: Person, bob: Person
) -> None:
    first = await finish(store, await add(store, ann, "1"), clock, "model00001")
    again = await finish(store, await add(store, ann, "2"), clock, "model00001")
    other = await finish(store, await add(store, ann, "3"), clock, "model00002")
    his = await finish(store, await add(store, bob), clock, "model00001")
    assert again.state.status is JobStatus.COMPLETED
    assert (await store.models.get(ann.id, "model00001")).job_id == first.id
    assert (await store.models.get(bob.id, "model00001")).job_id == his.id
    second = await store.models.get(ann.id, "model00002")
    assert (second.job_id, second.name) == (other.id, "churned-hist_gradient_boosting-2")


# --- what the chat keeps ---


def draft(**changes: object) -> Draft:
    fields: dict[str, object] = {"path": "~/a.csv", "rows": 3}
    values = {
        "id": "draft1",
        "chat_id": "7",
        "kind": "train",
        "fields": fields,
        "asking": "",
        "revision": 1,
        "paused": False,
    }
    return Draft(**{**values, **changes})  # type: ignore[arg-type]


async def test_drafts(store: Store, clock: ManualClock, ann: Person) -> None:
    first = await store.drafts.save(ann.id, draft())
    clock.advance(1)
    second = await store.drafts.save(ann.id, draft(id="draft2", asking="target"))
    assert await store.drafts.active(ann.id, "7") == second
    paused = await store.drafts.save(ann.id, draft(id="draft2", paused=True, revision=2))
    assert await store.drafts.active(ann.id, "7") == first
    assert await store.drafts.get(ann.id, "draft2") == paused
    assert await store.drafts.active(ann.id, "8") is None
    await store.drafts.drop(ann.id, first.id)
    assert await store.drafts.active(ann.id, "7") is None


async def test_a_card_shows_a_subject_once_in_each_chat(store: Store, ann: Person) -> None:
    await store.cards.save(ann.id, chat_id="7", subject="job:1", message_id=10)
    await store.cards.save(ann.id, chat_id="7", subject="job:1", message_id=11)
    await store.cards.save(ann.id, chat_id="8", subject="job:1", message_id=12)
    assert sorted(await store.cards.showing("job:1")) == [("7", 11), ("8", 12)]


async def test_a_dashboard_link_opens_once_and_in_time(store: Store, clock: ManualClock, ann: Person) -> None:
    soon = clock.now() + timedelta(minutes=1)
    await store.links.create(ann.id, secret_hash="link", expires=soon)
    await store.links.create(ann.id, secret_hash="late", expires=soon)
    opened = await asyncio.gather(*(store.links.open("link") for _ in range(2)))
    assert sorted(opened, key=str) == sorted([ann.id, None], key=str)
    clock.advance(60)
    assert await store.links.open("late") is None
    assert await store.links.open("invented") is None


async def test_uploads_are_found_by_name_the_newest_first(store: Store, clock: ManualClock, ann: Person) -> None:
    for upload_id in ("up01", "up02"):
        await store.uploads.add(upload_id=upload_id, person_id=ann.id, name="a.csv", size=3, place="head")
        clock.advance(1)
    found = await store.uploads.newest(ann.id, "a.csv")
    assert found is not None
    assert found.id == "up02"
    assert await store.uploads.newest(ann.id, "b.csv") is None


async def test_nobody_finds_what_is_another_persons(store: Store, clock: ManualClock, ann: Person, bob: Person) -> None:
    machine = (await join(store, ann, clock)).machine
    _, offer_id = await offer(store, ann, clock)
    job = await finish(store, await add(store, ann), clock, "model00001")
    await store.uploads.add(upload_id="up01", person_id=ann.id, name="a.csv", size=3, place="head")
    await store.drafts.save(ann.id, draft())
    for attempt in (
        store.machines.get(bob.id, machine.id),
        store.machines.revoke(bob.id, machine.id),
        store.joins.state(bob.id, offer_id),
        store.jobs.get(bob.id, job.id),
        store.jobs.events(bob.id, job.id),
        store.models.get(bob.id, "model00001"),
        store.uploads.get(bob.id, "up01"),
        store.drafts.get(bob.id, "draft1"),
        store.drafts.save(bob.id, draft(asking="mine now")),
    ):
        with pytest.raises(NotFoundError):
            await attempt
    await store.drafts.drop(bob.id, "draft1")
    assert await store.drafts.get(ann.id, "draft1") == draft()
    assert await store.machines.of_person(bob.id) == []
    assert await store.jobs.of_person(bob.id) == []
    assert await store.models.of_person(bob.id) == []
    assert await store.uploads.newest(bob.id, "a.csv") is None
    assert await store.drafts.active(bob.id, "7") is None
    assert (await store.machines.get(ann.id, machine.id)).revoked is None


# --- kill -9 ---

_WORKER = """
import asyncio, sys
from head.clock import SystemClock
from head.identity import new_id
from head.store import Store
from ray_jobs.spec import PathData, TrainSpec

async def main() -> None:
    store = await Store.open(sys.argv[1], SystemClock())
    person = await store.people.local()
    while True:
        spec = TrainSpec(data=PathData(path="a.csv"), target="t")
        job = await store.jobs.add(person_id=person.id, spec=spec, place="head", request=new_id(), queued_limit=10**6)
        print(job.id, flush=True)

asyncio.run(main())
"""


async def test_a_killed_process_loses_no_committed_row(url: str, clock: ManualClock) -> None:
    promised: list[str] = []
    for _ in range(3):
        promised += await asyncio.to_thread(_work_until_killed, url, 25)
    async with await Store.open(url, clock) as store:
        person = await store.people.local()
        kept = {job.id for job in await store.jobs.of_person(person.id, limit=10**6)}
        async with store.database.read() as session:
            assert (await session.execute(text("PRAGMA integrity_check"))).scalar() == "ok"
    assert len(set(promised)) >= 75
    assert set(promised) <= kept


def _work_until_killed(url: str, rows: int) -> list[str]:
    """Ids of the jobs that a real process said it had stored, killed with -9 in the middle of storing more."""
    command = [sys.executable, "-c", _WORKER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        told = [process.stdout.readline().strip() for _ in range(rows)]
        process.send_signal(signal.SIGKILL)
        told += [line.strip() for line in process.stdout if line.endswith("\n")]
        assert process.wait() == -signal.SIGKILL
        watchdog.cancel()
    assert all(told)
    return told
