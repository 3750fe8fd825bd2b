"""The nodes of company_enrichment: read the site, and keep what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from graphs.company_enrichment_graph.profile import COLUMNS, Finding, read_profile
from graphs.company_enrichment_graph.state import EnrichInput, EnrichOutput, EnrichState
from graphs.sales.clock import read_now
from graphs.sales.data import Database, open_database
from graphs.sales.data.facts import keep_fact
from graphs.sales.data.people import Company
from graphs.sales.data.provenance import set_field
from graphs.sales.discovery.limits import read_count
from graphs.sales.discovery.sites import get_company, read_site
from graphs.sales.settings import SalesContext, clean
from graphs.sales.web import open_web

FRESH = timedelta(days=30)
_MOST_PAGES = 20
_JUDGED = ("category", "industry", "size")
_LONGEST = {"name": 300, "country": 2, "industry": 120, "category": 120, "size": 40}


async def enrich(state: EnrichState, runtime: Runtime[SalesContext]) -> EnrichState:
    """Read the company's site, unless that was done lately, and note what it says."""
    del runtime
    company_id = clean(state.get("company_id"))
    if not company_id:
        raise ValueError("Send company_id: the id of a company in the database.")
    most_pages = read_count(state, "max_pages", 8, 1, _MOST_PAGES)
    database, now = await open_database(), read_now(state.get("now"))
    company = await get_company(database, company_id)
    is_fresh = company.enriched_at is not None and now - company.enriched_at < FRESH
    if is_fresh and not state.get("force_refresh"):
        return _show(company, [], [])
    async with open_web() as web:
        site = await read_site(web, company, "", most_pages, most_depth=1)
    if not site.pages:
        return _show(company, [], [], unread=site.unread[0].message)
    found = await asyncio.to_thread(read_profile, site.pages)
    company = await _keep(database, company.id, found, now)
    return _show(company, found, [page.url for page in site.pages])


async def _keep(
    database: Database, company_id: str, found: Sequence[Finding], now: datetime
) -> Company:
    """Columns with their provenance, and everything as a fact with its evidence."""
    async with database.begin() as session:
        row = await session.get_one(Company, company_id, with_for_update=True)
        for finding in found:
            value = finding.value
            if finding.field in COLUMNS:
                if isinstance(value, str) and finding.field in _LONGEST:
                    value = value[: _LONGEST[finding.field]]
                set_field(
                    row,
                    finding.field,
                    value,
                    source=finding.source,
                    now=now,
                    confidence=finding.confidence,
                )
            await keep_fact(
                session,
                row.id,
                "detail",
                finding.field,
                {"name": finding.field, "value": value},
                source=finding.source,
                evidence=finding.evidence,
                confidence=finding.confidence,
                now=now,
            )
        row.enriched_at = row.updated_at = now
    return row


def _show(
    company: Company,
    found: Sequence[Finding],
    sources: Sequence[str],
    unread: str | None = None,
) -> EnrichState:
    provenance = company.provenance or {}
    sure = [
        float(provenance.get(field, {}).get("confidence", 0.5)) if getattr(company, field) else 0.0
        for field in _JUDGED
    ]
    known = {str(stamp.get("source")) for stamp in provenance.values() if "source" in stamp}
    return {
        "facts": len(found),
        "found": [
            {
                "field": each.field,
                "value": each.value,
                "source": each.source,
                "confidence": each.confidence,
                "evidence": each.evidence,
            }
            for each in sorted(found, key=lambda each: (-each.confidence, each.field))
        ],
        "category": company.category,
        "industry": company.industry,
        "size": company.size,
        "employees": company.employees,
        "country": company.country,
        "confidence": round(sum(sure) / len(sure), 3),
        "sources": list(sources) or sorted(known),
        "refreshed": bool(sources),
        "unread": unread,
        "enriched_at": company.enriched_at.isoformat() if company.enriched_at else None,
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        EnrichState,
        context_schema=SalesContext,
        input_schema=EnrichInput,
        output_schema=EnrichOutput,
    )
    builder.add_node("enrich", enrich)
    builder.add_edge(START, "enrich")
    builder.add_edge("enrich", END)
    return builder.compile(checkpointer=checkpointer, name="company_enrichment")
