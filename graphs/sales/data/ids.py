"""Keys of rows, and the keyed hashes that stand for addresses after somebody was erased."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
import unicodedata


def make_id() -> str:
    """20 hex digits that sort by the time they were made: 12 of milliseconds, 8 of chance.

    Digits and letters only, so that it can be a part of a thread id or of a Message-ID.
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(4)}"


def normalise_address(address: str) -> str:
    """The address as it is compared: no outer space, lower case.

    RFC 5321 lets the part before the @ differ by case; no mail system in use does.
    """
    return address.strip().lower()


def normalise_domain(text: str) -> str:
    """`acme.example` of a URL, a host or an address; lower case, without `www.` and port."""
    host = re.sub(r"^[a-z][a-z0-9+.-]*://", "", text.strip().lower())
    host = re.split(r"[/?#]", host, maxsplit=1)[0].rpartition("@")[2]
    return host.partition(":")[0].rstrip(".").removeprefix("www.")


def normalise_name(name: str) -> str:
    """A name as it is compared: the same in any order, case and spelling of accents."""
    bare = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(each for each in bare if not unicodedata.combining(each))
    return " ".join(sorted(re.findall(r"[^\W\d_]+", letters)))


def hash_address(address: str, salt: str) -> str:
    """SHA-256 under the database's salt: what is kept of a person who asked to be erased."""
    return hmac.new(salt.encode(), normalise_address(address).encode(), hashlib.sha256).hexdigest()
