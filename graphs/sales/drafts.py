"""A drafted mail, and the facts about people and companies that a caller sends inline."""

import html
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from graphs.sales.settings import clean


class Draft(BaseModel):
    """A mail in plain text."""

    subject: str = Field(max_length=200)
    body: str


def make_draft(draft: Draft) -> str:
    """Subject line and body as one text to copy."""
    return f"Subject: {draft.subject}\n\n{draft.body}"


def read_person(value: object) -> dict[str, str]:
    """name, email, title, company of ``Ada Lovelace <ada@acme.example>`` or of a mapping."""
    if isinstance(value, str):
        found = re.match(r"^\s*(.*?)\s*<?([\w.+-]+@[\w-]+(?:\.[\w-]+)+)>?\s*$", value)
        if found:
            return {"name": clean(found.group(1).strip('" ')), "email": found.group(2)}
        return {"name": clean(value)}
    if not isinstance(value, Mapping):
        return {}
    name = clean(value.get("name")) or clean(
        f"{value.get('first_name') or ''} {value.get('last_name') or ''}"
    )
    known = {key: clean(value.get(key)) for key in ("email", "title", "company", "country")}
    return {key: text for key, text in {"name": name, **known}.items() if text}


def read_company(value: object) -> dict[str, Any]:
    """name, industry, website as text; signals and problems as lists of notes."""
    if isinstance(value, str):
        return {"name": clean(value)} if clean(value) else {}
    if not isinstance(value, Mapping):
        return {}
    facts: dict[str, Any] = {
        key: clean(value.get(key)) for key in ("name", "industry", "website", "size")
    }
    for key in ("signals", "problems"):
        notes = value.get(key) or []
        notes = [notes] if isinstance(notes, str) else notes
        facts[key] = [note for note in (clean(n) for n in notes) if note]
    return {key: fact for key, fact in facts.items() if fact}


def to_html(text: str) -> str:
    """Plain text as minimal HTML: escaped, paragraphs, line breaks, links made clickable."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        safe = html.escape(paragraph).replace("\n", "<br>\n")
        linked = re.sub(r"(https?://[^\s<]+[^\s<.,;)])", r'<a href="\1">\1</a>', safe)
        paragraphs.append(f"<p>{linked}</p>")
    return "\n".join(paragraphs)
