"""Whether a contact may be written to at all."""

import re
from collections.abc import Mapping
from typing import Any

from graphs.sales.settings import clean

_ADDRESS = re.compile(r"[^@\s<>\"']+@[^@\s<>\"']+\.[^@\s<>\"'.]{2,}")
_MACHINES = re.compile(
    r"^(?:no-?reply|do-?not-?reply|mailer-daemon|postmaster|abuse|bounces?)@", re.I
)


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
        (bool(address) and not _ADDRESS.fullmatch(address), "InvalidAddress"),
        (bool(_MACHINES.match(address)), "MachineAddress"),
        (bool(contact.get("suppressed")), "Suppressed"),
        (bool(contact.get("unsubscribed")), "Unsubscribed"),
        (bool(contact.get("bounced")), "Bounced"),
        (bool(contact.get("replied")), "Replied"),
        (country in needing and not contact.get("consent"), "ConsentMissing"),
    )
    return next((reason for holds, reason in rules if holds), None)
