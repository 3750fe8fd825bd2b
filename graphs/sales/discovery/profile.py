"""What the first page of a company's site says of the company. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from graphs.sales.countries import read_country
from graphs.sales.discovery.elsewhere import load_elsewhere
from graphs.sales.web import Data, Page, find_site
from graphs.sales.web.structured import Node

_TYPES = ("Organization", "Corporation", "LocalBusiness", "OnlineBusiness", "OnlineStore", "Store",
          "ProfessionalService", "NGO")  # fmt: skip
_BETWEEN = re.compile(r"\s+[|–—·•:-]\s+|\s*[|·•]\s*|:\s+")
_EMPTY = frozenset({"home", "homepage", "welcome", "start", "startseite", "accueil", "inicio"})


@dataclass(frozen=True)
class Reading:
    """A field, its value, and how sure it is, 0 to 1."""

    field: str
    value: str | int
    confidence: float


@dataclass(frozen=True)
class Profile:
    """A company by its own site. `readings` are fields of `sales_companies`."""

    domain: str
    url: str
    readings: tuple[Reading, ...]

    def find(self, field: str) -> str | int | None:
        """A field's value."""
        return next((each.value for each in self.readings if each.field == field), None)

    @property
    def name(self) -> str:
        """Its name, or its domain."""
        return str(self.find("name") or self.domain)

    @property
    def country(self) -> str | None:
        """Two letters."""
        found = self.find("country")
        return str(found) if found else None

    @property
    def employees(self) -> int | None:
        """How many people it has."""
        found = self.find("employees")
        return int(found) if found else None


def read_profile(page: Page) -> Profile:
    """The company whose site a page is the first of."""
    url = httpx.URL(page.url)
    domain = find_site(url.host)
    node = _find_organisation(page.data)
    readings = [
        _read_name(page, node, domain),
        Reading("domain", domain, 1.0),
        Reading("website", str(url.copy_with(path="/", query=None)), 1.0),
        *_read_country(page.data, node, domain),
        *_read_description(page, node),
        *_read_employees(page.data, node),
    ]
    return Profile(domain, page.url, tuple(readings))


def _find_organisation(data: Data) -> Node | None:
    """The node that says most of those that stand for the company."""
    named = [node for node in data.list_typed(*_TYPES) if data.find_text(node, "name")]
    others = [node for node in data.nodes if "address" in node and "Person" not in node["@type"]]
    return max(named or [n for n in others if data.find_text(n, "name")], key=len, default=None)


def _read_name(page: Page, node: Node | None, domain: str) -> Reading:
    said = page.data.find_text(node, "name", "legalName") if node else ""
    if said:
        return Reading("name", said[:300], 0.9)
    if page.site_name and page.site_name.lower() not in _EMPTY:
        return Reading("name", page.site_name, 0.8)
    label = re.sub(r"[^a-z0-9]", "", domain.partition(".")[0])
    parts = [part.strip() for part in _BETWEEN.split(page.title) if part.strip()]
    for part in parts:
        bare = re.sub(r"[^a-z0-9]", "", part.lower())
        if bare and (label in bare or (len(bare) > 2 and bare in label)) and len(part) <= 80:
            return Reading("name", part, 0.7)
    return Reading("name", domain, 0.3)


def _read_country(data: Data, node: Node | None, domain: str) -> Iterator[Reading]:
    said = ""
    for address in data.list_values(node, "address") if node else []:
        said = said or (
            data.find_text(address, "addressCountry") if isinstance(address, dict) else ""
        )
    country = read_country(said)
    ending = domain.rpartition(".")[2]
    if country:
        yield Reading("country", country, 0.9)
    elif len(ending) == 2 and ending not in load_elsewhere()["free_endings"]:
        code = read_country(ending)
        if code:
            yield Reading("country", code, 0.6)


def _read_description(page: Page, node: Node | None) -> Iterator[Reading]:
    said = page.description or (page.data.find_text(node, "description") if node else "")
    if said:
        yield Reading("description", said[:1000], 0.8)


def _read_employees(data: Data, node: Node | None) -> Iterator[Reading]:
    for value in data.list_values(node, "numberOfEmployees") if node else []:
        said = data.find_text(value, "value", "minValue") if isinstance(value, dict) else str(value)
        match = re.search(r"\d[\d,. ]{0,9}", said)
        number = int(re.sub(r"\D", "", match.group())) if match else 0
        if 0 < number < 10_000_000:
            yield Reading("employees", number, 0.8)
            return
