"""What a caller asks of a pipeline, read strictly. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphs.sales.data.ids import normalise_domain
from graphs.sales.settings import clean

MOST_DOMAINS = 200
_LONGEST_QUERY = 300
_LONGEST_ID = 40
# name -> (default, most)
_LIMITS: Mapping[str, tuple[int, int]] = {
    "companies": (25, 200),
    "contacts_per_company": (3, 20),
    "contacts": (50, 500),
}


@dataclass(frozen=True)
class Limits:
    """How much one pipeline may do. `contacts` are campaigns started; `min_score` is 0 to 1."""

    companies: int
    contacts_per_company: int
    contacts: int
    min_score: float


@dataclass(frozen=True)
class Request:
    """Where to look, and what for. Exactly one of `seed_query`, `domains` and `vertical_slug`."""

    pipeline_id: str
    seed_query: str
    domains: tuple[str, ...]
    vertical_slug: str
    geography: str
    size: str
    limits: Limits


def read_request(given: Mapping[str, Any], thread_id: str) -> Request:
    """The request of an input.

    Args:
        thread_id: names the pipeline where the input does not: `pipeline-<id>`.

    Raises:
        ValueError: with what to send instead.
    """
    named = clean(given.get("pipeline_id")) or thread_id.removeprefix("pipeline-")
    if not 0 < len(named) <= _LONGEST_ID:
        raise ValueError(
            f"Send pipeline_id, at most {_LONGEST_ID} characters, or use the thread pipeline-<id>."
        )
    query, vertical = clean(given.get("seed_query")), clean(given.get("vertical_slug"))
    domains = _read_domains(given.get("domains"))
    if sum(map(bool, (query, domains, vertical))) != 1:
        raise ValueError("Send one of seed_query, domains (a list) and vertical_slug.")
    if len(query) > _LONGEST_QUERY or len(vertical) > _LONGEST_QUERY:
        raise ValueError(f"seed_query and vertical_slug have at most {_LONGEST_QUERY} characters.")
    return Request(
        named, query, domains, vertical,
        clean(given.get("geography"))[:100], clean(given.get("size"))[:40],
        read_limits(given.get("limits")),
    )  # fmt: skip


def read_limits(value: object) -> Limits:
    """Limits with the defaults of those that are not given.

    Raises:
        ValueError: for a name that is none, or a value out of range.
    """
    given = {} if value is None else value
    if not isinstance(given, Mapping):
        raise ValueError("limits is an object, such as {companies: 10}.")
    unknown = {str(name) for name in given} - {*_LIMITS, "min_score"}
    if unknown:
        known = ", ".join([*_LIMITS, "min_score"])
        raise ValueError(f"limits.{min(unknown)[:40]} is none of {known}.")
    read = {}
    for name, (default, most) in _LIMITS.items():
        number = given.get(name, default)
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
            raise ValueError(f"limits.{name} is a whole number from 1 to {most}.")
        read[name] = number
    score = given.get("min_score", 0.0)
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise ValueError("limits.min_score is a number from 0 to 1.")
    return Limits(**read, min_score=float(score))


def _read_domains(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_DOMAINS:
        raise ValueError(f"domains is a list of at most {MOST_DOMAINS} domains.")
    read = dict.fromkeys(normalise_domain(each) if isinstance(each, str) else "" for each in value)
    if any(not 0 < len(domain) <= 253 for domain in read):
        raise ValueError("domains has an entry that is no domain, such as acme.example.")
    return tuple(read)
