"""What the domain name system says of a domain; by the resolver of the machine, or a given one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphs.sales.spans import span

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

# `host` or `host:port`, several with commas between them.
SERVERS = "SALES_DNS_SERVERS"
_LIFETIME_SECONDS = 5.0


class LookupFailed(RuntimeError):
    """Nobody answers now: it says nothing about the domain. The text names no server."""


@dataclass(frozen=True)
class MailExchange:
    """One MX record; `host` without the final dot. An empty host takes no mail (RFC 7505)."""

    preference: int
    host: str


async def list_mail_exchanges(
    domain: str, environment: Mapping[str, str] = os.environ
) -> Sequence[MailExchange]:
    """The MX records, best first; empty where there are none, or no such domain.

    Raises:
        LookupFailed: no resolver answers.
    """
    answers = await _ask(domain, "MX", environment)
    found = [MailExchange(a.preference, a.exchange.to_text(omit_final_dot=True)) for a in answers]
    found = [MailExchange(each.preference, "" if each.host == "." else each.host) for each in found]
    return sorted(found, key=lambda each: (each.preference, each.host))


async def list_addresses(domain: str, environment: Mapping[str, str] = os.environ) -> Sequence[str]:
    """A and AAAA records.

    Raises:
        LookupFailed: no resolver answers.
    """
    return [
        answer.address for kind in ("A", "AAAA") for answer in await _ask(domain, kind, environment)
    ]


async def list_texts(name: str, environment: Mapping[str, str] = os.environ) -> Sequence[str]:
    """TXT records, each as one text (RFC 7208, 3.3: strings are joined without a space).

    Raises:
        LookupFailed: no resolver answers.
    """
    answers = await _ask(name, "TXT", environment)
    return [b"".join(answer.strings).decode("utf-8", errors="replace") for answer in answers]


async def exists(domain: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether anything takes mail for the domain: MX, else an address (RFC 5321, 5.1).

    Raises:
        LookupFailed: no resolver answers.
    """
    exchanges = await list_mail_exchanges(domain, environment)
    if exchanges:
        return any(each.host for each in exchanges)
    return bool(await list_addresses(domain, environment))


async def _ask(name: str, kind: str, environment: Mapping[str, str]) -> Sequence[Any]:
    import dns.asyncresolver
    import dns.exception
    import dns.name
    import dns.resolver

    with span("dns lookup", {"dns.question.type": kind}, kind="client"):
        try:
            answer = await _make_resolver(environment).resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.name.LabelTooLong):
            return []
        except (dns.name.EmptyLabel, dns.name.BadEscape, dns.name.NameTooLong, UnicodeError):
            return []
        except dns.exception.DNSException as error:
            raise LookupFailed(
                f"The domain name system does not answer: {type(error).__name__}"
            ) from None
        return list(answer)


def _make_resolver(environment: Mapping[str, str]) -> Resolver:
    import dns.asyncresolver

    given = [each.strip() for each in environment.get(SERVERS, "").split(",") if each.strip()]
    resolver = dns.asyncresolver.Resolver(configure=not given)
    resolver.lifetime = _LIFETIME_SECONDS
    if given:
        hosts = [each.partition(":") for each in given]
        resolver.nameservers = [host for host, _, _ in hosts]
        resolver.nameserver_ports = {host: int(port) for host, _, port in hosts if port}
    return resolver
