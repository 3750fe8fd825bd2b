"""Who may call: API keys by their digests, and which assistants each may run. Pure.

A key is presented as `x-api-key`, as LangGraph's clients send it, or as a bearer token. Its SHA-256
is what is kept: keys are long and random, so that a slow hash would add nothing.
"""

from __future__ import annotations

import fnmatch
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graphwarden.api.errors import Reason
from graphwarden.router.errors import RouterError

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_PATTERN = re.compile(r"[A-Za-z0-9_*?.-]+")
_KEY_PREFIX = "gw_"
_REALM = {"www-authenticate": 'Bearer realm="graphwarden"'}
# Probes and scrapers have no keys.
OPEN_PATHS = frozenset({"/ok", "/live", "/ready", "/metrics"})


class BrokenKey(ValueError):
    """The text of a key cannot be read; the message says what it should be."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever presented a key. Without patterns it may call everything."""

    name: str
    patterns: tuple[str, ...] = ()

    def may_run(self, assistant: str) -> bool:
        """Whether it may run the assistant; `""` is a call that names none."""
        if not self.patterns:
            return True
        return any(fnmatch.fnmatchcase(assistant, pattern) for pattern in self.patterns)


ANYBODY = Caller("")


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys in force, by digest."""

    by_digest: Mapping[bytes, tuple[bytes, Caller]] = field(default_factory=dict)

    def find(self, presented: str) -> Caller | None:
        """The caller of a key, or None."""
        digest = hashlib.sha256(presented.encode("latin-1", "replace")).digest()
        # The time of the lookup tells of a digest, which a caller cannot steer, not of a key.
        known = self.by_digest.get(digest)
        if known is None or not hmac.compare_digest(known[0], digest):
            return None
        return known[1]


def parse_key(name: str, text: str) -> dict[bytes, tuple[bytes, Caller]]:
    """The digests of one key file, each for the same caller.

    One entry per line: `sha256:HEX`, several of them while a key is being replaced, and
    `allow: PATTERN PATTERN ...` for the assistants that it may run. `#` begins a comment.

    Raises:
        BrokenKey: a line is neither, or there is no digest.
    """
    digests, patterns = [], []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        if found := _DIGEST.fullmatch(content):
            digests.append(bytes.fromhex(found[1]))
        elif content.startswith("allow:"):
            asked = content.removeprefix("allow:").replace(",", " ").split()
            if not asked or not all(_PATTERN.fullmatch(one) for one in asked):
                raise BrokenKey(f"line {number}: `allow:` needs assistant ids, with * and ?")
            patterns += asked
        else:
            # Not quoted: it may be the key itself.
            raise BrokenKey(f"line {number} is neither `sha256:` and 64 hex digits nor `allow:`")
    if not digests:
        raise BrokenKey("there is no `sha256:` line")
    caller = Caller(name, tuple(patterns))
    return {digest: (digest, caller) for digest in digests}


def make_key() -> str:
    """A new key."""
    return _KEY_PREFIX + secrets.token_urlsafe(32)


def render_key(key: str, patterns: Iterable[str] = ()) -> str:
    """The text of a key file."""
    lines = [f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"]
    asked = " ".join(patterns)
    return "\n".join([*lines, *([f"allow: {asked}"] if asked else [])]) + "\n"


def read_bearer(header: str | None) -> str | None:
    """The token of an `authorization` header (RFC 6750, section 2.1)."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def unauthenticated(detail: str) -> RouterError:
    """401 for a call without a key, or with one that is not known."""
    return RouterError(401, Reason.UNAUTHENTICATED, detail, _REALM)


def forbidden(caller: Caller, assistant: str) -> RouterError:
    """403 for a call beyond what the caller may."""
    what = f"run '{assistant}'" if assistant else "make this call, which names no assistant"
    detail = f"the key '{caller.name}' may not {what}; it may run {', '.join(caller.patterns)}"
    return RouterError(403, Reason.FORBIDDEN, detail)
