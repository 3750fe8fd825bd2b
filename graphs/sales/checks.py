"""Checks on every drafted mail, whoever wrote it. Each returns sentences; none means good."""

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

SUBJECT_LIMIT = 70
BODY_LIMIT = 2500

_BANNED = (
    "act now", "risk-free", "100% free", "guaranteed", "limited time offer", "once in a lifetime",
    "no obligation", "click here", "buy now", "i hope this email finds you well",
    "dear sir or madam", "as an ai", "game-changer", "game changer", "synergy", "circle back",
)  # fmt: skip
_UNRESOLVED = re.compile(
    r"\{\{|\}\}|\{%|\$\{|<<|\{[a-z_]+\}|\[(?:your|first|last|company|name|insert)\b[^\]]*\]"
    r"|\bundefined\b|(?-i:\bNone\b)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_LINK = re.compile(r"https?://[^\s<>\")]+|[\w.+-]+@[\w-]+\.[\w.-]+")
_NAME = re.compile(r"(?<![.!?:\n>] )(?<=[a-z,;] )[A-Z][\w'-]+")
_ORDINARY = frozenset(
    [
        "I",
        "I'm",
        "I'll",
        "I'd",
        "I've",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Re",
    ]
)


class Mail(Protocol):
    """What is checked."""

    subject: str
    body: str


def check_subject(mail: Mail, variables: Mapping[str, Any]) -> list[str]:
    """One line, at most 70 characters, no shouting; empty only with an empty body."""
    del variables
    problems = []
    if mail.body and not mail.subject.strip():
        problems.append("The subject is empty.")
    if len(mail.subject) > SUBJECT_LIMIT:
        problems.append(f"The subject has more than {SUBJECT_LIMIT} characters.")
    if "\n" in mail.subject or "\r" in mail.subject:
        problems.append("The subject has more than one line.")
    letters = [c for c in mail.subject if c.isalpha()]
    if len(letters) > 10 and all(c.isupper() for c in letters):
        problems.append("The subject is all capitals.")
    return problems


def check_phrases(mail: Mail, variables: Mapping[str, Any]) -> list[str]:
    """No phrase that spam filters and readers hold against a mail."""
    del variables
    text = f"{mail.subject}\n{mail.body}".lower()
    return [f"The mail says {phrase!r}." for phrase in _BANNED if phrase in text]


def check_resolved(mail: Mail, variables: Mapping[str, Any]) -> list[str]:
    """No variable, placeholder or missing value left in the text."""
    del variables
    found = find_unresolved(f"{mail.subject}\n{mail.body}")
    return [f"The mail has an unresolved placeholder: {found}"] if found else []


def find_unresolved(text: str) -> str | None:
    """The first variable, placeholder or missing value left in the text."""
    found = _UNRESOLVED.search(text)
    return found.group(0) if found else None


def check_length(mail: Mail, variables: Mapping[str, Any]) -> list[str]:
    """At most 2500 characters."""
    del variables
    return [f"The body has over {BODY_LIMIT} characters."] if len(mail.body) > BODY_LIMIT else []


def check_claims(mail: Mail, variables: Mapping[str, Any]) -> list[str]:
    """Every number, link, address and name in the mail occurs in the inputs.

    Containment only: it catches invented facts, not a false sentence made of true words.
    """
    known = json.dumps(dict(variables), ensure_ascii=False, default=str).replace("\\n", " ")
    lowered = known.lower()
    text = f"{mail.subject}\n{mail.body}"
    problems = [
        f"The mail has a link or address that is not in the inputs: {link}"
        for link in (found.rstrip(".,;") for found in _LINK.findall(text))
        if link.lower() not in lowered
    ]
    bare = _LINK.sub(" ", text)
    problems += [
        f"The mail has a number that is not in the inputs: {number}"
        for number in _NUMBER.findall(bare)
        if number not in known
    ]
    problems += [
        f"The mail names something that is not in the inputs: {name}"
        for name in _NAME.findall(bare)
        if name not in _ORDINARY and re.sub(r"'s$", "", name).lower() not in lowered
    ]
    return problems


MAIL_CHECKS = (check_subject, check_phrases, check_resolved, check_length, check_claims)
