"""A real DNS server for tests, on a free port, with the records that a test gives it.

Import it by name (`import dns_server`): `tests` is on pytest's import path.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

# (name, type) -> records in zone-file spelling. `None` for a name: the server fails at it.
Records = dict[tuple[str, str], Sequence[str] | None]


@dataclass
class DnsServer:
    """A running server; `records` may be changed while it runs."""

    port: int
    records: Records = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    host: str = "127.0.0.1"

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    def answer(self, wire: bytes) -> bytes:
        """One question, one answer."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        found = self.records.get((name, kind), ())
        if found is None:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif found:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


@contextmanager
def running_dns_server(
    records: Mapping[tuple[str, str], Sequence[str] | None], host: str = "127.0.0.1"
) -> Iterator[DnsServer]:
    """It answers over UDP at an address of this machine for as long as the block lasts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((host, 0))
        server = DnsServer(listening.getsockname()[1], dict(records), host=host)
        thread = threading.Thread(target=_serve, args=(listening, server), daemon=True)
        thread.start()
        yield server
        # An empty question ends it.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"", (host, server.port))
        thread.join(5)


def _serve(listening: socket.socket, server: DnsServer) -> None:
    while True:
        wire, address = listening.recvfrom(4096)
        if not wire:
            return
        listening.sendto(server.answer(wire), address)
