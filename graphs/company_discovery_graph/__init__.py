"""company_discovery: companies from domains, or from the words of a search, by their own sites.

With `domains` nothing else is asked. With `seed_query` the search service is the one that the
pool's environment names (SALES_SEARCH_URL); without one the run says so.
"""

from dataclasses import asdict
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.discovery.demands import Demands, read_demands
from graphs.sales.discovery.judging import keep_companies, parse_domains
from graphs.sales.discovery.limits import read_count
from graphs.sales.discovery.search import Candidate, SearchFailed, search_companies
from graphs.sales.settings import SalesContext, clean
from graphs.sales.web import Fetcher, open_web

_MOST_COMPANIES = 200
_MOST_DOMAINS = 1000
_MOST_QUERY = 300
# Some of what a search finds is no company, or not the right one.
_CANDIDATES_PER_COMPANY = 4


class CompanyInput(TypedDict, total=False):
    """`domains` (domains, web or mail addresses), or `seed_query`, a search's words.

    `geography`: countries or regions (`DE, AT`, `Europe`); `size`: people (`20-500`, `50+`,
    `small`). Both refuse companies of which something else is known. `limit` is how many companies
    are wanted, 1 to 200. `now` (ISO 8601) stands in for the clock.
    """

    seed_query: str
    domains: list[str]
    geography: str
    size: str
    limit: int
    now: str


class RejectedCompany(TypedDict):
    """`reason` is a word out of few, `message` says it in a sentence."""

    domain: str
    reason: str
    message: str


class CompanyOutput(TypedDict, total=False):
    """`skipped_existing` are ids of companies that were known, and stay as they are."""

    inserted_ids: list[str]
    skipped_existing: list[str]
    rejected: list[RejectedCompany]


class CompanyState(CompanyInput, CompanyOutput, total=False):
    """`candidates` are what `find` found: `[{"domain", "source", "title"}]`."""

    candidates: list[dict[str, str]]


async def find(state: CompanyState, runtime: Runtime[SalesContext]) -> CompanyState:
    """Domains as given, or those that a search finds."""
    del runtime
    domains, query = state.get("domains") or [], clean(state.get("seed_query"))
    if bool(domains) == bool(query):
        raise ValueError("Send domains, or seed_query.")
    if not isinstance(domains, list) or len(domains) > _MOST_DOMAINS:
        raise ValueError(f"domains is a list of at most {_MOST_DOMAINS}.")
    if len(query) > _MOST_QUERY:
        raise ValueError(f"seed_query has at most {_MOST_QUERY} characters.")
    _read_demands(state)
    if domains:
        candidates, refused = parse_domains(domains)
    else:
        async with open_web() as web:
            candidates, refused = await _search(web, query, state), []
    return {
        "candidates": [asdict(each) for each in candidates],
        "rejected": [_show(each) for each in refused],
    }


async def visit(state: CompanyState) -> CompanyState:
    """Read the sites, and keep the companies."""
    candidates = [Candidate(**each) for each in state.get("candidates") or []]
    demands, now = _read_demands(state), read_now(state.get("now"))
    limit = read_count(state, "limit", 25, 1, _MOST_COMPANIES)
    if state.get("domains"):
        limit = read_count(state, "limit", min(len(candidates) or 1, 200), 1, _MOST_COMPANIES)
    database = await open_database()
    async with open_web() as web:
        outcome = await keep_companies(
            web, database, candidates, demands, limit, "company_discovery", now
        )
    return {
        "inserted_ids": outcome.inserted_ids,
        "skipped_existing": outcome.existing_ids,
        "rejected": [*(state.get("rejected") or []), *map(_show, outcome.rejected)],
    }


async def _search(web: Fetcher, query: str, state: CompanyState) -> list[Candidate]:
    limit = read_count(state, "limit", 25, 1, _MOST_COMPANIES)
    words = " ".join(filter(None, (query, clean(state.get("geography")))))
    try:
        return await search_companies(web, words, limit * _CANDIDATES_PER_COMPANY)
    except SearchFailed as error:
        raise ValueError(str(error)) from None


def _read_demands(state: CompanyState) -> Demands:
    return read_demands(clean(state.get("geography")), clean(state.get("size")))


def _show(rejected: Any) -> RejectedCompany:
    return {
        "domain": rejected.domain,
        "reason": rejected.reason,
        "message": rejected.message,
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        CompanyState,
        context_schema=SalesContext,
        input_schema=CompanyInput,
        output_schema=CompanyOutput,
    )
    builder.add_node("find", find)
    builder.add_node("visit", visit)
    builder.add_edge(START, "find")
    builder.add_edge("find", "visit")
    builder.add_edge("visit", END)
    return builder.compile(checkpointer=checkpointer, name="company_discovery")


graph = build_graph()
