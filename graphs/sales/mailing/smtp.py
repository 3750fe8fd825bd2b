"""One SMTP conversation, and what its end means for the touch."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graphs.sales.data.outreach import Mailbox
from graphs.sales.spans import Attributes, span

_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_TIMEOUT_SECONDS = 30.0

Outcome = Literal["sent", "retry", "refused", "unknown", "account"]


@dataclass(frozen=True)
class Delivery:
    """How it ended. `retry`: nothing was taken, later it may be. `refused`: never. `unknown`: the
    line broke after the mail was on it. `account`: the mailbox itself cannot send.

    `status` is the enhanced status code (RFC 3463) where the server gave one. `reason` is safe to
    store and log: it quotes no address and no text of the server.
    """

    outcome: Outcome
    reason: str
    code: int | None = None
    status: str | None = None

    @property
    def is_bad_address(self) -> bool:
        """Whether the server says that nobody has this address (5.1.x)."""
        return bool(self.status and self.status.startswith("5.1."))


class InvalidMailbox(ValueError):
    """The mailbox's settings cannot be used; the text says what to change."""


@dataclass(frozen=True)
class Account:
    """Where and as whom to connect. `security`: none, starttls or tls."""

    host: str
    port: int
    security: str
    username: str
    password: str


def read_account(
    mailbox: Mailbox, protocol: Literal["smtp", "imap"], environment: Mapping[str, str] = os.environ
) -> Account:
    """The account of a mailbox; its password is in the environment of the pool.

    Raises:
        InvalidMailbox: with the field that is missing or wrong.
    """
    given = getattr(mailbox, protocol) or {}
    where = f"mailbox {mailbox.id}: {protocol}"
    default = {"smtp": 587, "imap": 993}[protocol]
    host, port = given.get("host"), given.get("port", default)
    security = given.get("security", {"smtp": "starttls", "imap": "tls"}[protocol])
    if not isinstance(host, str) or not host or not isinstance(port, int):
        raise InvalidMailbox(f'{where} needs {{"host": "...", "port": {default}}}')
    if security not in ("none", "starttls", "tls"):
        raise InvalidMailbox(f"{where}.security is {security!r}; use none, starttls or tls")
    username = str(given.get("username") or "")
    password = environment.get(mailbox.password_env or "", "")
    if username and not password:
        name = mailbox.password_env or "(password_env is not set)"
        raise InvalidMailbox(f"{where}: the pool's environment has no password in {name}")
    return Account(host, port, security, username, password)


async def deliver(
    account: Account,
    sender: str,
    recipient: str,
    mail: bytes,
    hand_over: Callable[[], Awaitable[bool]],
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> Delivery:
    """Send one mail to one address.

    `hand_over` is awaited when the server took sender and recipient, just before the mail itself;
    when it says False nothing is sent.
    """
    with span("smtp send", _describe(account), kind="client") as sending:
        found = await _converse(account, sender, recipient, mail, hand_over, timeout_seconds)
        if found.code is not None:
            sending.set({"smtp.response.code": found.code})
        if found.outcome != "sent":
            sending.fail(found.reason)
    return found


def _describe(account: Account) -> Attributes:
    return {"server.address": account.host, "server.port": account.port}


async def _converse(
    account: Account,
    sender: str,
    recipient: str,
    mail: bytes,
    hand_over: Callable[[], Awaitable[bool]],
    timeout_seconds: float,
) -> Delivery:
    import aiosmtplib

    client = aiosmtplib.SMTP(
        hostname=account.host,
        port=account.port,
        use_tls=account.security == "tls",
        start_tls=account.security == "starttls",
        timeout=timeout_seconds,
        local_hostname=sender.rpartition("@")[2] or None,
    )
    try:
        await client.connect()
        if account.username:
            await client.login(account.username, account.password)
        await client.mail(sender, options=_make_options(client, mail))
        await client.rcpt(recipient)
    except aiosmtplib.SMTPAuthenticationError as error:
        client.close()
        return Delivery("account", "AuthenticationFailed", error.code)
    except aiosmtplib.SMTPResponseException as error:
        client.close()
        return read_refusal(error.code, error.message)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        return Delivery("retry", type(error).__name__)
    if not await hand_over():
        client.close()
        return Delivery("retry", "ClaimLost")
    return await _transmit(client, mail)


async def _transmit(client: Any, mail: bytes) -> Delivery:
    import aiosmtplib

    try:
        response = await client.data(mail)
    except aiosmtplib.SMTPResponseException as error:
        client.close()
        return read_refusal(error.code, error.message)
    except (aiosmtplib.SMTPException, OSError) as error:
        client.close()
        return Delivery("unknown", type(error).__name__)
    try:
        await client.quit()
    except (aiosmtplib.SMTPException, OSError):
        # The mail is with the server already; how it says goodbye changes nothing.
        client.close()
    return Delivery("sent", "Accepted", response.code, find_enhanced_status(response.message))


def read_refusal(code: int, message: str) -> Delivery:
    """4xx may work later (RFC 5321, 4.2.1); 5xx will not."""
    status = find_enhanced_status(message)
    if 400 <= code < 500:
        return Delivery("retry", "RefusedForNow", code, status)
    return Delivery("refused", "Refused", code, status)


def find_enhanced_status(message: str) -> str | None:
    """The code of RFC 3463 in a server's words, such as 5.1.1."""
    found = _ENHANCED.search(message)
    return found.group(0) if found else None


def _make_options(client: Any, mail: bytes) -> list[str]:
    return [f"SIZE={len(mail)}"] if client.supports_extension("size") else []
