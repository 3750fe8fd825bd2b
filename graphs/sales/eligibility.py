"""Whether a contact may be written to at all."""

import re
from collections.abc import Mapping
from typing import Any

from graphs.sales.settings import clean

_ADDRESS = re.compile(r"[^@\s<>\"']+@[^@\s<>\"']+\.[^@\s<>\"'.]{2,}")
_MACHINES = re.compile(
    r"^(?:no-?reply|do-?not-?reply|mailer-daemon|postmaster|abuse|bounces?)@", re.I
)


def is_address(text: str) -> bool:
    """Whether a mail could be sent to it, as far as its form tells."""
    return _ADDRESS.fullmatch(text) is not None


def is_machine(address: str) -> bool:
    """Whether nobody reads what comes to this address."""
    return _MACHINES.match(address) is not None


def find_skip_reason(contact: Mapping[str, Any], context: Mapping[str, Any]) -> str | None:
    """A PascalCase reason not to write, or None.

    Contact keys read: email, suppressed, unsubscribed, bounced, replied, country, consent.
    Context key ``consent_countries``: countries where a first mail needs recorded consent.
    """
    address = clean(contact.get("email"))
    country = clean(contact.get("country")).upper()
    needing = {str(code).upper() for code in context.get("consent_countries") or []}
    rules = (
        (not address, "NoAddress"),
        (bool(address) and not is_address(address), "InvalidAddress"),
        (is_machine(address), "MachineAddress"),
        (bool(contact.get("suppressed")), "Suppressed"),
        (bool(contact.get("unsubscribed")), "Unsubscribed"),
        (bool(contact.get("bounced")), "Bounced"),
        (bool(contact.get("replied")), "Replied"),
        (country in needing and not contact.get("consent"), "ConsentMissing"),
    )
    return next((reason for holds, reason in rules if holds), None)
