"""What company_enrichment takes, keeps and gives."""

from typing import Any

from typing_extensions import TypedDict


class EnrichInput(TypedDict, total=False):
    """`company_id` of the database. What is younger than 30 days is not looked for again, unless

    with `force_refresh`. `max_pages` of the site are read, 1 to 20, 8 by default. `now`
    (ISO 8601) stands in for the clock.
    """

    company_id: str
    force_refresh: bool
    max_pages: int
    now: str


class FoundFact(TypedDict):
    """One thing found out, where, and the passage or words it is from."""

    field: str
    value: Any
    source: str
    confidence: float
    evidence: str


class EnrichOutput(TypedDict, total=False):
    """The company as it is now. `facts` counts what was found out, and `found` are these.

    `confidence` is the mean of what is known of category, industry and size, 0 to 1. `refreshed`:
    whether the site was read now. `unread` says why it could not be.
    """

    facts: int
    found: list[FoundFact]
    category: str | None
    industry: str | None
    size: str | None
    employees: int | None
    country: str | None
    confidence: float
    sources: list[str]
    refreshed: bool
    unread: str | None
    enriched_at: str | None


class EnrichState(EnrichInput, EnrichOutput, total=False):
    """Input and output together."""
