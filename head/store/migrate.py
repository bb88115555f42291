"""Brings the tables up to date at the start, with the migrations that ship in the package."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from head.errors import SettingsError
from head.store.database import Database


async def upgrade(database: Database) -> None:
    """One write transaction: of two processes that start together one waits, and a killed one leaves no half.

    Raises SettingsError for tables that a newer Hayride has made.
    """
    async with database.write() as session:
        await (await session.connection()).run_sync(_upgrade)


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's, without an ini file."""
    config = Config()
    config.set_main_option("script_location", "head.store:migrations")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    config = configuration(connection)
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    for present in MigrationContext.configure(connection).get_current_heads():
        if present not in known:
            raise SettingsError(
                "The data was written by a newer version of Hayride.", remedy="Upgrade, or restore an older backup."
            )
    command.upgrade(config, "head")
