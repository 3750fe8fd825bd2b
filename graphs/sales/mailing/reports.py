"""Bounces and complaints: RFC 3464 reports, RFC 5965 feedback, and the older forms of servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from graphs.sales.mailing.tokens import find_envelope_token

BounceClass = Literal["hard", "soft", "block", "complaint"]

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_MESSAGE_ID = re.compile(r"<[^<>\s@]+@[^<>\s]+>")
# Servers that say 5.0.0 or 5.7.1 for an address that is not there.
_NOBODY = re.compile(
    r"user (?:unknown|not found|doesn't exist)|unknown (?:user|recipient|or illegal alias)"
    r"|no such (?:user|mailbox|recipient|person)|does(?: not|n't) exist|mailbox (?:unavailable|not "
    r"found)|recipient (?:address )?rejected|address rejected|invalid (?:recipient|mailbox)"
    r"|account (?:that you tried to reach )?(?:has been )?(?:disabled|does not exist|closed)"
    r"|no mailbox here|not our customer|isn't (?:a valid|listed)"
    r"|host (?:or domain name )?not found",
    re.IGNORECASE,
)
_FULL = re.compile(
    r"(?:mailbox|quota|inbox|storage).{0,20}(?:full|exceed|over)|over ?quota", re.IGNORECASE
)
_BLOCKED = re.compile(
    r"spam|blacklist|blocklist|blocked|reputation|policy|spamhaus|dmarc|spf check|rejected due to",
    re.IGNORECASE,
)


# What the parsers of Python's library and of flufl.bounce raise at headers that break their rules.
MALFORMED = (LookupError, ValueError, AttributeError, TypeError)


@dataclass(frozen=True)
class Report:
    """What a server says of a mail of ours. `status` is an enhanced code (RFC 3463).

    `message_ids` are those of the mail that it is about, `token` that of its envelope; `recipient`
    is the address as the report names it, and may be another than we wrote to (forwarding).
    """

    bounce_class: BounceClass
    status: str | None
    recipient: str | None
    message_ids: tuple[str, ...]
    token: str | None


def read_report(message: Message) -> Report | None:
    """The report in a mail; None when it is none, or tells only of a delay."""
    token = find_token(message)
    ids = tuple(_list_original_ids(message))
    feedback = _find_part(message, "message/feedback-report")
    if feedback is not None:
        recipient = _read_fields(feedback).get("original-rcpt-to")
        return Report("complaint", None, _bare(recipient), ids, token)
    delivery = _find_part(message, "message/delivery-status")
    if delivery is not None:
        return _read_delivery(message, delivery, ids, token)
    return _read_other(message, ids, token)


def classify_status(status: str | None, text: str, code: int | None = None) -> BounceClass:
    """Whether it is worth another try, and whose fault it is.

    4.x.x is for now, 5.1.x for good; 5.2.2 is a full mailbox, which gets emptied; 5.7.x is about
    the sender, unless the words say that nobody is there.
    """
    if status is None and code is not None:
        status = f"{code // 100}.0.0"
    if status is None:
        return "hard" if _NOBODY.search(text) else "block" if _BLOCKED.search(text) else "soft"
    major, subject, _ = status.split(".")
    if major == "4":
        return "soft"
    if status == "5.2.2" or (subject != "1" and _FULL.search(text)):
        return "soft"
    if subject in ("1", "4") or _NOBODY.search(text) or status == "5.2.1":
        return "hard"
    if subject == "7" or _BLOCKED.search(text):
        return "block"
    return "hard" if subject == "2" else "soft"


def find_token(message: Message) -> str | None:
    """The token of the envelope sender, in any header that may name where the mail went."""
    names = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "Return-Path")
    for name in names:
        for value in message.get_all(name, []):
            for address in re.split(r"[,\s]+", str(value)):
                token = find_envelope_token(address)
                if token:
                    return token
    return None


def _read_delivery(
    message: Message, part: Message, ids: tuple[str, ...], token: str | None
) -> Report | None:
    """The worst of the recipients (RFC 3464, 2.3); an `Action: delayed` is no bounce."""
    groups = [dict(_fold(block)) for block in _list_blocks(part)]
    failed = [g for g in groups if g.get("action", "").split()[:1] == ["failed"]]
    if not failed:
        return None
    text = _read_text(message)
    for fields in failed:
        words = f"{fields.get('diagnostic-code', '')} {text if len(failed) == 1 else ''}"
        found = _STATUS.search(fields.get("status", ""))
        diagnostic = _STATUS.search(fields.get("diagnostic-code", ""))
        status = found.group(0) if found else None
        # 5.0.0 says nothing; what the remote server said is in the diagnostic.
        if diagnostic and (status is None or status.endswith(".0.0")):
            status = diagnostic.group(0)
        recipient = fields.get("original-recipient") or fields.get("final-recipient")
        return Report(classify_status(status, words), status, _bare(recipient), ids, token)
    return None


def _read_other(message: Message, ids: tuple[str, ...], token: str | None) -> Report | None:
    """Forms from before RFC 3464, as Mailman knows them."""
    if not _looks_like_a_bounce(message):
        return None
    addresses = _scan(message)
    text = _read_text(message)
    if not addresses and not token and not ids:
        return None
    found = _STATUS.search(text)
    recipient = addresses[0].decode("ascii", "replace") if addresses else None
    status = found.group(0) if found else None
    return Report(classify_status(status, text), status, recipient, ids, token)


def _scan(message: Message) -> list[bytes]:
    """Addresses that Mailman's rules find; some of them fail at malformed mail, and find none."""
    from flufl.bounce import scan_message

    try:
        return sorted(scan_message(message) or ())
    except MALFORMED:
        return []


def _looks_like_a_bounce(message: Message) -> bool:
    """An empty envelope sender (RFC 5321, 4.5.5), or a postmaster, and no automatic reply."""
    sender = str(message.get("From", "")).lower()
    empty = str(message.get("Return-Path", "")).strip() in ("<>", "")
    daemon = re.search(r"mailer-daemon|postmaster|mail delivery|mdaemon", sender) is not None
    replied = str(message.get("Auto-Submitted", "")).lower().startswith("auto-replied")
    return (daemon or (empty and "Return-Path" in message)) and not (replied and not daemon)


def _list_original_ids(message: Message) -> Iterator[str]:
    """Message-IDs of the mail that came back, whole or as headers; else in the plain text."""
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            for inner in _list_inner(part):
                yield from _MESSAGE_ID.findall(str(inner.get("Message-ID", "")))
        elif kind in ("text/rfc822-headers", "message/rfc822-headers", "text/plain"):
            text = _decode(part)
            yield from re.findall(r"(?im)^\s*message-id:\s*(<[^>\s]+>)", text)
    for name in ("In-Reply-To", "References", "X-Failed-Message-ID"):
        yield from _MESSAGE_ID.findall(str(message.get(name, "")))


def _find_part(message: Message, kind: str) -> Message | None:
    return next((part for part in message.walk() if part.get_content_type() == kind), None)


def _list_inner(part: Message) -> list[Message]:
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    return [inner for inner in payload if isinstance(inner, Message)]


def _list_blocks(part: Message) -> list[list[tuple[str, str]]]:
    inner = _list_inner(part)
    if inner:
        return [list(block.items()) for block in inner]
    blocks = re.split(r"\n\s*\n", _decode(part).replace("\r\n", "\n"))
    return [re.findall(r"(?m)^([\w-]+):\s*(.*(?:\n[ \t].*)*)", block) for block in blocks]


def _fold(block: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in block:
        yield name.lower(), " ".join(str(value).split())


def _read_fields(part: Message) -> dict[str, str]:
    return {name: value for block in _list_blocks(part) for name, value in _fold(block)}


def _bare(recipient: str | None) -> str | None:
    """`user@host` of `rfc822; user@host`."""
    if recipient is None:
        return None
    address = recipient.partition(";")[2] if ";" in recipient else recipient
    return address.strip().strip("<>") or None


def _read_text(message: Message) -> str:
    parts = (_decode(p) for p in message.walk() if p.get_content_maintype() == "text")
    return "\n".join(parts)[:20_000]


def _decode(part: Message) -> str:
    try:
        payload = part.get_payload(decode=True)
    except (UnicodeError, ValueError):
        # A transfer encoding that its body does not keep to.
        payload = str(part.get_payload()).encode("utf-8", errors="replace")
    data = payload if isinstance(payload, bytes) else b""
    try:
        return data.decode(part.get_content_charset() or "utf-8", errors="replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", errors="replace")
