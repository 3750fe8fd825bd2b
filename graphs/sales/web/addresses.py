"""Which addresses a program that follows strangers' links may connect to. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

# What the standard library of some version takes for public, and is not: addresses for protocols,
# old relays, site-local, and the ones from which clouds serve credentials to their machines.
_CLOSED = [
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "fc00::/7",
        "fec0::/10",
    )
]
_NAT64 = ip_network("64:ff9b::/96")


def parse_address(text: str) -> Address | None:
    """The address that `text` spells, without its zone, or None."""
    try:
        return ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet, also by the IPv4 address that it carries."""
    carried = _find_carried(address)
    if carried is not None:
        return is_public(carried)
    if address.is_multicast or not address.is_global:
        return False
    return not any(address in closed for closed in _CLOSED if closed.version == address.version)


def _find_carried(address: Address) -> IPv4Address | None:
    """The IPv4 address that a mapped, translated or tunnelled IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None or address.sixtofour is not None:
        return address.ipv4_mapped or address.sixtofour
    packed = address.packed
    if address in _NAT64 or (packed[:12] == bytes(12) and int(address) > 1):
        return IPv4Address(packed[12:])
    return None
