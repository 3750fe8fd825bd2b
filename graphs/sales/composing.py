"""Pieces every drafted mail is put together from. Pure text; nothing here invents a fact."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from graphs.sales.checks import SUBJECT_LIMIT

Tone = Literal["friendly", "formal", "concise"]


def choose_tone(wanted: object) -> Tone:
    """The nearest of the three tones the rules write in; friendly when nothing else is said."""
    text = str(wanted or "").lower()
    if re.search(r"formal|professional|business", text) and "informal" not in text:
        return "formal"
    return "concise" if re.search(r"concise|short|brief|direct|terse", text) else "friendly"


def shorten(text: str, limit: int = SUBJECT_LIMIT) -> str:
    """One line of at most ``limit`` characters, cut between words where that is possible."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    at = cut.rfind(" ")
    return (cut[:at] if at > limit // 2 else cut).rstrip(" ,;:-") + "…"


def make_reply_subject(subject: str) -> str:
    """``Re: ...`` once, whatever chain of Re:, AW:, RE[2]:, Fwd: it had; within the limit."""
    bare = " ".join(subject.split())
    prefix = r"^(?:(?:re|aw|sv|antw|rv|fwd?|wg|tr|ré)(?:\s*\[\d+\])?\s*:\s*)+"
    bare = re.sub(prefix, "", bare, flags=re.IGNORECASE)
    return f"Re: {shorten(bare, SUBJECT_LIMIT - 4)}" if bare else "Re: your message"


def first_name(name: str) -> str:
    """The given name of a display name, also of ``Last, First``; empty for what is no person."""
    name = re.sub(r"[\"']|\(.*?\)", "", name).strip()
    if "," in name:
        name = name.split(",", 1)[1].strip()
    words = [
        w for w in name.split() if not re.fullmatch(r"(?:dr|mr|mrs|ms|prof|herr|frau)\.?", w, re.I)
    ]
    word = words[0] if words else ""
    team = r"team|info|sales|support|office|admin|noreply|no-reply|hello|contact|marketing|the"
    return (
        word
        if re.fullmatch(r"[^\W\d_][\w'’-]*", word) and not re.fullmatch(team, word, re.I)
        else ""
    )


def make_greeting(name: str, tone: Tone) -> str:
    """``Hi Ada,`` or ``Dear Ada Lovelace,``; without a person's name, a greeting without one."""
    given = first_name(name)
    if not given:
        return "Hello,"
    if tone == "formal":
        full = f"{name.split(',')[1].strip()} {name.split(',')[0].strip()}" if "," in name else name
        return f"Dear {full.strip()},"
    return f"Hi {given},"


def make_signature(context: Mapping[str, Any], tone: Tone) -> str:
    """A closing and the sender's name, title and company as far as the context names them."""
    closing = {"formal": "Kind regards,", "concise": "Best,", "friendly": "Best,"}[tone]
    about = ", ".join(str(context[k]) for k in ("sender_title", "sender_company") if context.get(k))
    lines = [closing, str(context.get("sender_name") or ""), about]
    return "\n".join(line for line in lines if line)


def join_paragraphs(paragraphs: Iterable[str]) -> str:
    """Paragraphs with one empty line between; empty ones are left out."""
    return "\n\n".join(p.strip() for p in paragraphs if p and p.strip())


def as_sentence(text: str) -> str:
    """Text with a capital at its start and a full stop at its end."""
    text = " ".join(text.split())
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?…" else f"{text}."
