"""signal_watch: what has just happened to companies, by the news and jobs on their own sites."""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.sales.clock import read_now
from graphs.sales.data import Database, make_id, open_database
from graphs.sales.data.once import insert_once
from graphs.sales.data.people import Company, Fact
from graphs.sales.data.suppression import find_person, make_person_keys
from graphs.sales.discovery.limits import read_count
from graphs.sales.discovery.sites import get_company
from graphs.sales.settings import SalesContext, clean
from graphs.sales.web import Fetcher, FetchFailed, Page, fetch_home, fetch_page, open_web
from graphs.signal_watch_graph.finding import KINDS, Signal, choose_pages, find_signals

_MOST_COMPANIES = 50
_MOST_PAGES = 20
_TOGETHER = 5
_CONFIDENCE = 0.8


class WatchInput(TypedDict, total=False):
    """`kinds`: acquisition, funding, leadership, partnership, expansion, launch, hiring; all of
    them by default. `company_ids` has 50 at most.

    News that are older than `since_days` (1 to 730) are left out, where they say their day.
    `max_pages` (1 to 20) are read of each site beside its first. `now` stands in for the clock.
    """

    company_ids: list[str]
    kinds: list[str]
    since_days: int
    max_pages: int
    now: str


class Shown(TypedDict):
    """`evidence` is the headline or the job; `at` its day (ISO) or null; `is_new`: not seen yet."""

    company_id: str
    kind: str
    url: str
    at: str | None
    evidence: str
    is_new: bool


class Unread(TypedDict):
    """A company whose site could not be read, and why."""

    company_id: str
    reason: str
    message: str


class WatchOutput(TypedDict, total=False):
    """`signals` by company; `new` counts those that were not known. `pages` were read in all."""

    signals: list[Shown]
    new: int
    pages: int
    unread: list[Unread]


class WatchState(WatchInput, WatchOutput, total=False):
    """Input and output together."""


async def watch(state: WatchState, runtime: Runtime[SalesContext]) -> WatchState:
    """Read each site, and keep what is new as facts of its company."""
    del runtime
    ids, kinds = _read_ids(state.get("company_ids")), _read_kinds(state.get("kinds"))
    most_pages = read_count(state, "max_pages", 5, 1, _MOST_PAGES)
    days = read_count(state, "since_days", 180, 1, 730)
    now = read_now(state.get("now"))
    database = await open_database()
    companies = [await get_company(database, each) for each in ids]
    turns = asyncio.Semaphore(_TOGETHER)
    async with open_web() as web:

        async def look(company: Company) -> tuple[list[Page], FetchFailed | None]:
            async with turns:
                return await _read_pages(web, company, most_pages)

        found = await asyncio.gather(*map(look, companies))
    shown: list[Shown] = []
    unread: list[Unread] = []
    for company, (pages, failure) in zip(companies, found, strict=True):
        if failure:
            unread.append(_show_failure(company, failure))
        since = (now - timedelta(days=days)).date()
        signals = [each for page in pages for each in find_signals(page, kinds, since)]
        shown += await _keep(database, company, signals, now)
    return {
        "signals": shown,
        "new": sum(each["is_new"] for each in shown),
        "pages": sum(len(pages) for pages, _failure in found),
        "unread": unread,
    }


def _read_ids(given: object) -> list[str]:
    if not isinstance(given, list) or not all(clean(each) for each in given) or not given:
        raise ValueError("Send company_ids: a list of ids of companies in the database.")
    ids = list(dict.fromkeys(clean(each) for each in given))
    if len(ids) > _MOST_COMPANIES:
        raise ValueError(f"company_ids has {len(ids)} companies; {_MOST_COMPANIES} is the most.")
    return ids


def _read_kinds(given: object) -> list[str]:
    if given is None or given == []:
        return list(KINDS)
    if not isinstance(given, list) or not set(map(str, given)) <= set(KINDS):
        raise ValueError(f"kinds is a list of any of {', '.join(KINDS)}.")
    return [str(each) for each in given]


async def _read_pages(
    web: Fetcher, company: Company, most: int
) -> tuple[list[Page], FetchFailed | None]:
    """The first page, and those with news and jobs; what cannot be read of these is passed over."""
    try:
        if company.website:
            home = await fetch_page(web, company.website)
        else:
            home = await fetch_home(web, company.domain or "")
    except FetchFailed as failure:
        return [], failure
    pages, last = [home], None
    for url in choose_pages(home, most):
        try:
            pages.append(await fetch_page(web, url))
        except FetchFailed as failure:
            last = failure
            if failure.reason in ("RateLimited", "AskedToWait"):
                break
    return pages, last if len(pages) == 1 else None


async def _keep(
    database: Database, company: Company, signals: Sequence[Signal], now: datetime
) -> list[Shown]:
    """Store each once. One that names somebody who was erased is dropped."""
    shown: list[Shown] = []
    seen: set[str] = set()
    salt = await database.read_salt()
    async with database.begin() as session:
        for signal in signals:
            digest = _make_digest(signal)
            if digest in seen:
                continue
            seen.add(digest)
            places = [company.name, company.domain or ""]
            keys = [
                key
                for name in _list_names(signal.evidence)
                for key in make_person_keys(salt, name=name, companies=places)
            ]
            if await find_person(session, keys):
                continue
            at = signal.at.isoformat() if signal.at else None
            is_new = await insert_once(
                session,
                Fact,
                id=make_id(),
                company_id=company.id,
                kind="signal",
                digest=digest,
                value={"kind": signal.kind, "note": signal.note, "url": signal.url, "at": at},
                source=signal.url,
                evidence=signal.evidence,
                confidence=_CONFIDENCE,
                found_at=now,
            )
            shown.append(_show(company, signal, at, is_new))
    return shown


def _make_digest(signal: Signal) -> str:
    """The same for a headline in any case and spacing, wherever it stands."""
    text = f"{signal.kind}:{' '.join(signal.evidence.casefold().split())}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _list_names(text: str) -> list[str]:
    """Words with capitals beside each other, which may be somebody's name."""
    words = re.findall(r"[^\W\d_][\w'’-]*", text)
    pairs = [(one, other) for one, other in pairwise(words) if one[0].isupper()]
    return [f"{one} {other}" for one, other in pairs if other[0].isupper()]


def _show(company: Company, signal: Signal, at: str | None, is_new: bool) -> Shown:
    return {
        "company_id": company.id,
        "kind": signal.kind,
        "url": signal.url,
        "at": at,
        "evidence": signal.evidence,
        "is_new": is_new,
    }


def _show_failure(company: Company, failure: FetchFailed) -> Unread:
    return {"company_id": company.id, "reason": failure.reason, "message": str(failure)}


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        WatchState, context_schema=SalesContext, input_schema=WatchInput, output_schema=WatchOutput
    )
    builder.add_node("watch", watch)
    builder.add_edge(START, "watch")
    builder.add_edge("watch", END)
    return builder.compile(checkpointer=checkpointer, name="signal_watch")


graph = build_graph()
