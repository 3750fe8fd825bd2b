"""One touch as the mail that goes over the wire (RFC 5322)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime


@dataclass(frozen=True)
class Outgoing:
    """Everything a mail is made of. `references`: the thread's Message-IDs, oldest first.

    `unsubscribe_url` is an HTTPS address that unsubscribes by POST (RFC 8058); `unsubscribe_mail`
    the address that does so by mail.
    """

    message_id: str
    sender: str
    sender_name: str
    recipient: str
    recipient_name: str
    subject: str
    text: str
    html: str
    at: datetime
    in_reply_to: str | None = None
    references: Sequence[str] = ()
    unsubscribe_url: str | None = None
    unsubscribe_mail: str | None = None


def make_message_id(campaign_id: str, contact_id: str, touch_no: int, n: int, domain: str) -> str:
    """``<t{touch}.{campaign}.{contact}.{n}@{domain}>``; other characters become ``=xx`` hex."""

    def safe(text: str) -> str:
        return re.sub(r"[^A-Za-z0-9_-]", lambda m: f"={m.group().encode().hex()}", text)

    return f"<t{touch_no}.{safe(campaign_id)}.{safe(contact_id)}.{n}@{domain}>"


def make_mail(mail: Outgoing) -> EmailMessage:
    """Plain text with HTML beside it, threading headers, and the headers to unsubscribe by.

    Raises:
        ValueError: an address or a header that is none.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = _make_address(mail.sender, mail.sender_name)
    message["To"] = _make_address(mail.recipient, mail.recipient_name)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = mail.message_id
    if mail.in_reply_to:
        message["In-Reply-To"] = mail.in_reply_to
    if mail.references:
        message["References"] = " ".join(mail.references)
    for name, value in make_unsubscribe_headers(mail).items():
        message[name] = value
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message


def make_unsubscribe_headers(mail: Outgoing) -> dict[str, str]:
    """RFC 2369's list of ways, and RFC 8058's promise that the web one takes a single POST."""
    ways = []
    if mail.unsubscribe_url:
        ways.append(f"<{mail.unsubscribe_url}>")
    if mail.unsubscribe_mail:
        ways.append(f"<mailto:{mail.unsubscribe_mail}?subject=unsubscribe>")
    headers = {"List-Unsubscribe": ", ".join(ways)} if ways else {}
    if mail.unsubscribe_url:
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _make_address(address: str, name: str) -> Address:
    local, _, domain = address.rpartition("@")
    if not local or not domain:
        raise ValueError("An address needs a part before and after the @.")
    return Address(display_name=" ".join(name.split()), username=local, domain=domain)
