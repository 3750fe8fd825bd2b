"""What the evidence about an address makes of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["valid", "risky", "invalid", "unknown"]
Dns = Literal["mx", "address", "null_mx", "none", "no_server", "failed"]


@dataclass(frozen=True)
class Evidence:
    """All that is known about an address whose form is good.

    `dns`: it names mail servers (`mx`); only the domain's own address (`address`, RFC 5321, 5.1);
    that it takes no mail (`null_mx`, RFC 7505); nothing; servers that have no address
    (`no_server`); or it does not answer (`failed`). `asked` is what a mail server said of the
    mailbox. `catch_all`: whether the domain takes mail for everybody; None without evidence.
    """

    dns: Dns
    is_role: bool = False
    is_disposable: bool = False
    has_replied: bool = False
    has_bounced: bool = False
    was_delivered: bool = False
    catch_all: bool | None = None
    asked: Literal["taken", "refused", "unclear"] | None = None

    @property
    def is_settled(self) -> bool:
        """Whether mail itself has told already, and no server has to be asked."""
        return self.has_bounced or self.has_replied


@dataclass(frozen=True)
class Verdict:
    """`reasons` are PascalCase words, the one that settled it first."""

    status: Status
    confidence: float
    reasons: tuple[str, ...]


def judge(evidence: Evidence) -> Verdict:
    """The first rule that holds settles it; doubts come after all that is certain."""
    for holds, status, confidence, reason in _list_certain(evidence):
        if holds:
            return Verdict(status, confidence, (reason,))
    doubts = [(sure, reason) for holds, sure, reason in _list_doubts(evidence) if holds]
    if doubts:
        return Verdict("risky", max(sure for sure, _ in doubts), tuple(why for _, why in doubts))
    if evidence.asked == "taken" and evidence.catch_all is False:
        return Verdict("valid", 0.9, ("ServerTookIt",))
    if evidence.was_delivered:
        return Verdict("valid", 0.8, ("Delivered",))
    # Nobody knows the mailbox itself; the domain is real, and takes mail.
    return Verdict("valid", 0.6, ("DomainTakesMail",))


def _list_certain(evidence: Evidence) -> list[tuple[bool, Status, float, str]]:
    return [
        (evidence.has_bounced, "invalid", 0.98, "Bounced"),
        (evidence.has_replied, "valid", 0.99, "Replied"),
        (evidence.dns == "null_mx", "invalid", 1.0, "NullMx"),
        (evidence.dns == "none", "invalid", 0.95, "NoMailServer"),
        (evidence.dns == "no_server", "invalid", 0.8, "MailServerHasNoAddress"),
        (evidence.asked == "refused", "invalid", 0.9, "MailboxRefused"),
        (evidence.dns == "failed", "unknown", 0.0, "DnsFailed"),
    ]


def _list_doubts(evidence: Evidence) -> list[tuple[bool, float, str]]:
    return [
        (evidence.is_disposable, 0.95, "Disposable"),
        (evidence.is_role, 0.8, "Role"),
        (evidence.catch_all is True, 0.8, "CatchAll"),
        (evidence.dns == "address", 0.6, "NoMxRecord"),
    ]
