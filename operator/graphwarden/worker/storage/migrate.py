"""Bring the schema up to date, once, however many workers start at the same moment."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

VERSION_TABLE = "graphwarden_schema_version"
_MIGRATIONS = Path(__file__).parent / "migrations"


class NewerSchema(Exception):
    """A newer release has changed the schema to one that this one does not know."""


async def migrate(engine: AsyncEngine) -> None:
    """Apply the migrations that are missing. The caller holds the fleet's migration lock.

    Raises:
        NewerSchema: the database is ahead of this program.
    """
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    revision = _read_revision(connection)
    if revision is not None and revision not in known:
        raise NewerSchema(
            f"a newer release has brought the database to revision {revision}, which this one does "
            "not know; use a worker image of that release or a later one"
        )
    command.upgrade(config, "head")


def _read_revision(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()
