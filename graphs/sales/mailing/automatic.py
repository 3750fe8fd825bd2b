"""Mail that no person wrote: vacation notices, tickets, receipts (RFC 3834)."""

from __future__ import annotations

import re
from email.message import Message

_SUBJECT = re.compile(
    r"^(?:auto(?:matic|matische|mated)?[- ]?(?:reply|response|antwort)|out of (?:the )?office|ooo\b"
    r"|abwesenheits(?:notiz|meldung)|abwesend|réponse automatique|absence du bureau|absent"
    r"|respuesta automática|fuera de la oficina|risposta automatica|automatisch antwoord"
    r"|afwezigheid|resposta automática|vacation|on leave|autosvar|autoreply)",
    re.IGNORECASE,
)
_PRECEDENCE = frozenset({"auto_reply", "auto-reply", "bulk", "junk", "list"})


def is_automatic(message: Message) -> bool:
    """Whether its headers say that a machine answered. Only ever a reason to do less."""
    submitted = str(message.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    if submitted not in ("no", ""):
        return True
    if any(message.get(name) for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder")):
        return True
    if str(message.get("Precedence", "")).strip().lower() in _PRECEDENCE:
        return True
    if message.get("List-Id") or message.get("X-Auto-Response-Suppress"):
        return message.get("List-Id") is not None or _has_telling_subject(message)
    return _has_telling_subject(message)


def _has_telling_subject(message: Message) -> bool:
    return _SUBJECT.match(" ".join(str(message.get("Subject", "")).split())) is not None
