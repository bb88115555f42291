"""The tables and the file: migrations, several processes that open it, data that cannot be used."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from head.api import Person
from head.clock import ManualClock
from head.errors import SettingsError
from head.store import Store
from head.store.database import Database
from head.store.migrate import configuration
from head.store.tables import Base
from tests.support.stored import add, trained


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


async def test_models_of_the_first_tables_become_first_versions(url: str, clock: ManualClock) -> None:
    database = Database(url.replace("/data/", "/"))
    async with database.write() as session:
        connection = await session.connection()
        await connection.run_sync(lambda inner: command.upgrade(configuration(inner), "0001"))
        values = {"result": trained("model00001").model_dump_json(), "now": "2026-01-01 00:00:00"}
        for statement in (
            "INSERT INTO people VALUES ('ann1', 1, 'Ann', 1, 1, :now)",
            """INSERT INTO jobs (id, person_id, request, spec, place, status, target, created, last_event, acknowledged,
            event_bytes, story, revision) VALUES ('job1', 'ann1', 'r', '', 'head', '', '', :now, 0, 0, 0, '[]', 1)""",
            "INSERT INTO models VALUES ('ann1', 'model00001', 'job1', 'churned-lightgbm', 'head', :now, :result)",
        ):
            await session.execute(
                text(statement).bindparams(**{k: v for k, v in values.items() if f":{k}" in statement})
            )
    await database.close()
    async with await Store.open(url.replace("/data/", "/"), clock) as store:
        model = await store.models.get("ann1", "model00001")
        assert (model.name, model.version) == ("churned-lightgbm", 1)


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


async def test_an_errors_text_tells_no_secret(store: Store, clock: ManualClock, ann: Person) -> None:
    expires = clock.now() + timedelta(seconds=300)
    await store.joins.create(offer_id="offer1", person_id=ann.id, token_hash="s3cret", expires=expires)
    with pytest.raises(IntegrityError) as raised:
        await store.joins.create(offer_id="offer2", person_id=ann.id, token_hash="s3cret", expires=expires)
    assert "s3cret" not in str(raised.value)
