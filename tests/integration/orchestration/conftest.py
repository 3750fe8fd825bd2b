"""pipeline and opportunity, as they are, over stand-ins of the graphs that they call."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from contract.fleet import Fleet, running_fleet
from graphs.sales.data.database import URL, Database, close_databases, open_database
from worker_process import make_row

_STAND_INS = (
    "company_discovery", "contact_discovery", "find_decision_maker", "company_enrichment",
    "email_verify", "icp_fit", "score_contact", "classify_reply", "email_reply",
    "email_opportunity",
)  # fmt: skip
_QUIET = ("company_problems", "contact_enrich", "contact_enrich_sales")
POOLS = {
    "others": [
        *(make_row(name, module="flows.sales") for name in _STAND_INS),
        *(make_row(name, "build_quiet", module="flows.sales") for name in _QUIET),
        make_row(
            "campaign", "build_campaign_graph", module="graphs.campaign_graph", resumable=True
        ),
    ],
    "orchestration": [
        make_row(name, "build_graph", module=f"graphs.{name}_graph", resumable=True)
        for name in ("pipeline", "opportunity")
    ],
}


@dataclass
class Sales:
    """A running fleet, its sales database, and what its stand-ins were asked."""

    fleet: Fleet
    database: Database
    folder: Path

    def calls(self) -> Counter[str]:
        """`<assistant> <what about>` and how often."""
        path = self.folder / "calls"
        return Counter(path.read_text().splitlines() if path.exists() else ())

    def open_gate(self) -> None:
        """Let the enrichment of slow companies go on."""
        (self.folder / "gate").touch()


@asynccontextmanager
async def running_sales(folder: Path, **workers: int) -> AsyncIterator[Sales]:
    """The fleet for as long as the block lasts, on SQLite."""
    sales_url = f"sqlite:///{folder / 'sales.db'}"
    database = await open_database({URL: sales_url})
    environment = {
        URL: sales_url,
        "SALES_TESTS_CALLS": str(folder / "calls"),
        "SALES_TESTS_GATE": str(folder / "gate"),
    }
    threads = f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}"
    try:
        async with running_fleet(
            folder, POOLS, database_url=threads, workers=workers, **environment
        ) as fleet:
            yield Sales(fleet, database, folder)
    finally:
        await close_databases()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sales(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sales]:
    """One fleet for all tests of a module: each uses companies of its own."""
    async with running_sales(tmp_path_factory.mktemp("sales"), orchestration=2) as running:
        yield running
