"""Bring the sales schema up to date, once, however many processes start at the same moment."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

VERSION_TABLE = "sales_schema_version"
_LOCK_KEY = 0x73616C6573  # "sales", an advisory lock of its own
_MIGRATIONS = Path(__file__).parent / "migrations"


async def upgrade(engine: AsyncEngine) -> None:
    """Apply the migrations that are missing, in one transaction."""
    if not await find_missing_migrations(engine):
        return
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            lock = text("SELECT pg_advisory_xact_lock(:key)")
            await connection.execute(lock, {"key": _LOCK_KEY})
        await connection.run_sync(_upgrade)


async def find_missing_migrations(engine: AsyncEngine) -> list[str]:
    """The revisions that the database does not have yet, oldest first."""
    reading = engine.execution_options(sales_reading=True)
    async with reading.connect() as connection:
        current = await connection.run_sync(_read_revision)
    script = ScriptDirectory(str(_MIGRATIONS))
    missing = []
    for revision in script.walk_revisions():
        if revision.revision == current:
            break
        missing.append(revision.revision)
    return missing[::-1]


def _read_revision(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
