"""Whether two rows are one person, or one company: what speaks for it, how sure it is. Pure.

Words of names are in ``names.toml``.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rapidfuzz import fuzz

from graphs.sales.addresses import InvalidAddress, parse_address
from graphs.sales.data.ids import normalise_domain

Verdict = Literal["same", "maybe", "different"]

# Names this alike differ by a slip of the pen; 0 to 1.
ALIKE = 0.9
_PHONE_DIGITS = 9
_TABLE = tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))
_PLATFORMS, _LEGAL_FORMS = _TABLE["platforms"], frozenset(_TABLE["legal_forms"])


@dataclass(frozen=True)
class Person:
    """What is compared of a contact."""

    id: str
    name: str = ""
    email: str | None = None
    phone: str | None = None
    profile_url: str | None = None
    company_id: str | None = None


@dataclass(frozen=True)
class Firm:
    """What is compared of a company."""

    id: str
    name: str = ""
    domain: str | None = None
    website: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class Likeness:
    """`reason` is a sentence for whoever decides; it quotes nothing of the rows."""

    verdict: Verdict
    score: float
    reason: str


_DIFFERENT = Likeness("different", 0.0, "Nothing speaks for it.")


def compare_people(one: Person, other: Person) -> Likeness:
    """Two contacts. A shared name alone is none: it takes the same employer, mailbox or profile."""
    names = compare_names(one.name, other.name)
    if _both(read_mailbox(one.email), read_mailbox(other.email)):
        return _by_name(names, 0.99, "One mailbox in two spellings", 0.8)
    profiles = read_profile(one.profile_url), read_profile(other.profile_url)
    if _both(*profiles):
        return _by_name(names, 0.98, "The same profile", 0.7)
    if all(profiles) and _host(profiles[0]) == _host(profiles[1]):
        return Likeness("different", 0.0, "Two profiles at one network.")
    phones = read_phone(one.phone), read_phone(other.phone)
    if names == 1.0 and _both(*phones) and not _has_two_addresses(one, other):
        return Likeness("same", 0.93, "The same name and phone number.")
    if not one.company_id or one.company_id != other.company_id or names is None:
        return _DIFFERENT
    return _compare_colleagues(one, other, names, all(phones))


def _compare_colleagues(one: Person, other: Person, names: float, has_phones: bool) -> Likeness:
    """Two people of one company without a mailbox, a profile or a phone number in common."""
    locals_ = [(email or "").partition("@")[0].lower() for email in (one.email, other.email)]
    if names == 1.0 and not all(locals_) and not has_phones:
        return Likeness("same", 0.92, "The same name at the same company; one has no address.")
    if names == 1.0 and locals_[0] == locals_[1]:
        return Likeness("same", 0.95, "The same name at the same company, at two of its domains.")
    if names == 1.0:
        return Likeness("maybe", 0.8, "The same name at the same company, with two addresses.")
    if names >= ALIKE and (not all(locals_) or fuzz.ratio(*locals_) >= ALIKE * 100):
        return Likeness("maybe", round(names * 0.75, 3), "Names alike at the same company.")
    return _DIFFERENT


def compare_firms(one: Firm, other: Firm) -> Likeness:
    """Two companies. Two domains are two companies until somebody says otherwise."""
    names = fuzz.ratio(read_core(one.name), read_core(other.name)) / 100
    hosts = (list_hosts(one), list_hosts(other))
    if hosts[0] & hosts[1]:
        if names >= 0.5:
            return Likeness("same", 0.97, "The same web site.")
        return Likeness("maybe", 0.6, "The same web site under two names.")
    abroad = bool(one.country and other.country and one.country != other.country)
    if names < 1.0 or not read_core(one.name):
        has_both = bool(one.domain and other.domain)
        if names >= ALIKE and not has_both and not abroad and len(read_core(one.name)) > 5:
            return Likeness("maybe", round(names * 0.7, 3), "Names alike; one has no domain.")
        return _DIFFERENT
    if one.domain and other.domain:
        if _label(one.domain) == _label(other.domain):
            return Likeness("maybe", 0.8, "The same name at two top-level domains.")
        return _DIFFERENT if abroad else Likeness("maybe", 0.6, "The same name at two domains.")
    if abroad:
        return _DIFFERENT
    is_exact = _spell(one.name) == _spell(other.name) and bool(one.country and other.country)
    if is_exact:
        return Likeness("same", 0.92, "The same name in the same country; one has no domain.")
    return Likeness("maybe", 0.75, "The same name; one has no domain.")


def compare_names(one: str, other: str) -> float | None:
    """1.0 for one full name in any order and spelling; None where one of them is not known.

    Given names alone are no names, and an initial is not the name that it may stand for.
    """
    keys = make_name_key(one), make_name_key(other)
    if not all(keys):
        return None
    if any(" " not in key for key in keys):
        return 0.5 if set(keys[0].split()) & set(keys[1].split()) else 0.0
    if keys[0] == keys[1]:
        return 1.0
    if _abbreviates(*keys) or _abbreviates(*keys[::-1]):
        return 0.95
    # 1.0 means the same name, and these are not: two letters apart are two people.
    return min(fuzz.ratio(*keys) / 100, 0.99)


def make_name_key(name: str) -> str:
    """The words of a name without accents, case and order."""
    return " ".join(sorted(_spell(name).split()))


def read_mailbox(email: str | None) -> str | None:
    """The mailbox of an address, or None for what is none."""
    try:
        return parse_address(email).mailbox if email else None
    except InvalidAddress:
        return None


def read_profile(url: str | None) -> str | None:
    """Host and path of a profile, as it is compared."""
    if not url:
        return None
    text = re.sub(r"^[a-z]+://", "", url.strip().lower()).split("?")[0].split("#")[0].rstrip("/")
    return re.sub(r"^(?:www|m|[a-z]{2})\.(?=linkedin\.com|xing\.com)", "", text) or None


def read_phone(phone: str | None) -> str | None:
    """The last nine digits: with or without the country's code it is one number."""
    digits = re.sub(r"\D", "", phone or "")
    return digits[-_PHONE_DIGITS:] if len(digits) >= _PHONE_DIGITS else None


def read_core(name: str) -> str:
    """A company's name without its legal form."""
    words = _spell(name).split()
    kept = [word for word in words if word not in _LEGAL_FORMS]
    return " ".join(kept or words)


def list_hosts(firm: Firm) -> set[str]:
    """The hosts by which a company is known, those of platforms left out."""
    given = {normalise_domain(text) for text in (firm.domain, firm.website) if text}
    return {host for host in given if host and not _is_platform(host)}


def _by_name(names: float | None, score: float, what: str, doubt: float) -> Likeness:
    """Certain unless the names contradict; a mailbox may be shared, a link copied."""
    if names is None or names >= 0.5:
        return Likeness("same", score, f"{what}.")
    return Likeness("maybe", doubt, f"{what}, under two names.")


def _has_two_addresses(one: Person, other: Person) -> bool:
    """Whether both have an address at one domain: an employer gives nobody two names, mostly."""
    domains = [(email or "").rpartition("@")[2].lower() for email in (one.email, other.email)]
    return bool(domains[0]) and domains[0] == domains[1]


def _both(one: str | None, other: str | None) -> bool:
    return one is not None and one == other


def _host(profile: str | None) -> str:
    return (profile or "").partition("/")[0]


def _label(domain: str) -> str:
    return domain.partition(".")[0]


def _is_platform(host: str) -> bool:
    return any(host == each or host.endswith(f".{each}") for each in _PLATFORMS)


def _abbreviates(short: str, long: str) -> bool:
    """Whether `d reyes` may be `dana reyes`."""
    initials = {word for word in short.split() if len(word) == 1}
    rest, words = set(short.split()) - initials, set(long.split())
    left = words - rest
    return bool(initials and rest and rest < words) and {word[0] for word in left} == initials


def _spell(text: str) -> str:
    """Lower case, no accents, single spaces; dots join: `G.m.b.H.` is gmbh."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss").replace("ø", "o"))
    letters = "".join(
        char for char in plain if not unicodedata.combining(char) and char not in ".'’"
    )
    return " ".join(re.findall(r"[^\W_]+", letters))
