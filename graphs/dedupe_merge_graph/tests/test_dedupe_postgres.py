"""dedupe_merge on PostgreSQL, by the rights of its pool, and by several processes at once."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime

import psycopg
import pytest
from sqlalchemy import func, select

from graphs.dedupe_merge_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.database import URL, close_databases
from graphs.sales.data.roles import apply_roles
from graphs.sales.data.suppression import find_suppression, suppress_address
from graphs.sales.data.tables import Contact, Event, Touch

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
_RUN = (
    "import asyncio\n"
    "from graphs.dedupe_merge_graph import graph\n"
    "print(asyncio.run(graph.ainvoke({'entity': 'contact'}))['merged'])\n"
)


async def _fill(database: Database, now: datetime, people: int) -> None:
    """Each person twice, and the second of them with a mail that was sent."""
    async with database.begin() as session:
        for n in range(people):
            for side in ("", "+x"):
                row = {"id": f"p{n}{side}", "name": f"Person Number{n}"}
                email = f"p{n}{side}@acme.example"
                session.add(Contact(**row, email=email, created_at=now, updated_at=now))
        await session.flush()
        for n in range(people):
            row = {"key": f"k{n}", "contact_id": f"p{n}+x", "state": "sent"}
            session.add(Touch(**row, created_at=now, updated_at=now))


async def test_processes_that_run_together_merge_each_pair_once(
    postgres_database: Database, postgres_url: str, now: datetime
) -> None:
    await _fill(postgres_database, now, 8)
    several = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _RUN, env={**os.environ, URL: postgres_url},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]  # fmt: skip
    ended = [await each.communicate() for each in several]
    assert [each.returncode for each in several] == [0, 0, 0], ended
    assert sum(int(out) for out, _ in ended) == 8
    async with postgres_database.read() as session:
        left = select(Contact.id).where(Contact.merged_into.is_(None))
        kept = set(await session.scalars(left))
        assert kept == {f"p{n}+x" for n in range(8)}
        assert set(await session.scalars(select(Touch.contact_id))) == kept
        assert await session.scalar(select(func.count(Event.id))) == 8


async def test_the_role_of_the_pool_may_do_all_of_it(
    postgres_database: Database, postgres_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(postgres_database, now, 1)
    salt = await postgres_database.read_salt()
    async with postgres_database.begin() as session:
        await suppress_address(session, "p0@acme.example", salt, reason="objected", now=now)
    await apply_roles(postgres_database.engine, {"enrichment": "secret"})
    await close_databases()
    login = psycopg.conninfo.conninfo_to_dict(postgres_url)
    place = f"{login['host']}:{login['port']}/{login['dbname']}"
    monkeypatch.setenv(URL, f"postgresql://sales_enrichment:secret@{place}")
    assert (await graph.ainvoke({"entity": "contact"}))["merged"] == 1
    async with postgres_database.read() as session:
        assert await find_suppression(session, "p0+x@acme.example", salt)
