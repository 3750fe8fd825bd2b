"""What is told of a contact by the address, the company, and the people on its pages. Pure.

What countries tell is in ``places.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphs.sales.addresses import InvalidAddress, parse_address
from graphs.sales.countries import read_country
from graphs.sales.discovery.sites import Told
from graphs.sales.web.names import make_name_key, read_name
from graphs.sales.web.people import FoundPerson, matches_name

_TABLE = tomllib.loads(Path(__file__).with_name("places.toml").read_text(encoding="utf-8"))
_ANYWHERE = frozenset(_TABLE["anywhere"])
_LANGUAGES: dict[str, str] = _TABLE["languages"]
_TIMEZONES: dict[str, str] = _TABLE["timezones"]
_FROM_ADDRESS, _FROM_DOMAIN, _FROM_COUNTRY, _FROM_COMPANY = 0.6, 0.4, 0.4, 0.5


@dataclass(frozen=True)
class Known:
    """What the database says of the contact and the company."""

    name: str = ""
    email: str | None = None
    country: str | None = None
    company_country: str | None = None


@dataclass(frozen=True)
class Clue:
    """One value for a field. `source` is a page, or the name of the rule."""

    field: str
    value: Any
    source: str
    confidence: float


def find_clues(known: Known, people: Sequence[Told]) -> list[Clue]:
    """Everything that is told of the contact, the surest of each field first."""
    clues = [*_read_people(known, people), *_read_address(known)]
    country = known.country or next((each.value for each in clues if each.field == "country"), None)
    if country is None and known.company_country:
        country = known.company_country
        clues.append(Clue("country", country, "company", _FROM_COMPANY))
    if country in _LANGUAGES:
        clues.append(Clue("language", _LANGUAGES[country], "country", _FROM_COUNTRY))
    if country in _TIMEZONES:
        clues.append(Clue("timezone", _TIMEZONES[country], "country", _FROM_COUNTRY))
    return sorted(clues, key=lambda each: -each.confidence)


def find_person(known: Known, people: Sequence[Told]) -> Told | None:
    """The one of these people who is the contact: by address, else by name.

    A page that ties the same name to another address is about somebody else.
    """
    email = (known.email or "").lower()
    by_address = [told for told in people if email and told[0].email == email]
    if by_address:
        return by_address[0]
    key = make_name_key(known.name)
    if " " in key:
        named = [told for told in people if make_name_key(told[0].name) == key]
        fitting = [told for told in named if not told[0].email or not email]
        return fitting[0] if len(fitting) == 1 else None
    local = email.partition("@")[0]
    fitting = [told for told in people if local and matches_name(local, told[0].name)]
    return fitting[0] if len(fitting) == 1 and not known.name else None


def guess_name(email: str) -> str | None:
    """`Dana Reyes` of `dana.reyes@...`; None for a desk's address, or one that tells no name."""
    try:
        address = parse_address(email)
    except InvalidAddress:
        return None
    parts = re.split(r"[._]", address.local.partition("+")[0])
    if address.is_role or len(parts) != 2 or min(map(len, parts)) < 2:
        return None
    return read_name(" ".join(part.capitalize() for part in parts))


def _read_people(known: Known, people: Sequence[Told]) -> Iterator[Clue]:
    found = find_person(known, people)
    if found is None:
        return
    person, page = found
    for field, value in _list_values(person):
        if value:
            yield Clue(field, value, page, person.confidence)


def _list_values(person: FoundPerson) -> list[tuple[str, str]]:
    return [
        ("name", person.name),
        ("email", person.email),
        ("title", person.title),
        ("phone", person.phone),
        ("profile_url", person.profile_url),
    ]


def _read_address(known: Known) -> Iterator[Clue]:
    if not known.email:
        return
    if not known.name and (name := guess_name(known.email)):
        yield Clue("name", name, "address", _FROM_ADDRESS)
    top = known.email.rpartition(".")[2].lower()
    if len(top) == 2 and top not in _ANYWHERE and (country := read_country(top)):
        yield Clue("country", country, "address", _FROM_DOMAIN)
