"""What DNS records say about whether mail of a domain arrives. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Mark = Literal["pass", "warn", "fail"]

_MECHANISM = re.compile(r"^[+~?-]?(include:|a\b|mx\b|ptr\b|exists:|redirect=)", re.IGNORECASE)
# RFC 7208, 4.6.4: more lookups than this, and receivers give up.
_MOST_LOOKUPS = 10
_WEAK_KEY_BITS = 1024


@dataclass(frozen=True)
class Finding:
    """One record: how good it is, what it says, and what to do about it."""

    mark: Mark
    record: str | None
    detail: str
    fix: str | None = None


def judge_mx(hosts: Sequence[str], has_address: bool) -> Finding:
    """Where mail to the domain goes: bounces and replies have to arrive somewhere."""
    if hosts and not any(hosts):
        return Finding(
            "fail", ".", "The domain says that it takes no mail (RFC 7505).",
            "Publish MX records, or replies and bounces are lost.",
        )  # fmt: skip
    if hosts:
        return Finding("pass", ", ".join(hosts), f"{len(hosts)} mail servers.")
    if has_address:
        return Finding(
            "warn", None, "No MX record; mail goes to the domain's own address.",
            "Publish an MX record.",
        )  # fmt: skip
    return Finding("fail", None, "Nothing takes mail for this domain.", "Publish MX records.")


def judge_spf(texts: Sequence[str]) -> Finding:
    """Who may send for the domain (RFC 7208)."""
    records = [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]
    if not records:
        return Finding(
            "fail", None, "No SPF record.", "Publish v=spf1 with your servers, ending in -all."
        )
    if len(records) > 1:
        return Finding(
            "fail", records[0], "Several SPF records: receivers take that for an error.",
            "Merge them into one.",
        )  # fmt: skip
    record = records[0]
    terms = record.split()[1:]
    lookups = sum(_MECHANISM.match(term) is not None for term in terms)
    last = next((term.lower() for term in terms if term.lower().endswith("all")), None)
    if last in ("+all", "all"):
        return Finding("fail", record, "Everybody may send for the domain.", "End it in -all.")
    if lookups > _MOST_LOOKUPS:
        return Finding(
            "fail", record, f"{lookups} lookups, of which {_MOST_LOOKUPS} are allowed.",
            "Take out what is not used.",
        )  # fmt: skip
    if last is None and not any(term.lower().startswith("redirect=") for term in terms):
        return Finding("warn", record, "It says nothing of all others.", "End it in -all.")
    if last == "?all":
        return Finding("warn", record, "It is neutral about all others.", "End it in -all.")
    return Finding("pass", record, "Only named servers may send.")


def judge_dkim(selector: str | None, texts: Sequence[str]) -> Finding:
    """The key that signatures are checked with (RFC 6376, 3.6.1)."""
    if selector is None:
        return Finding(
            "warn", None, "No selector is known, so the key was not looked at.",
            "Send selector, or put dkim_selector into the context.",
        )  # fmt: skip
    records = [text for text in texts if "p=" in text]
    if not records:
        return Finding(
            "fail", None, f"No key under the selector {selector}.",
            "Publish the public key, and sign with it.",
        )  # fmt: skip
    tags = read_tags(records[0])
    key = tags.get("p", "")
    if not key:
        return Finding("fail", records[0], "The key is revoked.", "Publish a new key.")
    if tags.get("k", "rsa").lower() == "rsa" and len(key) * 6 < _WEAK_KEY_BITS * 1.3:
        return Finding(
            "warn", _shorten(records[0]), "The key has 1024 bits or less.", "Use 2048 bits."
        )
    if "y" in tags.get("t", ""):
        return Finding("warn", _shorten(records[0]), "The key is in test mode.", "Take out t=y.")
    return Finding("pass", _shorten(records[0]), "There is a key.")


def judge_dmarc(texts: Sequence[str]) -> Finding:
    """What receivers do with mail that fails both (RFC 7489, 6.3)."""
    records = [text for text in texts if text.lower().replace(" ", "").startswith("v=dmarc1")]
    if not records:
        return Finding(
            "fail", None, "No DMARC record: large receivers refuse bulk mail without one.",
            "Publish v=DMARC1; p=none; rua=mailto:... first, then p=quarantine.",
        )  # fmt: skip
    if len(records) > 1:
        return Finding("fail", records[0], "Several DMARC records.", "Keep one.")
    tags = read_tags(records[0])
    policy = tags.get("p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        return Finding("fail", records[0], "It has no valid policy.", "Set p=none or stricter.")
    if policy == "none":
        return Finding(
            "warn", records[0], "It only watches.", "Move to p=quarantine when reports are clean."
        )
    return Finding("pass", records[0], f"The policy is {policy}.")


def read_tags(record: str) -> dict[str, str]:
    """`k=v; ...` as RFC 6376, 3.2 writes them."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {
        name.strip().lower(): "".join(value.split()) for name, _, value in pairs if name.strip()
    }


def decide(findings: Sequence[Finding]) -> Literal["good", "risky", "bad"]:
    """The worst counts."""
    marks = {finding.mark for finding in findings}
    return "bad" if "fail" in marks else "risky" if "warn" in marks else "good"


def _shorten(record: str) -> str:
    return record if len(record) <= 80 else f"{record[:77]}..."
