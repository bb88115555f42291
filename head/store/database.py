"""The connection to the database, and its two kinds of transaction.

On SQLite there is one writer at a time: a write transaction takes the file's lock at its start (BEGIN IMMEDIATE), so a
check and the change that rests on it are one step, for other processes too. A commit is on the disk when it returns
(synchronous=FULL): the agent is told to forget an event only after that.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

#: How long a transaction waits for another process's, in seconds.
BUSY_SECONDS = 20
_PAUSE = 0.02


class Database:
    """One engine. `read` and `write` give a session; leaving a `write` block commits, an exception rolls back."""

    def __init__(self, url: str) -> None:
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        connect_args: dict[str, Any] = {"timeout": BUSY_SECONDS} if self.sqlite else {}
        # A row can hold a token, and an error's text ends up in a log.
        self._engine: AsyncEngine = create_async_engine(url, connect_args=connect_args, hide_parameters=True)
        self._writing = self._engine.execution_options(writing=True)
        # Waiting here is fair and cheap; without it our own tasks would wait for each other inside SQLite.
        self._turn = asyncio.Lock()
        if self.sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        async with self._turn, AsyncSession(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    async def prepare(self) -> None:
        """Once, before the first transaction: SQLite's file is switched to WAL, and stays so."""
        if not self.sqlite:
            return
        async with self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            for attempt in itertools.count():
                try:
                    await driver.execute_fetchall("PRAGMA journal_mode=WAL")
                    return
                except sqlite3.OperationalError:
                    # For this one step SQLite does not wait for another process that is at it too.
                    if attempt * _PAUSE > BUSY_SECONDS:
                        raise
                    await asyncio.sleep(_PAUSE)

    async def close(self) -> None:
        await self._engine.dispose()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own, older idea of when a transaction begins is switched off; see _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A read is one statement, which SQLite gives a snapshot by itself: a BEGIN is three more waits for its thread.
    if connection.get_execution_options().get("writing", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
