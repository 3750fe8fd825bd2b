"""What an address of mail says by itself: its form, whose it is, which other one is the same. Pure.

The words are in ``addresses.toml``; the domains of throw-away addresses are those of the package
``disposable-email-domains``.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from email_validator import EmailNotValidError, validate_email

from graphs.sales.data.ids import normalise_address

_LONGEST = 320
_TABLE = tomllib.loads(Path(__file__).with_name("addresses.toml").read_text(encoding="utf-8"))
_ROLES, _PLACES = frozenset(_TABLE["roles"]), frozenset(_TABLE["places"])
_PROVIDERS = _TABLE["providers"]


class InvalidAddress(ValueError):
    """No mail can be sent to this; the text says why, and does not quote it."""


@dataclass(frozen=True)
class Address:
    """One address, normalised: lower case, the domain in ASCII (``xn--...``)."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def is_role(self) -> bool:
        """Whether it is a desk's and no person's, by the words before the @."""
        words = re.split(r"[._-]+", self.local.partition("+")[0].rstrip("0123456789"))
        if "".join(words) in _ROLES:
            return True
        return bool(_ROLES & set(words)) and all(word in _ROLES | _PLACES for word in words)

    @property
    def is_disposable(self) -> bool:
        """Whether its domain gives addresses to throw away."""
        labels = self.domain.split(".")
        known = _load_disposable()
        return any(".".join(labels[start:]) in known for start in range(len(labels) - 1))

    @property
    def mailbox(self) -> str:
        """The same for spellings that arrive in one mailbox: without ``+tag``, Gmail's dots."""
        local = self.local.partition("+")[0] or self.local
        provider = _PROVIDERS.get(self.domain, {})
        if provider.get("dots"):
            local = local.replace(".", "")
        return f"{local}@{provider.get('is', self.domain)}"


def parse_address(text: str) -> Address:
    """The address in ``text``, which is nothing else.

    Raises:
        InvalidAddress: with a sentence that says what is wrong.
    """
    if len(text) > _LONGEST:
        raise InvalidAddress(f"An address has at most {_LONGEST} characters.")
    try:
        found = validate_email(text.strip(), check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        # The validator's sentences name characters at most, never the address.
        raise InvalidAddress(str(error)) from None
    return Address(normalise_address(found.local_part), found.ascii_domain.lower())


@cache
def _load_disposable() -> frozenset[str]:
    """Some ten thousand domains, read at the first question."""
    from disposable_email_domains import blocklist

    return frozenset(blocklist)
