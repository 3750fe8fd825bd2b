"""What came into a mailbox, sorted by what kind of mail it is."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import Message as Mail
from email.utils import parseaddr
from typing import Literal

from graphs.sales.data.ids import normalise_address
from graphs.sales.mail import Inbound, read_message
from graphs.sales.mailing.automatic import is_automatic
from graphs.sales.mailing.reports import MALFORMED, Report, find_token, read_report
from graphs.sales.mailing.returns import find_return
from graphs.sales.reply_reading import add_guess, choose_label
from graphs.sales.reply_rules import Analysis, analyse

Kind = Literal["reply", "auto_reply", "bounce", "complaint", "unsubscribe"]

LARGEST_BYTES = 256 * 1024
# Whoever may have asked for no more mail gets none.
_SURE = 0.95
# Somebody who is back says so; no machine does.
_PAST = re.compile(r"\b(?:I was|I've been|ich war|j'étais|estuve|ero|ik was)\b", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<[^<>\s]+>")


@dataclass(frozen=True)
class Arrival:
    """One mail. `key` is the hash of its bytes: the same mail fetched again is the same.

    `until` is the day an automatic reply names; `ids` are the Message-IDs it may answer, nearest
    first. `reading` is what somebody says in a reply, or may say.
    """

    key: str
    kind: Kind
    sender: str
    subject: str
    message_id: str | None
    in_reply_to: str | None
    ids: tuple[str, ...]
    token: str | None
    raw: str = field(repr=False)
    report: Report | None = None
    until: datetime | None = None
    reading: Analysis | None = None

    @property
    def label(self) -> str | None:
        """What the reply surely says; a guess is none."""
        return choose_label(self.reading) if self.reading else None


def sort_arrival(raw: bytes, now: datetime) -> Arrival:
    """Read one mail, whatever is wrong with it."""
    mail = message_from_bytes(raw, policy=policy.compat32)
    report = read_report(mail)
    kind, until, reading = _read_kind(mail, report, raw[:LARGEST_BYTES], now)
    own = _MESSAGE_ID.findall(str(mail.get("Message-ID", "")))
    answered = _MESSAGE_ID.findall(str(mail.get("In-Reply-To", "")))
    chain = _MESSAGE_ID.findall(str(mail.get("References", "")))[::-1]
    returned = report.message_ids if report else ()
    return Arrival(
        key=f"sha256:{hashlib.sha256(raw).hexdigest()}",
        kind=kind,
        sender=normalise_address(parseaddr(str(mail.get("From", "")))[1]),
        subject=" ".join(str(mail.get("Subject", "")).split())[:500],
        message_id=own[0][:400] if own else None,
        in_reply_to=answered[0][:400] if answered else None,
        ids=tuple(dict.fromkeys([*answered, *chain, *returned])),
        token=report.token if report else find_token(mail),
        raw=raw[:LARGEST_BYTES].decode("utf-8", errors="replace").replace("\x00", ""),
        report=report,
        until=until,
        reading=reading,
    )


def _read_kind(
    mail: Mail, report: Report | None, raw: bytes, now: datetime
) -> tuple[Kind, datetime | None, Analysis | None]:
    if report is not None:
        return ("complaint" if report.bounce_class == "complaint" else "bounce"), None, None
    written = _read_words(raw)
    analysis = analyse(written)
    by_words = analysis.intent in ("auto_reply", "bounce") and not _PAST.search(written.new_text)
    if is_automatic(mail) or by_words:
        return "auto_reply", find_return(written.new_text, now), None
    # The mailto form of List-Unsubscribe, or the wish in words.
    subject = " ".join(str(mail.get("Subject", "")).lower().split())
    if analysis.intent == "unsubscribe" or subject in ("unsubscribe", "abmelden", "désabonner"):
        sure = {"intent": "unsubscribe", "confidence": _SURE}
        return "unsubscribe", None, analysis.model_copy(update=sure)
    return "reply", None, _read_person(analysis, written)


def _read_person(analysis: Analysis, written: Inbound) -> Analysis:
    """What it says, where the kind has settled already that no machine wrote it."""
    reading = add_guess(analysis, written)
    by_machine = reading.intent in ("auto_reply", "bounce")
    return reading.model_copy(update={"intent": "unclear"}) if by_machine else reading


def _read_words(raw: bytes) -> Inbound:
    try:
        return read_message(message_from_bytes(raw, policy=policy.default))
    except MALFORMED:
        text = raw.decode("utf-8", errors="replace")
        return Inbound(text=text, new_text=text)
