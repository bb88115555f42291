"""The store: one object with a noun for each kind of thing. Open it once; every method is a transaction of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from head.clock import Clock
from head.errors import SettingsError
from head.store.arrivals import Arrivals
from head.store.chats import Cards, Drafts
from head.store.database import Database
from head.store.groups import Groups
from head.store.jobs import Jobs
from head.store.joins import Joins
from head.store.links import DashboardLinks
from head.store.machines import Machines
from head.store.migrate import upgrade
from head.store.models import Models
from head.store.people import People
from head.store.pools import Pools
from head.store.templates import Templates
from head.store.uploads import Uploads


@dataclass(frozen=True, kw_only=True)
class Store:
    """Everything that must survive the process. `async with await Store.open(...)` closes it."""

    people: People
    pools: Pools
    joins: Joins
    machines: Machines
    jobs: Jobs
    models: Models
    uploads: Uploads
    drafts: Drafts
    templates: Templates
    cards: Cards
    links: DashboardLinks
    groups: Groups
    arrivals: Arrivals
    database: Database

    @classmethod
    async def open(cls, url: str, clock: Clock) -> Store:
        """Connects and brings the tables up to date. Raises SettingsError for data of a newer Hayride."""
        try:
            _make_private(url)
            database = Database(url)
        except (SQLAlchemyError, ModuleNotFoundError) as error:
            # Its text may repeat the URL, and with it a password.
            raise SettingsError(
                f"database_url cannot be used: {type(error).__name__}.",
                remedy="It has to name an asynchronous driver that is installed: sqlite+aiosqlite:////srv/hayride.db.",
            ) from None
        try:
            await database.prepare()
            await upgrade(database)
        except BaseException:
            await database.close()
            raise
        return cls(
            people=People(database=database, clock=clock),
            pools=Pools(database=database, clock=clock),
            joins=Joins(database=database, clock=clock),
            machines=Machines(database=database, clock=clock),
            jobs=Jobs(database=database, clock=clock),
            models=Models(database=database, clock=clock),
            uploads=Uploads(database=database, clock=clock),
            drafts=Drafts(database=database, clock=clock),
            templates=Templates(database=database, clock=clock),
            cards=Cards(database=database),
            links=DashboardLinks(database=database, clock=clock),
            groups=Groups(database=database, clock=clock),
            arrivals=Arrivals(database=database, clock=clock),
            database=database,
        )

    async def close(self) -> None:
        await self.database.close()

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _make_private(url: str) -> None:
    """Tokens lie in the file, so nobody else may read it, from the first byte on; SQLite gives the -wal its mode."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return
    path = Path(parsed.database)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)
