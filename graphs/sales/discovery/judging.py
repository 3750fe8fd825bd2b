"""Candidates into companies: each site is visited, held against what is asked, and kept once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from graphs.sales.data import Database
from graphs.sales.data.ids import normalise_domain
from graphs.sales.discovery.demands import Demands
from graphs.sales.discovery.elsewhere import is_elsewhere, is_parked
from graphs.sales.discovery.keeping import find_company, is_suppressed, keep_company
from graphs.sales.discovery.profile import Profile, Reading, read_profile
from graphs.sales.discovery.search import Candidate
from graphs.sales.web import Fetcher, FetchFailed, Page, fetch_home, find_site, parse_url

_AT_ONCE = 8


@dataclass(frozen=True)
class Rejected:
    """A candidate that is no company to be kept. `reason` is a word, `message` a sentence."""

    domain: str
    reason: str
    message: str


@dataclass(frozen=True)
class Visited:
    """A candidate whose site was read, and fits so far."""

    candidate: Candidate
    page: Page
    profile: Profile


@dataclass
class Outcome:
    """What became of candidates. A company that is known is in `existing_ids`, as it was."""

    inserted_ids: list[str] = field(default_factory=list)
    existing_ids: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def n(self) -> int:
        """How many companies there are, new or not."""
        return len(self.inserted_ids) + len(self.existing_ids)


# Fields to add to what the site says, or why the candidate is refused.
Judge = Callable[[Visited], Awaitable[Sequence[Reading] | Rejected]]


async def judge_nothing(visited: Visited) -> Sequence[Reading]:
    """Every site that could be read is a company."""
    del visited
    return ()


def parse_domains(given: Iterable[object]) -> tuple[list[Candidate], list[Rejected]]:
    """Domains, hosts, addresses of pages or of mail, as candidates, each once. Pure."""
    found: dict[str, Candidate] = {}
    refused: list[Rejected] = []
    for each in given:
        text = each.strip() if isinstance(each, str) else ""
        try:
            domain = find_site(parse_url(normalise_domain(text)).host) if text else ""
        except FetchFailed:
            domain = ""
        if "." not in domain:
            refused.append(
                Rejected(str(each)[:200], "InvalidDomain", "Write a domain such as acme.example.")
            )
        else:
            found.setdefault(domain, Candidate(domain, "domains"))
    return list(found.values()), refused


async def keep_companies(
    web: Fetcher,
    database: Database,
    candidates: Sequence[Candidate],
    demands: Demands,
    limit: int,
    source: str,
    now: datetime,
    judge: Judge = judge_nothing,
) -> Outcome:
    """Visit candidates, a few at a time and in their order, until `limit` companies are found.

    `source` names the graph. Known companies count, and are not visited.
    """
    outcome = Outcome()
    waiting = list(candidates)
    while waiting and outcome.n < limit:
        batch, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_visit(web, database, each, demands, judge)) for each in batch
            ]
        for task in tasks:
            if outcome.n >= limit:
                break
            await _keep(database, task.result(), outcome, source, now)
    return outcome


async def _visit(
    web: Fetcher, database: Database, candidate: Candidate, demands: Demands, judge: Judge
) -> str | Rejected | tuple[Visited, Sequence[Reading]]:
    """The id of a known company, a refusal, or what its site says."""
    domain = candidate.domain
    if is_elsewhere(domain):
        return Rejected(domain, "NotACompany", "It is a network, a directory or the like.")
    known = await _look_up(database, domain)
    if known is not None:
        return known
    try:
        page = await fetch_home(web, domain)
    except FetchFailed as failure:
        return Rejected(domain, failure.reason, str(failure))
    profile = read_profile(page)
    if is_elsewhere(profile.domain):
        return Rejected(domain, "NotACompany", f"It leads to {profile.domain}.")
    if is_parked(page):
        return Rejected(domain, "Parked", "Nobody uses this domain.")
    if profile.domain != domain:
        moved = await _look_up(database, profile.domain)
        if moved is not None:
            return moved
    mismatch = demands.find_mismatch(profile.country, profile.employees)
    if mismatch:
        return Rejected(domain, *mismatch)
    visited = Visited(candidate, page, profile)
    verdict = await judge(visited)
    return verdict if isinstance(verdict, Rejected) else (visited, verdict)


async def _look_up(database: Database, domain: str) -> str | Rejected | None:
    async with database.read() as session:
        if await is_suppressed(session, domain):
            return Rejected(domain, "Suppressed", "Nobody there may be written to.")
        company = await find_company(session, [domain])
        return company.id if company else None


async def _keep(
    database: Database,
    found: str | Rejected | tuple[Visited, Sequence[Reading]],
    outcome: Outcome,
    source: str,
    now: datetime,
) -> None:
    if isinstance(found, Rejected):
        outcome.rejected.append(found)
        return
    if isinstance(found, str):
        company_id, is_new = found, False
    else:
        visited, more = found
        async with database.begin() as session:
            company_id, is_new = await keep_company(session, visited.profile, source, now, more)
    ids = outcome.inserted_ids if is_new else outcome.existing_ids
    if company_id not in outcome.inserted_ids and company_id not in outcome.existing_ids:
        ids.append(company_id)
