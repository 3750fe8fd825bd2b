"""What the sender of a mail wrote, without the mail they answered and without their signature."""

import re

_INTRODUCTIONS = [  # mail clients wrap this line once at most
    r"On\b[^\n]{4,160}?(?:\n[^\n]{0,100}?)?\bwrote\s*:",
    r"Am\b[^\n]{4,160}?(?:\n[^\n]{0,100}?)?\bschrieb\b[^\n]{0,120}?:",
    r"Le\b[^\n]{4,160}?(?:\n[^\n]{0,100}?)?\ba écrit\s*:",
    r"El\b[^\n]{4,160}?(?:\n[^\n]{0,100}?)?\bescribió\s*:",
    r"Il\b[^\n]{4,160}?(?:\n[^\n]{0,100}?)?\bha scritto\s*:",
]
_INTRODUCTION = re.compile(r"^[ \t>]*(?:" + "|".join(_INTRODUCTIONS) + r")[ \t]*$", re.MULTILINE)
_CUT = re.compile(
    r"^(?:[ \t]*-{2,}\s*(?:Original Message|Ursprüngliche Nachricht|Message d'origine"
    r"|Mensaje original|Forwarded message)\s*-{2,}"
    r"|_{10,}[ \t]*"
    r"|(?:\*?(?:From|Von|De)\s?:\*?\s.*\n\*?(?:Sent|Date|Gesendet|Envoyé|Enviado"
    r"|Datum|To)\s?:))",
    re.MULTILINE | re.IGNORECASE,
)
_SIGNATURE = re.compile(
    r"^(?:-- ?|(?:Sent from my|Get Outlook for|Von meinem|Envoyé de mon|Enviado desde mi)\b.*)$",
    re.MULTILINE | re.IGNORECASE,
)


def remove_quoted(text: str) -> str:
    """The new text of a reply: no quoted lines, no introduction of a quote, no signature block.

    Answers written between quoted lines are kept. Running it twice changes nothing more.
    """
    before, now = "", text.replace("\r\n", "\n").replace("\r", "\n")
    while before != now:
        before, now = now, _remove_once(now)
    return now


def _remove_once(text: str) -> str:
    text = _INTRODUCTION.sub("", text)
    for cut in (_CUT, _SIGNATURE):
        found = cut.search(text)
        if found:
            text = text[: found.start()]
    lines = [line.rstrip() for line in text.split("\n") if not line.lstrip().startswith(">")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
