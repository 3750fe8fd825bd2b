"""Where a worker may send webhooks. Pure but for the resolver that is handed in.

A URL from a caller must not reach what only this network can reach (OWASP: server-side request
forgery): only addresses of the public internet pass, and the address that was checked is the one
that is called.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class BlockedHost(ValueError):
    """A URL that is not called; the text is for the caller."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL: connect to `address`, speak to `host`."""

    scheme: str
    host: str
    port: int
    address: str
    path: str

    @property
    def authority(self) -> str:
        """The Host header (RFC 9110, section 7.2): the port only where it is not the usual one."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return name if self.port == usual else f"{name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Hosts and networks that may be called although they are not public."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()


def parse_allowed(text: str) -> Allowed:
    """Host names, addresses and networks in CIDR notation, separated by commas."""
    hosts, networks = set(), []
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        try:
            networks.append(ipaddress.ip_network(part, strict=False))
        except ValueError:
            hosts.add(part.lower())
    return Allowed(frozenset(hosts), tuple(networks))


async def check_url(url: str, allowed: Allowed, resolve: Resolve) -> Target:
    """The target of a webhook.

    Raises:
        BlockedHost: it is no URL, has no address, or one that is not to be called.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise BlockedHost(f"Invalid webhook URL: {error}") from None
    host = _spell_host(parts.hostname or "")
    if parts.scheme not in ("http", "https"):
        raise BlockedHost("Invalid webhook URL: the scheme must be http or https")
    if parts.username is not None or parts.password is not None:
        raise BlockedHost("Invalid webhook URL: it must not carry a user or a password")
    try:
        found = [ipaddress.ip_address(item) for item in await resolve(host, port)]
    except (OSError, ValueError):
        raise BlockedHost(f"Webhook host {host!r} cannot be resolved") from None
    if not found:
        raise BlockedHost(f"Webhook host {host!r} cannot be resolved")
    for address in found:
        reason = None if host in allowed.hosts else _find_reason(address, allowed)
        if reason is not None:
            raise BlockedHost(f"Webhook host blocked: {reason} IP range")
    return Target(parts.scheme, host, port, str(found[0]), _spell_path(parts.path, parts.query))


def _spell_host(host: str) -> str:
    """As it stands in the Host header and in certificates."""
    try:
        spelled = host.lower().encode("idna").decode("ascii")
    except UnicodeError:
        spelled = ""
    if not spelled:
        raise BlockedHost(f"Invalid webhook hostname {host!r}")
    return spelled


def _spell_path(path: str, query: str) -> str:
    """As it goes over the wire: what no URL may hold is escaped, what is escaped stays."""
    try:
        spelled = quote(path or "/", safe=_PATH_SAFE)
        return f"{spelled}?{quote(query, safe=_PATH_SAFE + '?')}" if query else spelled
    except UnicodeError:
        raise BlockedHost("Invalid webhook URL: it is no text") from None


def _find_reason(address: Address, allowed: Allowed) -> str | None:
    """Why an address is not called, in a word; None when it is."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return _find_reason(inner, allowed)
        if address.teredo is not None or address in _NAT64:
            return "translated"
    if any(address.version == net.version and address in net for net in allowed.networks):
        return None
    for word in _INNER:
        if getattr(address, f"is_{word}", False):
            return word.replace("_", "-")
    return None if address.is_global else "non-public"


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_INNER = (
    "loopback", "link_local", "site_local", "multicast", "unspecified", "private", "reserved",
)  # fmt: skip
_PATH_SAFE = "/%:@!$&'()*+,;=~"
