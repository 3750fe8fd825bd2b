"""What of a page tells how it is made. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
from selectolax.lexbor import LexborHTMLParser

from graphs.extract_stack_graph.fingerprints import Signals
from graphs.sales.web.lines import read_lines, remove_unseen

_MOST_LINKS = 1000
_LOADED = (
    ("script[src]", "src"), ("link[href]", "href"), ("iframe[src]", "src"), ("img[src]", "src"),
    ("form[action]", "action"),
)  # fmt: skip


def read_signals(html: str, headers: httpx.Headers | None = None) -> Signals:
    """All that fingerprints are looked for in."""
    tree = LexborHTMLParser(html)
    sent = headers or httpx.Headers()
    links = tuple(dict.fromkeys(_list_loaded(tree)))[:_MOST_LINKS]
    generators = tuple(
        node.attributes.get("content") or "" for node in tree.css('meta[name="generator" i]')
    )
    remove_unseen(tree)
    body = tree.body
    return Signals(
        headers={name.lower(): value for name, value in sent.items() if name != "set-cookie"},
        cookies=tuple(each.partition("=")[0].strip() for each in sent.get_list("set-cookie")),
        generators=generators,
        links=links,
        html=html,
        text="\n".join(read_lines(body)) if body is not None else "",
    )


def _list_loaded(tree: LexborHTMLParser) -> Iterator[str]:
    """What a browser would load or send to, as it is written; data in the page is left out."""
    for selector, name in _LOADED:
        for node in tree.css(selector):
            link = (node.attributes.get(name) or "").strip()
            if link and not link.startswith("data:"):
                yield link[:500]
