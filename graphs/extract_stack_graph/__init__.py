"""extract_stack: the technologies that a text names or a page is made with, each with evidence."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.extract_stack_graph.fingerprints import Signals, Tech, find_tech
from graphs.extract_stack_graph.signals import read_signals
from graphs.sales.clock import read_now
from graphs.sales.data import Database, open_database
from graphs.sales.data.facts import keep_fact
from graphs.sales.discovery.sites import find_company
from graphs.sales.settings import SalesContext, clean
from graphs.sales.web import FetchFailed, open_web

_MOST_TEXT = 200_000


class StackInput(TypedDict, total=False):
    """`text` (at most 200,000 characters) or `url`; or `company_id` alone: its web site.

    With `company_id` what is found is kept with the company. `now` (ISO 8601) stands in for the
    clock.
    """

    text: str
    url: str
    company_id: str
    now: str


class FoundTech(TypedDict):
    """`evidence` says where it was seen: `header server: nginx/1.25`, `text ... React ...`."""

    name: str
    category: str
    version: str | None
    confidence: float
    evidence: list[str]


class StackOutput(TypedDict, total=False):
    """The surest first. `source` is the page that was read; `unread` says why there was none.

    `stored` counts the facts that are new.
    """

    tech: list[FoundTech]
    source: str | None
    unread: str | None
    stored: int


class StackState(StackInput, StackOutput, total=False):
    """Input and output together."""


async def extract(state: StackState, runtime: Runtime[SalesContext]) -> StackState:
    """Read the text or the page, and look for fingerprints."""
    del runtime
    text, url, company_id = _read_input(state)
    database = await open_database()
    company = await find_company(database, company_id) if company_id else None
    if not text and not url and company is not None:
        url = company.website or company.domain or ""
        if not url:
            raise ValueError(f"company {company.id} has neither website nor domain; send url.")
    source = None
    if text:
        signals = Signals(text=text)
    else:
        try:
            signals, source = await _fetch(url)
        except FetchFailed as failure:
            return {"tech": [], "source": None, "unread": str(failure), "stored": 0}
    found = await asyncio.to_thread(find_tech, signals)
    stored = 0
    if company is not None:
        now = read_now(state.get("now"))
        stored = await _keep(database, company.id, found, source or "text", now)
    return {
        "tech": [_show(each) for each in found],
        "source": source,
        "unread": None,
        "stored": stored,
    }


def _read_input(state: StackState) -> tuple[str, str, str]:
    given = state.get("text")
    text = given if isinstance(given, str) and given.strip() else ""
    url, company_id = clean(state.get("url")), clean(state.get("company_id"))
    if bool(text) and bool(url):
        raise ValueError("Send text or url, not both.")
    if not (text or url or company_id):
        raise ValueError("Send text or url, or the company_id of a company with a web site.")
    if len(text) > _MOST_TEXT:
        raise ValueError(f"text has {len(text)} characters; {_MOST_TEXT} is the most.")
    return text, url, company_id


async def _fetch(url: str) -> tuple[Signals, str]:
    """What a page tells; one without a scheme by https, else by http.

    Raises:
        FetchFailed: of the first attempt.
    """
    addresses = [url] if "://" in url else [f"https://{url}", f"http://{url}"]
    failure: FetchFailed | None = None
    async with open_web() as web:
        for address in addresses:
            try:
                fetched = await web.get(address)
            except FetchFailed as error:
                failure = failure or error
                if error.reason not in ("Unreachable", "BadAnswer"):
                    break
            else:
                signals = await asyncio.to_thread(read_signals, fetched.text, fetched.headers)
                return signals, fetched.url
    assert failure is not None
    raise failure


async def _keep(
    database: Database, company_id: str, found: Sequence[Tech], source: str, now: datetime
) -> int:
    """The technologies as facts about the company; how many are new."""
    async with database.begin() as session:
        kept = [
            await keep_fact(
                session,
                company_id,
                "tech",
                tech.name,
                {"name": tech.name, "category": tech.category, "version": tech.version},
                source=source,
                evidence="; ".join(tech.evidence),
                confidence=tech.confidence,
                now=now,
            )
            for tech in found
        ]
    return sum(kept)


def _show(tech: Tech) -> FoundTech:
    return {
        "name": tech.name,
        "category": tech.category,
        "version": tech.version,
        "confidence": tech.confidence,
        "evidence": list(tech.evidence),
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        StackState, context_schema=SalesContext, input_schema=StackInput, output_schema=StackOutput
    )
    builder.add_node("extract", extract)
    builder.add_edge(START, "extract")
    builder.add_edge("extract", END)
    return builder.compile(checkpointer=checkpointer, name="extract_stack")


graph = build_graph()
