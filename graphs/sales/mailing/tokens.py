"""Tokens in links and in envelope senders; who has one was sent it."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

_VERP = re.compile(r"(?:^|\+)b-(?P<token>[0-9a-f]{24})(?:@|$)", re.IGNORECASE)


class InvalidToken(ValueError):
    """The token was not made here, or was changed on its way."""


@dataclass(frozen=True)
class Unsubscription:
    """What a link unsubscribes: a contact, from everything (`all`) or from one campaign."""

    contact_id: str
    scope: str = "all"


def make_link_token(target: Unsubscription, key: str) -> str:
    """Signed by HMAC-SHA256, without an end: CAN-SPAM wants links to work long after the mail."""
    return _make_serializer(key).dumps([target.contact_id, target.scope])


def read_link_token(token: str, key: str) -> Unsubscription:
    """What the token is for.

    Raises:
        InvalidToken: it is none of ours.
    """
    try:
        contact_id, scope = _make_serializer(key).loads(token)
    except (BadData, ValueError, TypeError):
        raise InvalidToken("The link is not valid: it was changed, or is not from here.") from None
    return Unsubscription(str(contact_id), str(scope))


def make_unsubscribe_url(template: str, contact_id: str | None, key: str) -> str | None:
    """The contact's own link, from an address with `{token}` in it; None without one."""
    if not template or not contact_id:
        return None
    token = make_link_token(Unsubscription(contact_id), key)
    if "{token}" in template:
        return template.replace("{token}", token)
    return f"{template}{'&' if '?' in template else '?'}token={token}"


def make_envelope_token() -> str:
    """24 hex digits that nobody guesses; they are all that a bounce has to bring back."""
    return secrets.token_hex(12)


def make_envelope_sender(address: str, token: str, bounce_domain: str | None, plus: bool) -> str:
    """The sender that bounces go to (VERP), so that a mangled report still names its mail.

    With a domain of its own for bounces `b-<token>@<domain>`; at a provider with plus addressing
    `local+b-<token>@domain`; else the address itself.
    """
    if bounce_domain:
        return f"b-{token}@{bounce_domain}"
    if plus:
        local, _, domain = address.partition("@")
        return f"{local}+b-{token}@{domain}"
    return address


def find_envelope_token(address: str) -> str | None:
    """The token in an address that mail came to."""
    found = _VERP.search(address.strip().strip("<>"))
    return found["token"].lower() if found else None


def _make_serializer(key: str) -> URLSafeSerializer:
    options = {"digest_method": hashlib.sha256}
    return URLSafeSerializer(key, salt="sales.unsubscribe", signer_kwargs=options)
