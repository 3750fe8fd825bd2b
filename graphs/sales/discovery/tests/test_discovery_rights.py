"""Discovery on PostgreSQL, as the role of its pool."""

from __future__ import annotations

from datetime import datetime

import psycopg
import pytest
from sqlalchemy import select

from graphs.contact_discovery_graph import graph as contact_discovery
from graphs.deep_scrape_graph import graph as deep_scrape
from graphs.sales.data import Database, open_database
from graphs.sales.data.database import URL, close_databases
from graphs.sales.data.load import load_rows
from graphs.sales.data.roles import apply_roles
from graphs.sales.data.tables import Contact
from site_server import SiteServer

pytestmark = pytest.mark.integration


async def become_discovery(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> Database:
    """The same database as `sales_discovery`."""
    await apply_roles(database.engine, {"discovery": "secret"})
    await close_databases()
    place = psycopg.conninfo.conninfo_to_dict(url)
    host = f"{place['host']}:{place['port']}"
    monkeypatch.setenv(URL, f"postgresql://sales_discovery:secret@{host}/{place['dbname']}")
    return await open_database()


async def test_the_pool_of_discovery_may_do_its_work(
    sites: SiteServer,
    postgres_database: Database,
    postgres_url: str,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = "companies: [{id: acme, name: Acme, domain: acme.example}]"
    await load_rows(postgres_database, rows, now)
    database = await become_discovery(postgres_database, postgres_url, monkeypatch)
    assert (await deep_scrape.ainvoke({"company_id": "acme"}))["facts"] > 0
    first = await contact_discovery.ainvoke({"company_id": "acme"})
    again = await contact_discovery.ainvoke({"company_id": "acme"})
    assert (first["inserted"], again["inserted"]) == (6, 0)
    async with database.read() as session:
        assert len((await session.scalars(select(Contact))).all()) == 6
