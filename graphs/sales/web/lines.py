"""The text of a page as a reader sees it: one line for each block, inline tags joined. Pure."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

_INLINE = frozenset(
    ["a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
     "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup",
     "time", "tt", "u", "var", "wbr"]
)  # fmt: skip
_UNSEEN = "script, style, noscript, template, svg, iframe, object, head > *:not(title), [hidden]"
_HIDDEN_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)


def remove_unseen(tree: LexborHTMLParser) -> None:
    """Take out what a browser does not show: also the traps for those who collect addresses."""
    for node in tree.css(_UNSEEN):
        node.decompose()
    for node in tree.css("[style]"):
        if _HIDDEN_STYLE.search(node.attributes.get("style") or ""):
            node.decompose()


def read_lines(root: LexborNode) -> list[str]:
    """The lines of an element, without those that are empty."""
    lines: list[str] = []
    parts: list[str] = []
    block = -1
    for node in root.traverse(include_text=True):
        if node.is_text_node:
            here = _find_block(node)
            if here != block:
                _end_line(lines, parts)
                block = here
            parts.append(node.text_content or "")
        elif node.tag in ("br", "td", "th", "li", "option"):
            _end_line(lines, parts)
    _end_line(lines, parts)
    return lines


def read_line(node: LexborNode) -> str:
    """All the text of an element in one line."""
    return " ".join(read_lines(node))


def _end_line(lines: list[str], parts: list[str]) -> None:
    line = " ".join("".join(parts).replace("\u200b", "").replace("\u00ad", "").split())
    parts.clear()
    if line:
        lines.append(line)


def _find_block(node: LexborNode) -> int:
    parent = node.parent
    while parent is not None and parent.tag in _INLINE:
        parent = parent.parent
    return parent.mem_id if parent is not None else 0
