"""A company's whole site: from its row or an address, to pages, people and addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from graphs.sales.data import Database
from graphs.sales.data.people import Company
from graphs.sales.discovery.elsewhere import load_elsewhere
from graphs.sales.web import (
    Crawl,
    Fetcher,
    FetchFailed,
    FoundMail,
    FoundPerson,
    Page,
    Unread,
    crawl,
    fetch_home,
    fetch_page,
    find_site,
    parse_url,
)
from graphs.sales.web.names import make_name_key
from graphs.sales.web.pages import find_kinds

# What a page said of a person, and which page.
Told = tuple[FoundPerson, str]


async def get_company(database: Database, company_id: str) -> Company:
    """The company, or the one that it was merged into.

    Raises:
        ValueError: there is none, or nobody knows its site.
    """
    company = await find_company(database, company_id)
    if not company.website and not company.domain:
        raise ValueError(f"company {company_id} has neither website nor domain; load one of them.")
    return company


async def find_company(database: Database, company_id: str) -> Company:
    """The same, whether anybody knows its site or not.

    Raises:
        ValueError: there is none.
    """
    async with database.read() as session:
        company = await session.get(Company, company_id)
        if company is not None and company.merged_into:
            company = await session.get(Company, company.merged_into)
    if company is None:
        raise ValueError(f"no company {company_id}")
    return company


async def read_site(
    web: Fetcher, company: Company | None, url: str, most_pages: int, most_depth: int
) -> Crawl:
    """The site of a company, or the one at a URL. One whose first page cannot be read is empty,
    and says why.
    """
    start = url or (company and (company.website or company.domain)) or ""
    try:
        if company is not None and not company.website:
            home = await fetch_home(web, start)
        else:
            home = await fetch_page(web, str(parse_url(start)))
    except FetchFailed as failure:
        return Crawl([], [Unread(start, failure.reason, str(failure))])
    return await crawl(web, home, most_pages, most_depth)


def gather_people(pages: Sequence[Page]) -> list[Told]:
    """The people of all pages, each once: the surest page first, gaps filled from the others."""
    told = sorted(
        ((person, page.url) for page in pages for person in page.people),
        key=lambda each: -each[0].confidence,
    )
    known: dict[str, Told] = {}
    for person, url in told:
        first, where = known.setdefault(make_name_key(person.name), (person, url))
        filled = replace(
            first,
            title=first.title or person.title,
            email=first.email or person.email,
            phone=first.phone or person.phone,
            profile_url=first.profile_url or person.profile_url,
        )
        known[make_name_key(person.name)] = (filled, where)
    return list(known.values())


def gather_mails(pages: Sequence[Page]) -> list[tuple[FoundMail, str]]:
    """The addresses of all pages with the first page of each."""
    known: dict[str, tuple[FoundMail, str]] = {}
    for page in pages:
        for mail in page.mails:
            known.setdefault(mail.address, (mail, page.url))
    return list(known.values())


def has_kind(pages: Sequence[Page], kind: str) -> bool:
    """Whether a site has a page of a kind: one that was read, or one that is linked to."""
    return any(kind in page.kinds for page in pages) or any(
        kind in kinds for kinds in _list_linked(pages)
    )


def _list_linked(pages: Sequence[Page]) -> Iterator[set[str]]:
    elsewhere = load_elsewhere()["careers"]
    for page in pages:
        site = find_site(parse_url(page.url).host)
        for link in page.links:
            host = parse_url(link.url).host
            if find_site(host) == site:
                yield find_kinds(link.url, [link.text])
            elif find_site(host) in elsewhere:
                yield {"careers"}


def show_unread(unread: Sequence[Unread]) -> list[dict[str, Any]]:
    """The pages that were not read, with reason and sentence."""
    return [{"url": each.url, "reason": each.reason, "message": each.message} for each in unread]
