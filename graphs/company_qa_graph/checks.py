"""Checks of one company. Pure: each looks at the row and says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from graphs.sales.data.ids import normalise_domain
from graphs.sales.data.people import Company

_STALE = timedelta(days=180)
_UNSURE = 0.5
_SHORTEST_DESCRIPTION = 40
_MOST_EMPLOYEES = 3_000_000
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,}|xn--[a-z0-9-]+)")
_FREE = frozenset({
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com",
    "icloud.com", "gmx.de", "gmx.net", "web.de", "t-online.de", "orange.fr", "free.fr",
    "laposte.net", "libero.it", "wp.pl", "o2.pl", "onet.pl", "mail.ru", "proton.me",
    "protonmail.com", "aol.com", "qq.com", "163.com",
})  # fmt: skip
_SITES = frozenset({
    "facebook.com", "linkedin.com", "instagram.com", "x.com", "twitter.com", "youtube.com",
    "wixsite.com", "blogspot.com", "wordpress.com", "github.io", "linktr.ee",
})  # fmt: skip
_PLACEHOLDER = re.compile(
    r"lorem ipsum|domain (?:is )?(?:for sale|parked)|coming soon|under construction|404|not found"
    r"|access denied|just a moment|enable javascript|default web page|index of /|test company"
    r"|just another wordpress site",
    re.IGNORECASE,
)
_NAMES = re.compile(
    r"^(?:test|n/?a|none|null|unknown|tbd|company|home|homepage|index|untitled|-+|\?+|\.+)$", re.I
)
_LEGAL = re.compile(
    r"[,.]?\s+(?:gmbh(?: & co\.? kg)?|ag|se|kg|ug|inc|ltd|llc|plc|corp(?:oration)?|co|company"
    r"|s\.?a\.?s?|s\.?a\.?r\.?l|s\.?r\.?l|s\.?p\.?a|b\.?v|n\.?v|oy|ab|a/?s"
    r"|sp\.? z ?o\.?o|limited)\.?$",
    re.IGNORECASE,
)
_SIZE = re.compile(r"(\d[\d.,]*)\s*(?:-|–|to)\s*(\d[\d.,]*)|(\d[\d.,]*)\s*\+")


class Flag(NamedTuple):
    """One thing that is wrong. `error` means: do not write to this company before it is mended."""

    company_id: str
    flag: str
    severity: str
    field: str
    message: str


@dataclass(frozen=True)
class Surroundings:
    """What other rows say: how many companies share the name, and the addresses of its contacts."""

    same_name: int = 0
    addresses: tuple[str, ...] = ()


def check_company(row: Company, around: Surroundings, now: datetime) -> Iterator[Flag]:
    """Every flag of one company."""
    for check in _CHECKS:
        for flag, severity, field, message in check(row, around, now):
            yield Flag(row.id, flag, severity, field, message)


def make_name_key(name: str) -> str:
    """A name as it is compared: without legal form, case, and what is neither letter nor digit."""
    bare = _LEGAL.sub("", name.strip())
    return "".join(character for character in bare.lower() if character.isalnum())


_Told = Iterator[tuple[str, str, str, str]]


def _check_name(row: Company, around: Surroundings, now: datetime) -> _Told:
    del now
    name = row.name.strip()
    if not name or _NAMES.match(name):
        yield "NoName", "error", "name", f"{name!r} is no name of a company."
    elif _DOMAIN.fullmatch(name.lower()):
        yield "NameIsDomain", "warning", "name", "The name is a domain."
    elif re.search(r"https?:|[<>{}|]|&\w+;", name):
        yield "NameIsMarkup", "error", "name", "The name has an address or markup in it."
    elif len(name) > 12 and name.isupper():
        yield "NameIsShouted", "warning", "name", "The name is all capitals."
    if around.same_name and not row.merged_into:
        yield (
            "SameName", "warning", "name",
            f"{around.same_name} other companies have this name: see dedupe_merge.",
        )  # fmt: skip


def _check_domain(row: Company, around: Surroundings, now: datetime) -> _Told:
    del around, now
    domain = row.domain or ""
    if not domain:
        yield "NoDomain", "error", "domain", "No domain is known."
    elif not _DOMAIN.fullmatch(domain):
        yield "BadDomain", "error", "domain", "The domain is none that could be registered."
    elif domain in _FREE:
        yield "FreeMailDomain", "error", "domain", "The domain is that of a free mail service."
    elif domain in _SITES:
        yield "ForeignDomain", "error", "domain", "The domain is that of a site others use."
    if row.website and domain:
        host = normalise_domain(row.website)
        if host != domain and not host.endswith(f".{domain}") and not domain.endswith(f".{host}"):
            yield "OtherWebsite", "warning", "website", "The website is on another domain."


def _check_facts(row: Company, around: Surroundings, now: datetime) -> _Told:
    del around, now
    if row.country and not re.fullmatch(r"[A-Z]{2}", row.country):
        yield "BadCountry", "error", "country", "The country is no code of two capital letters."
    if not row.country:
        yield "NoCountry", "warning", "country", "No country: rules on consent cannot be followed."
    if not (row.category or row.industry):
        yield "NoCategory", "warning", "category", "Neither category nor industry is known."
    text = (row.description or "").strip()
    if _PLACEHOLDER.search(text):
        yield "Placeholder", "error", "description", "The description is of a page without content."
    elif len(text) < _SHORTEST_DESCRIPTION:
        yield "ShortDescription", "warning", "description", "There is hardly a description."


def _check_size(row: Company, around: Surroundings, now: datetime) -> _Told:
    del around, now
    if row.employees is None:
        return
    if not 1 <= row.employees <= _MOST_EMPLOYEES:
        yield "BadSize", "error", "employees", f"{row.employees} employees cannot be."
    elif row.size and not _is_within(row.employees, row.size):
        yield (
            "SizeMismatch", "warning", "employees",
            f"{row.employees} employees are not {row.size}.",
        )  # fmt: skip


def _check_source(row: Company, around: Surroundings, now: datetime) -> _Told:
    del around
    known = row.provenance or {}
    fields = ("name", "domain", "industry", "category", "employees", "description", "country")
    bare = [field for field in fields if getattr(row, field) and field not in known]
    if bare:
        yield "NoSource", "warning", bare[0], f"Nobody knows where this is from: {', '.join(bare)}."
    for field, stamp in sorted(known.items()):
        if getattr(row, field, None) and float(stamp.get("confidence", 1.0)) < _UNSURE:
            yield "Unsure", "warning", field, f"The {field} is little more than a guess."
    if row.enriched_at is None:
        yield "NeverEnriched", "warning", "enriched_at", "The company was never enriched."
    elif now - row.enriched_at > _STALE:
        days = (now - row.enriched_at).days
        yield "Stale", "warning", "enriched_at", f"The data is {days} days old."
    if row.merged_into:
        yield "Merged", "error", "merged_into", f"Use {row.merged_into}, which took its place."


def _check_people(row: Company, around: Surroundings, now: datetime) -> _Told:
    del now
    if not around.addresses:
        yield "NoContacts", "warning", "contacts", "Nobody is known there."
        return
    hosts = [address.rpartition("@")[2] for address in around.addresses if "@" in address]
    if not hosts:
        yield "NoAddresses", "warning", "contacts", "No contact has an address."
    domain = row.domain or ""
    foreign = [h for h in hosts if domain and h != domain and not h.endswith(f".{domain}")]
    if hosts and len(foreign) * 2 > len(hosts):
        yield (
            "OtherMailDomain", "warning", "contacts",
            f"{len(foreign)} of {len(hosts)} contacts have addresses at another domain.",
        )  # fmt: skip


_CHECKS: tuple[Callable[[Company, Surroundings, datetime], _Told], ...] = (
    _check_name, _check_domain, _check_facts, _check_size, _check_source, _check_people,
)  # fmt: skip


def _is_within(employees: int, size: str) -> bool:
    """Whether a number is in a range such as `51-200` or `1,000+`; a size in words fits any."""
    found = _SIZE.search(size)
    if not found:
        return True
    low, high, least = (re.sub(r"\D", "", text) if text else "" for text in found.groups())
    if least:
        return employees >= int(least)
    return int(low) <= employees <= int(high)
