"""Connections that only reach what they may: names are resolved here, and the addresses judged.

The address that was judged is the one that is connected to, so that a name server which answers
differently the second time gains nothing. TLS still checks the certificate of the name.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv6Address

import httpcore

from graphs.sales.dns import SERVERS, LookupFailed, list_addresses
from graphs.sales.web.addresses import Address, is_public, parse_address
from graphs.sales.web.failures import FetchFailed
from graphs.sales.web.settings import WebSettings

_MOST_ADDRESSES = 4


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections for httpcore.

    `is_trusting`: for addresses that the settings name, never for those that came from outside.
    """

    def __init__(
        self,
        settings: WebSettings,
        environment: Mapping[str, str] = os.environ,
        *,
        is_trusting: bool = False,
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._is_trusting = is_trusting
        self._opener = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first allowed address of the host that answers.

        Raises:
            FetchFailed: `PrivateAddress`, or `Unreachable` when the name leads nowhere.
        """
        failure: Exception = httpcore.ConnectError()
        for address, real_port in await self._list_places(host, port):
            try:
                return await self._opener.connect_tcp(
                    address, real_port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise FetchFailed("PrivateAddress", "Sockets of this machine are not read.")

    async def sleep(self, seconds: float) -> None:
        """Between attempts of httpcore, which makes none here."""
        await asyncio.sleep(seconds)

    async def _list_places(self, host: str, port: int) -> Sequence[tuple[str, int]]:
        place = self._settings.find_place(host)
        if place is not None:
            return [place]
        addresses = await self._resolve(host, port)
        if self._is_trusting or host in self._settings.hosts:
            allowed = addresses
        else:
            allowed = [each for each in addresses if self._may_reach(each, port)]
        if not addresses:
            raise FetchFailed("Unreachable", f"No address is known for {host}.")
        if not allowed:
            raise FetchFailed(
                "PrivateAddress",
                f"{host}, port {port}, is not on the public web, and nothing else is read. A host "
                "of your own network can be allowed by SALES_WEB_ALLOW.",
            )
        return [(str(each), port) for each in allowed[:_MOST_ADDRESSES]]

    def _may_reach(self, address: Address, port: int) -> bool:
        if self._settings.allows(address):
            return True
        return is_public(address) and self._settings.allows_port(port)

    async def _resolve(self, host: str, port: int) -> list[Address]:
        """IPv4 first: pods often have no way to the other kind."""
        literal = parse_address(host)
        if literal is not None:
            return [literal]
        texts: Sequence[str]
        if self._environment.get(SERVERS):
            try:
                texts = await list_addresses(host, self._environment)
            except LookupFailed as error:
                raise FetchFailed("Unreachable", f"{error}.") from None
        else:
            texts = await _ask_machine(host, port)
        found = [each for each in map(parse_address, dict.fromkeys(texts)) if each is not None]
        return sorted(found, key=lambda each: isinstance(each, IPv6Address))


async def _ask_machine(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise FetchFailed(
                "Unreachable", f"The domain name system does not answer for {host}."
            ) from None
        return []
    except UnicodeError:
        return []
    return [str(place[0]) for *_, place in found]
