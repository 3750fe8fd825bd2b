"""The page behind an unsubscribe link. Looking at it changes nothing; its button does."""

from __future__ import annotations

import html
from typing import Any, Literal

Said = Literal["ask", "done", "invalid", "wrong"]

_TEXTS: dict[Said, tuple[int, str, str]] = {
    "ask": (200, "Unsubscribe", "Press the button, and we will not write to you again."),
    "done": (200, "You are unsubscribed", "We will not write to you again."),
    "invalid": (
        404,
        "This link is not valid",
        'It may have been cut off. Answer our mail with the word "unsubscribe" instead.',
    ),
    "wrong": (
        400,
        "Nothing was changed",
        "Send the form field List-Unsubscribe=One-Click, or press the button on the page.",
    ),
}
_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;"
    "color:#222;background:#fff}button{font:inherit;padding:.6rem 1.2rem;cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#111}}"
)


def render_page(said: Said) -> dict[str, Any]:
    """The response; it names nobody, for whoever has the link may see it."""
    status, title, text = _TEXTS[said]
    form = (
        '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
        "<button>Unsubscribe</button></form>"
        if said == "ask"
        else ""
    )
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
        f"<main><h1>{html.escape(title)}</h1><p>{html.escape(text)}</p>{form}</main></html>"
    )
    return {"status": status, "content_type": "text/html", "body": body}
