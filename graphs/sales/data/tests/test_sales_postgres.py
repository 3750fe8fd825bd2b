"""The sales database on PostgreSQL, and with several processes: schema, roles, rights."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from graphs.sales.data.database import URL, Database, DatabaseMissing, connect, normalise_url
from graphs.sales.data.erase import erase_contact
from graphs.sales.data.happenings import record_event
from graphs.sales.data.load import load_rows
from graphs.sales.data.roles import GRANTS, make_role
from graphs.sales.data.tables import metadata

pytestmark = pytest.mark.integration
_PASSWORD = "a'b:c%d@e\\"  # every character that a careless statement would trip over


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "graphs.sales.data", *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


async def test_a_database_without_the_schema_says_what_to_run(postgres_url: str) -> None:
    with pytest.raises(DatabaseMissing, match=r"python -m graphs\.sales\.data migrate"):
        await connect(normalise_url(postgres_url))


async def test_migrations_and_models_say_the_same(postgres_database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def compare(connection: Any) -> list[Any]:
        ours = {"include_name": lambda name, kind, _: kind != "table" or "schema_v" not in name}
        context = MigrationContext.configure(connection, opts={"compare_type": True, **ours})
        return list(compare_metadata(context, metadata))

    async with postgres_database.engine.connect() as connection:
        assert await connection.run_sync(compare) == []


async def test_rows_events_and_erasure_work_as_on_sqlite(
    postgres_database: Database, now: datetime
) -> None:
    rows = "contacts: [{id: dana, name: Dana, email: dana@acme.example}]"
    assert await load_rows(postgres_database, rows, now) == {"contacts": 1}
    async with postgres_database.begin() as session:
        assert await record_event(session, "sent:1", "sent", now=now, contact_id="dana")
        assert not await record_event(session, "sent:1", "sent", now=now, contact_id="dana")
    assert (await erase_contact(postgres_database, "dana", now)).suppressed


def test_each_pool_has_a_role_that_may_do_its_work_and_no_other(postgres_url: str) -> None:
    assert _run("migrate", **{URL: postgres_url}).returncode == 0
    done = _run("roles", **{URL: postgres_url}, SALES_PASSWORD_EMAIL=_PASSWORD)
    assert done.returncode == 0, done.stderr
    assert _run("roles", **{URL: postgres_url}, SALES_PASSWORD_EMAIL=_PASSWORD).returncode == 0
    login = psycopg.conninfo.make_conninfo(postgres_url, user="sales_email", password=_PASSWORD)
    with psycopg.connect(login) as connection:
        assert connection.execute("SELECT count(*) FROM sales_touches").fetchone() == (0,)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for capability, tables in GRANTS.items():
            connection.execute(f"SET ROLE {make_role(capability)}".encode())
            for table in metadata.tables:
                wanted = set(tables.get(table.removeprefix("sales_"), "").split(", ")) - {""}
                assert _list_rights(connection, table) == wanted, (capability, table)
            connection.execute(b"RESET ROLE")


def _list_rights(connection: psycopg.Connection[Any], table: str) -> set[str]:
    query = "SELECT has_table_privilege(current_user, %s, %s)"
    rights = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    found = {right: connection.execute(query, (table, right)).fetchone() for right in rights}
    return {right for right, row in found.items() if row and row[0]}


def test_a_command_on_a_database_that_is_not_there_says_so_in_one_line() -> None:
    done = _run("erase", "x", **{URL: "postgresql://nobody@127.0.0.1:1/none"})
    assert done.returncode == 1
    assert done.stderr.startswith("error: The sales database cannot be opened: ")
    assert "Traceback" not in done.stderr


async def test_processes_that_start_together_make_one_schema(tmp_path: Path) -> None:
    code = (
        "import asyncio\n"
        "from graphs.sales.data.database import connect\n"
        f"asyncio.run(connect('sqlite+aiosqlite:///{tmp_path}/sales.db'))\n"
    )
    several = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    errors = [(await each.communicate())[1].decode() for each in several]
    assert [each.returncode for each in several] == [0, 0, 0], errors
    database = await connect(f"sqlite+aiosqlite:///{tmp_path}/sales.db")
    assert await database.read_salt()
    await database.engine.dispose()
