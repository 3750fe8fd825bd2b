"""What contact_enrich takes, keeps and gives."""

from typing import Any

from typing_extensions import TypedDict


class ContactInput(TypedDict, total=False):
    """`contact_id` of the database. What is younger than 30 days is not looked for again, unless

    with `force_refresh`. `max_pages` of the company's site are read, 0 to 20, 8 by default; with 0
    only what is known already is read. `now` (ISO 8601) stands in for the clock.
    """

    contact_id: str
    force_refresh: bool
    max_pages: int
    now: str


class FieldFound(TypedDict):
    """One field that was set now; `source` is a page, or the rule that it is from."""

    value: Any
    source: str
    confidence: float


class ContactOutput(TypedDict, total=False):
    """`fields` are those that changed now. `sources` are the pages that name the contact.

    `unread` says why the company's site could not be read.
    """

    fields: dict[str, FieldFound]
    sources: list[str]
    refreshed: bool
    unread: str | None
    enriched_at: str | None


class ContactState(ContactInput, ContactOutput, total=False):
    """Input and output together."""
