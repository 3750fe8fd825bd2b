"""The nodes of contact_enrich: read what is told of a contact, and keep it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.contact_enrich_graph.clues import Clue, Known, find_clues
from graphs.contact_enrich_graph.state import (
    ContactInput,
    ContactOutput,
    ContactState,
    FieldFound,
)
from graphs.sales.clock import read_now
from graphs.sales.data import Database, open_database
from graphs.sales.data.people import Company, Contact
from graphs.sales.data.provenance import set_field
from graphs.sales.data.suppression import find_suppression
from graphs.sales.discovery.limits import read_count
from graphs.sales.discovery.sites import Told, gather_people, read_site
from graphs.sales.settings import SalesContext, clean
from graphs.sales.web import open_web

FRESH = timedelta(days=30)
_MOST_PAGES = 20
_LONGEST = {"name": 300, "title": 300, "phone": 40}


async def enrich(state: ContactState, runtime: Runtime[SalesContext]) -> ContactState:
    """Gather clues, unless that was done lately, and note what they say."""
    del runtime
    contact_id = clean(state.get("contact_id"))
    if not contact_id:
        raise ValueError("Send contact_id: the id of a contact in the database.")
    most_pages = read_count(state, "max_pages", 8, 0, _MOST_PAGES)
    database, now = await open_database(), read_now(state.get("now"))
    async with database.read() as session:
        contact = await _find(session, contact_id)
        company = await _find_company(session, contact)
    is_fresh = contact.enriched_at is not None and now - contact.enriched_at < FRESH
    if is_fresh and not state.get("force_refresh"):
        return _show(contact, {}, refreshed=False)
    people, unread = await _read_people(company, most_pages)
    known = Known(
        name=contact.name,
        email=contact.email,
        country=contact.country,
        company_country=company.country if company else None,
    )
    clues = find_clues(known, people)
    contact, fields = await _keep(database, contact.id, company, clues, now)
    return _show(contact, fields, refreshed=True, unread=unread)


async def _find(session: AsyncSession, contact_id: str) -> Contact:
    row = await session.get(Contact, contact_id)
    if row is not None and row.merged_into:
        row = await session.get(Contact, row.merged_into)
    if row is None:
        raise ValueError(f"no contact {contact_id}")
    return row


async def _find_company(session: AsyncSession, contact: Contact) -> Company | None:
    """The contact's company, else the one that has the domain of the address."""
    if contact.company_id:
        row = await session.get(Company, contact.company_id)
    else:
        domain = (contact.email or "").rpartition("@")[2]
        row = await session.scalar(select(Company).where(Company.domain == domain))
    if row is not None and row.merged_into:
        row = await session.get(Company, row.merged_into)
    return row


async def _read_people(
    company: Company | None, most_pages: int
) -> tuple[Sequence[Told], str | None]:
    """The people whom the company's site names, and why there are none."""
    if company is None or not (company.website or company.domain):
        return [], "The company's web site is not known."
    if most_pages == 0:
        return [], None
    async with open_web() as web:
        site = await read_site(web, company, "", most_pages, most_depth=2)
    unread = None if site.pages else site.unread[0].message
    return gather_people(site.pages), unread


async def _keep(
    database: Database,
    contact_id: str,
    company: Company | None,
    clues: Sequence[Clue],
    now: datetime,
) -> tuple[Contact, dict[str, FieldFound]]:
    """Set what is empty or surer than what is known; an address only where nobody has it."""
    salt = await database.read_salt()
    fields: dict[str, FieldFound] = {}
    async with database.begin() as session:
        row = await session.get_one(Contact, contact_id, with_for_update=True)
        for clue in clues:
            value = clue.value
            if clue.field == "email" and not await _may_have(session, row, value, salt):
                continue
            if clue.field in _LONGEST:
                value = value[: _LONGEST[clue.field]]
            if clue.field not in fields and _is_better(row, clue):
                told = clue.source
                set_field(row, clue.field, value, source=told, now=now, confidence=clue.confidence)
                fields[clue.field] = {
                    "value": value,
                    "source": clue.source,
                    "confidence": clue.confidence,
                }
        if row.company_id is None and company is not None:
            row.company_id = company.id
        row.enriched_at = row.updated_at = now
    return row, fields


def _is_better(row: Contact, clue: Clue) -> bool:
    """Whether the field would become another value by this clue."""
    current = getattr(row, clue.field)
    if current in (None, ""):
        return True
    known = (row.provenance or {}).get(clue.field, {})
    is_own = known.get("source") == clue.source
    is_surer = clue.confidence > known.get("confidence", 1.0)
    return bool(current != clue.value and (is_own or is_surer))


async def _may_have(session: AsyncSession, row: Contact, address: str, salt: str) -> bool:
    """Whether an address from a page may become the contact's: only where there was none."""
    if row.email or await find_suppression(session, address, salt):
        return False
    taken = select(Contact.id).where(Contact.email == address)
    return await session.scalar(taken) is None


def _show(
    contact: Contact,
    fields: dict[str, FieldFound],
    *,
    refreshed: bool,
    unread: str | None = None,
) -> ContactState:
    stamps = (contact.provenance or {}).values()
    sources = {str(stamp.get("source")) for stamp in stamps}
    return {
        "fields": fields,
        "sources": sorted(each for each in sources if each.startswith("http")),
        "refreshed": refreshed,
        "unread": unread,
        "enriched_at": contact.enriched_at.isoformat() if contact.enriched_at else None,
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        ContactState,
        context_schema=SalesContext,
        input_schema=ContactInput,
        output_schema=ContactOutput,
    )
    builder.add_node("enrich", enrich)
    builder.add_edge(START, "enrich")
    builder.add_edge("enrich", END)
    return builder.compile(checkpointer=checkpointer, name="contact_enrich")
