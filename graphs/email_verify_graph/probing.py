"""Ask a mail server whether it would take mail for an address, without sending any.

Off unless the context says otherwise: servers that are asked too often refuse whoever asks, and
many answer yes to everybody. The conversation ends before there is a mail.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from graphs.sales.addresses import Address
from graphs.sales.dns import LookupFailed, list_addresses
from graphs.sales.mailing.smtp import find_enhanced_status
from graphs.sales.spans import span
from graphs.sales.web.addresses import is_public, parse_address
from graphs.sales.web.settings import WebSettings, read_web_settings

_PORT = 25
_TIMEOUT_SECONDS = 10.0
_MOST_SERVERS = 2
_NO_SUCH_USER = (550, 551, 553)

Answer = Literal["taken", "refused", "unclear"]


@dataclass(frozen=True)
class Probe:
    """What the server said of the mailbox, and whether it takes mail for everybody.

    None of `catch_all`: it did not say.
    """

    asked: Answer
    catch_all: bool | None = None


async def ask_server(address: Address, servers: Sequence[str], sender: str) -> Probe:
    """Ask the first server that answers, of the best two; servers in private networks never.

    Raises:
        InvalidWebSetting: the settings that say what may be reached cannot be read.
    """
    settings = read_web_settings()
    for server in servers[:_MOST_SERVERS]:
        place = await _find_place(server, settings)
        if place is None:
            continue
        with span("smtp probe", {"server.port": place[1]}, kind="client") as asking:
            found = await _converse(place, address, sender)
            if found is not None:
                asking.set({"probe.answer": found.asked})
                return found
            asking.fail("Unreachable")
    return Probe("unclear")


async def _find_place(server: str, settings: WebSettings) -> tuple[str, int] | None:
    """Where to connect, or None where nobody may: an MX record may name any address there is."""
    place = settings.find_place(server.lower())
    if place is not None:
        return place
    try:
        found = [parse_address(each) for each in await list_addresses(server)]
    except LookupFailed:
        return None
    public = [each for each in found if each and (is_public(each) or settings.allows(each))]
    return (str(public[0]), _PORT) if public else None


async def _converse(place: tuple[str, int], address: Address, sender: str) -> Probe | None:
    """None: the server cannot be reached, or does not speak with us."""
    import aiosmtplib

    client = aiosmtplib.SMTP(
        hostname=place[0],
        port=place[1],
        use_tls=False,
        start_tls=False,
        timeout=_TIMEOUT_SECONDS,
        local_hostname=sender.rpartition("@")[2],
    )
    try:
        await client.connect()
        await client.mail(sender)
        asked = await _ask(client, str(address))
        # Nobody has such a name: a server that takes it takes everything.
        stranger = await _ask(client, f"{secrets.token_hex(12)}@{address.domain}")
    except (aiosmtplib.SMTPException, OSError, ValueError):
        client.close()
        return None
    client.close()
    return Probe(asked, {"taken": True, "refused": False, "unclear": None}[stranger])


async def _ask(client: Any, recipient: str) -> Answer:
    import aiosmtplib

    try:
        await client.rcpt(recipient)
    except aiosmtplib.SMTPResponseException as error:
        return read_refusal(error.code, error.message)
    return "taken"


def read_refusal(code: int, message: str) -> Answer:
    """Whether a refusal is about the mailbox (5.1.x, RFC 3463) and not about whoever asks. Pure."""
    status = find_enhanced_status(message)
    if status is not None:
        return "refused" if status.startswith("5.1.") else "unclear"
    return "refused" if code in _NO_SUCH_USER else "unclear"
