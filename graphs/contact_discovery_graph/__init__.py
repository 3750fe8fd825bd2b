"""contact_discovery: the people whom a company's own site names, as contacts of the company.

Team pages, imprints and structured data are read; each field keeps the page that says it. Run
again, it inserts nobody twice. Who is suppressed does not come back, nor who was erased and had an
address.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.discovery.limits import read_count
from graphs.sales.discovery.people import guess_people, keep_people
from graphs.sales.discovery.sites import (
    gather_mails,
    gather_people,
    get_company,
    read_site,
    show_unread,
)
from graphs.sales.settings import SalesContext, clean
from graphs.sales.web import find_site, open_web

_MOST_PAGES = 50


class DiscoveryInput(TypedDict, total=False):
    """`max_pages` is how many pages of the site are read at most, 1 to 50, 12 where it is not said.

    `now` (ISO 8601) stands in for the clock.
    """

    company_id: str
    max_pages: int
    now: str


class DiscoveryOutput(TypedDict, total=False):
    """`updated` counts known contacts of whom the site told something new, `skipped` the others.

    `by_source` counts the new ones by how they were found: data (JSON-LD, microdata, hCard), card,
    line, imprint, address (the name is a guess from it). `rejected` counts by reason, without
    names: `[{"reason", "n"}]`. `unread` are pages that could not be read.
    """

    inserted: int
    inserted_ids: list[str]
    updated: int
    skipped: int
    by_source: dict[str, int]
    rejected: list[dict[str, Any]]
    pages: int
    unread: list[dict[str, Any]]


class DiscoveryState(DiscoveryInput, DiscoveryOutput, total=False):
    """Input and output together."""


async def discover(state: DiscoveryState, runtime: Runtime[SalesContext]) -> DiscoveryState:
    """Read the site, then keep its people in one transaction."""
    del runtime
    company_id = clean(state.get("company_id"))
    if not company_id:
        raise ValueError("Send company_id: the id of a company in the database.")
    most_pages = read_count(state, "max_pages", 12, 1, _MOST_PAGES)
    now = read_now(state.get("now"))
    database = await open_database()
    company = await get_company(database, company_id)
    async with open_web() as web:
        found = await read_site(web, company, "", most_pages, most_depth=2)
    people = gather_people(found.pages)
    domain = find_site(company.domain or "")
    people += guess_people(gather_mails(found.pages), people, domain)
    salt = await database.read_salt()
    async with database.begin() as session:
        kept = await keep_people(session, company, people, salt, now)
    return {
        "inserted": len(kept.inserted_ids),
        "inserted_ids": kept.inserted_ids,
        "updated": kept.updated,
        "skipped": kept.skipped,
        "by_source": dict(kept.by_source),
        "rejected": [{"reason": reason, "n": n} for reason, n in sorted(kept.rejected.items())],
        "pages": len(found.pages),
        "unread": show_unread(found.unread),
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        DiscoveryState,
        context_schema=SalesContext,
        input_schema=DiscoveryInput,
        output_schema=DiscoveryOutput,
    )
    builder.add_node("discover", discover)
    builder.add_edge(START, "discover")
    builder.add_edge("discover", END)
    return builder.compile(checkpointer=checkpointer, name="contact_discovery")


graph = build_graph()
