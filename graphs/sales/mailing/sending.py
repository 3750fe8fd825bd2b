"""Send one touch: claim it, hand it to the mail server, say how it ended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from graphs.sales.data import Database
from graphs.sales.data.outreach import Mailbox, Touch
from graphs.sales.data.people import Contact
from graphs.sales.data.suppression import suppress_address
from graphs.sales.mailing.imap import MailboxUnreachable, has_sent
from graphs.sales.mailing.mime import Outgoing, make_mail
from graphs.sales.mailing.outbox import (
    Claim,
    Settings,
    claim_touch,
    fail,
    finish,
    hand_over,
    release,
)
from graphs.sales.mailing.smtp import Delivery, InvalidMailbox, deliver, read_account
from graphs.sales.mailing.tokens import make_envelope_sender, make_unsubscribe_url
from graphs.sales.spans import count

MOST_ATTEMPTS = 8
_FIRST_PAUSE = timedelta(minutes=5)
_LONGEST_PAUSE = timedelta(hours=4)

Status = Literal["sent", "duplicate", "suppressed", "deferred", "held", "failed", "unknown"]


@dataclass(frozen=True)
class Sending:
    """How an attempt ended. `retry_at` is set when another one may follow by itself."""

    status: Status
    touch_id: str
    message_id: str | None
    reason: str | None = None
    message: str = ""
    retry_at: datetime | None = None


@dataclass(frozen=True)
class Links:
    """How a recipient unsubscribes. `url` is an HTTPS address with `{token}` in it."""

    url: str = ""
    mail: str = ""


async def send_touch(
    database: Database,
    touch_id: str,
    settings: Settings,
    now: datetime,
    links: Links = Links(),
    environment: Mapping[str, str] = os.environ,
) -> Sending:
    """One attempt. It may be made again and again: a touch that went out stays as it is.

    Raises:
        InvalidMailbox: the mailbox cannot be used as it is set up.
        LookupError: there is no such touch, or it has no mailbox.
    """
    claim = await claim_touch(database, touch_id, settings, now)
    if claim.status == "unknown":
        return await _look_for_it(database, claim.touch, now, environment)
    if claim.status != "claimed" or claim.mailbox is None:
        return _tell(claim)
    found = await _try(database, claim, claim.mailbox, links, now, environment)
    count("mail.sends", outcome=found.status)
    return found


async def _try(
    database: Database,
    claim: Claim,
    mailbox: Mailbox,
    links: Links,
    now: datetime,
    environment: Mapping[str, str],
) -> Sending:
    touch = claim.touch
    try:
        account = read_account(mailbox, "smtp", environment)
        mail = await _write(database, touch, mailbox, links, now)
    except (InvalidMailbox, ValueError) as error:
        at = now + _FIRST_PAUSE
        await release(database, claim, now, reason=type(error).__name__, code=None, retry_at=at)
        raise
    plus = bool((mailbox.smtp or {}).get("plus_addressing"))
    sender = make_envelope_sender(mailbox.address, touch.token or "", mailbox.bounce_domain, plus)
    delivery = await deliver(
        account, sender, touch.recipient, mail, lambda: hand_over(database, claim, now)
    )
    return await _conclude(database, claim, mailbox, delivery, now)


async def _write(
    database: Database, touch: Touch, mailbox: Mailbox, links: Links, now: datetime
) -> bytes:
    key = await database.read_salt()
    name = ""
    if touch.contact_id:
        async with database.read() as session:
            contact = await session.get(Contact, touch.contact_id)
            name = contact.name if contact else ""
    url = make_unsubscribe_url(links.url, touch.contact_id, key) if touch.campaign_id else None
    outgoing = Outgoing(
        message_id=touch.message_id or "",
        sender=mailbox.address,
        sender_name=mailbox.display_name,
        recipient=touch.recipient,
        recipient_name=name,
        subject=touch.subject,
        text=touch.text,
        html=touch.html,
        at=now,
        in_reply_to=touch.in_reply_to,
        references=[str(each) for each in touch.references],
        unsubscribe_url=url,
        unsubscribe_mail=(links.mail or mailbox.address) if touch.campaign_id else None,
    )
    return make_mail(outgoing).as_bytes()


async def _conclude(
    database: Database, claim: Claim, mailbox: Mailbox, delivery: Delivery, now: datetime
) -> Sending:
    touch, reason, code = claim.touch, delivery.reason, delivery.code
    outcome = delivery.outcome
    if outcome == "sent":
        await finish(database, touch, "claimed", now, code)
        return Sending("sent", touch.id, touch.message_id)
    if outcome == "unknown":
        await fail(database, claim, now, state="unknown", reason=reason, code=code)
        return Sending("unknown", touch.id, touch.message_id, reason, _ASK_A_PERSON)
    if outcome == "account":
        await _pause(database, mailbox, reason, now)
    if outcome == "refused" or touch.attempts >= MOST_ATTEMPTS:
        await fail(database, claim, now, state="failed", reason=reason, code=code)
        if delivery.is_bad_address:
            await _suppress(database, touch, now)
        return Sending("failed", touch.id, touch.message_id, reason)
    at = now + min(_FIRST_PAUSE * 2 ** (touch.attempts - 1), _LONGEST_PAUSE)
    await release(database, claim, now, reason=reason, code=code, retry_at=at)
    return Sending("deferred", touch.id, touch.message_id, reason, "", at)


async def _look_for_it(
    database: Database, touch: Touch, now: datetime, environment: Mapping[str, str]
) -> Sending:
    """An unknown touch is sent if the folder of sent mails has it; else a person has to look."""
    async with database.read() as session:
        mailbox = await session.get_one(Mailbox, touch.mailbox_id)
    found = False
    if mailbox.imap and touch.message_id:
        try:
            account = read_account(mailbox, "imap", environment)
            found = await has_sent(account, touch.message_id, mailbox.imap.get("sent"))
        except (InvalidMailbox, MailboxUnreachable) as error:
            return Sending("unknown", touch.id, touch.message_id, touch.error, str(error))
    if found and await finish(database, touch, "unknown", touch.handed_at or now, None):
        return Sending("sent", touch.id, touch.message_id, "FoundInSent")
    return Sending("unknown", touch.id, touch.message_id, touch.error, _ASK_A_PERSON)


_ASK_A_PERSON = (
    "The line broke while the mail was on it. Look whether it arrived, then say so: "
    "python -m graphs.sales.mailing resolve TOUCH sent|not-sent"
)


def _tell(claim: Claim) -> Sending:
    status: Status = "deferred" if claim.status == "claimed" else claim.status
    touch = claim.touch
    return Sending(status, touch.id, touch.message_id, claim.reason, claim.message, claim.retry_at)


async def _pause(database: Database, mailbox: Mailbox, reason: str, now: datetime) -> None:
    async with database.begin() as session:
        row = await session.get_one(Mailbox, mailbox.id)
        row.paused_at = row.paused_at or now
        row.pause_reason = f"{reason}: mend the mailbox's settings, then clear paused_at"


async def _suppress(database: Database, touch: Touch, now: datetime) -> None:
    salt = await database.read_salt()
    async with database.begin() as session:
        await suppress_address(
            session, touch.recipient, salt, reason="bounced", now=now, source=f"smtp:{touch.id}"
        )
        contact = await session.get(Contact, touch.contact_id) if touch.contact_id else None
        if contact is not None:
            contact.email_status, contact.updated_at = "invalid", now
