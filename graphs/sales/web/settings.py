"""How this pool reads the web, from its environment; see docs/sales.md."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from ipaddress import IPv4Network, IPv6Network, ip_network

from graphs.sales.web.addresses import Address

ALLOW = "SALES_WEB_ALLOW"
CONNECT_TO = "SALES_WEB_CONNECT_TO"
USER_AGENT = "SALES_WEB_USER_AGENT"
GAP = "SALES_WEB_GAP_SECONDS"

_PORTS = frozenset({80, 443, 8080, 8443})
_LONGEST_GAP_SECONDS = 60.0


class InvalidWebSetting(ValueError):
    """A variable of the environment that cannot be read; the text says which, and how it goes."""


@dataclass(frozen=True)
class WebSettings:
    """`networks` and `hosts` may be reached though they are private; `places` maps a host, or
    `*.domain`, to the `(host, port)` that is connected to in its place.
    """

    user_agent: str
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: frozenset[str] = frozenset()
    places: tuple[tuple[str, tuple[str, int]], ...] = ()
    gap_seconds: float = 1.0
    most_bytes: int = 5_000_000
    most_redirects: int = 5
    connect_seconds: float = 10.0
    read_seconds: float = 15.0
    total_seconds: float = 40.0
    patience_seconds: float = 30.0

    @property
    def robot(self) -> str:
        """The name by which a robots.txt speaks to us: the first word of the user agent."""
        return self.user_agent.split()[0].partition("/")[0]

    def find_place(self, host: str) -> tuple[str, int] | None:
        """What is connected to in place of a host, where the settings say so."""
        for pattern, place in self.places:
            if pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:])):
                return place
        return None

    def allows(self, address: Address) -> bool:
        """Whether a private address was named as one that may be reached."""
        return any(address in each for each in self.networks if each.version == address.version)

    def allows_port(self, port: int) -> bool:
        """Whether a port of a public address is one that web sites use."""
        return port in _PORTS


def read_web_settings(environment: Mapping[str, str] = os.environ) -> WebSettings:
    """The settings of this process.

    Raises:
        InvalidWebSetting: naming the variable.
    """
    networks, hosts = _read_allowed(_split(environment.get(ALLOW, "")))
    return WebSettings(
        user_agent=_read_user_agent(environment.get(USER_AGENT, "")),
        networks=networks,
        hosts=hosts,
        places=tuple(_read_place(each) for each in _split(environment.get(CONNECT_TO, ""))),
        gap_seconds=_read_gap(environment.get(GAP) or "1"),
    )


def _split(text: str) -> Sequence[str]:
    return [each.strip().lower() for each in text.split(",") if each.strip()]


def _read_allowed(
    names: Sequence[str],
) -> tuple[tuple[IPv4Network | IPv6Network, ...], frozenset[str]]:
    networks, hosts = [], set()
    for name in names:
        try:
            networks.append(ip_network(name))
        except ValueError:
            if "/" in name or ":" in name:
                raise InvalidWebSetting(
                    f"{ALLOW} has {name!r}; write networks such as 10.1.0.0/16, or host names."
                ) from None
            hosts.add(name)
    return tuple(networks), frozenset(hosts)


def _read_place(text: str) -> tuple[str, tuple[str, int]]:
    host, _, place = text.partition("=")
    target, _, port = place.rpartition(":")
    if not host or not target or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidWebSetting(
            f"{CONNECT_TO} has {text!r}; write host=address:port, such as *.example=127.0.0.1:8731."
        )
    return host, (target.strip("[]"), int(port))


def _read_user_agent(text: str) -> str:
    if not text:
        return f"GraphwardenSales/{_find_version()} (reads public pages of companies)"
    if not text.isascii() or not text.isprintable() or len(text) > 200 or not text.strip():
        raise InvalidWebSetting(
            f"{USER_AGENT} is one line of ASCII, such as "
            "NorthwindBot/1.0 (+https://northwind.example/bot)."
        )
    return text.strip()


def _find_version() -> str:
    try:
        return version("graphwarden")
    except PackageNotFoundError:
        return "0"


def _read_gap(text: str) -> float:
    try:
        gap = float(text)
    except ValueError:
        gap = -1
    if not 0 <= gap <= _LONGEST_GAP_SECONDS:
        raise InvalidWebSetting(f"{GAP} is a number of seconds from 0 to 60.")
    return gap
