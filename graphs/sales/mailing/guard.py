"""Everything that forbids a send, or asks for a person first. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from graphs.sales.checks import find_unresolved
from graphs.sales.eligibility import is_address, is_machine

# cancel: this touch will never go out. hold: somebody has to do something first.
Verdict = Literal["cancel", "hold"]


@dataclass(frozen=True)
class Facts:
    """What is known at the moment of the claim."""

    recipient: str
    subject: str
    text: str
    suppressed: str | None = None
    campaign_paused: bool = False
    replied: bool = False
    company_replied: bool = False
    bounced: bool = False
    unsubscribed: bool = False
    mailbox_paused: str | None = None
    needs_approval: bool = False
    approved: bool = False
    score: float | None = None
    min_score: float | None = None
    consent_missing: bool = False
    needs_footer: bool = True
    postal_address: str = ""
    merged: bool = False


@dataclass(frozen=True)
class Refusal:
    """`reason` is PascalCase, `message` says what to do."""

    verdict: Verdict
    reason: str
    message: str


def find_refusal(facts: Facts) -> Refusal | None:
    """The first rule that forbids the send, the final ones before those that can be mended."""
    for holds, verdict, reason, message in _list_rules(facts):
        if holds:
            return Refusal(verdict, reason, message)
    return None


def _list_rules(facts: Facts) -> list[tuple[bool, Verdict, str, str]]:
    low = facts.min_score is not None and (facts.score or 0.0) < facts.min_score
    footer = bool(facts.postal_address) and _squeeze(facts.postal_address) in _squeeze(facts.text)
    unresolved = find_unresolved(f"{facts.subject}\n{facts.text}")
    return [
        (not is_address(facts.recipient), "cancel", "InvalidAddress", "There is no address."),
        (is_machine(facts.recipient), "cancel", "MachineAddress", "Nobody reads this address."),
        (facts.merged, "cancel", "Merged", "The contact is a duplicate of another one."),
        (bool(facts.suppressed), "cancel", "Suppressed", f"Suppressed: {facts.suppressed}."),
        (facts.unsubscribed, "cancel", "Unsubscribed", "The contact unsubscribed."),
        (facts.replied, "cancel", "Replied", "The contact replied: a person answers now."),
        (facts.company_replied, "cancel", "CompanyReplied", "Somebody else there replied."),
        (facts.bounced, "cancel", "Bounced", "An earlier mail to this address bounced."),
        (facts.consent_missing, "cancel", "ConsentMissing", "The country asks for consent."),
        (low, "cancel", "ScoreTooLow", "The score is below the campaign's threshold."),
        (facts.campaign_paused, "hold", "CampaignPaused", "Resume the campaign."),
        (bool(facts.mailbox_paused), "hold", "MailboxPaused", f"{facts.mailbox_paused}"),
        (not facts.text.strip(), "hold", "EmptyBody", "The mail has no text."),
        (not facts.subject.strip(), "hold", "EmptySubject", "The mail has no subject."),
        (
            unresolved is not None,
            "hold",
            "UnresolvedVariable",
            f"The text still has {unresolved}.",
        ),
        (
            facts.needs_footer and not footer,
            "hold",
            "FooterMissing",
            "Set postal_address: a commercial mail names its sender's (CAN-SPAM).",
        ),
        (
            facts.needs_approval and not facts.approved,
            "hold",
            "ApprovalMissing",
            "A person has to approve this touch.",
        ),
    ]


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()
