"""The text of a page as a reader sees it: one line for each block, inline tags joined. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

_INLINE = frozenset(
    ["a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
     "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup",
     "time", "tt", "u", "var", "wbr"]
)  # fmt: skip
_BREAKS = frozenset(["br", "td", "th", "li", "option"])
_MOST_NODES = 200_000
_FEW_NODES, _SHORT = 60, 300
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
    """The lines of an element, without those that are empty; of the first 200,000 nodes."""
    return list(_iterate_lines(root, _MOST_NODES))


def read_short_line(node: LexborNode) -> str:
    """The text of an element that is one short line, else empty. Large elements cost no more."""
    line = ""
    for number, found in enumerate(_iterate_lines(node, _FEW_NODES)):
        if number or len(found) > _SHORT:
            return ""
        line = found
    return line


def _iterate_lines(root: LexborNode, most_nodes: int) -> Iterator[str]:
    """Line by line, of so many nodes at most."""
    blocks: dict[int, int] = {}
    parts: list[str] = []
    last = -1
    for number, node in enumerate(root.traverse(include_text=True)):
        if number >= most_nodes:
            break
        parent = node.parent
        around = blocks.get(parent.mem_id, 0) if parent is not None else 0
        if not node.is_text_node:
            blocks[node.mem_id] = around if node.tag in _INLINE else node.mem_id
        is_break = node.tag in _BREAKS
        if parts and (is_break or (node.is_text_node and around != last)):
            if line := _join(parts):
                yield line
            parts = []
        if node.is_text_node:
            parts.append(node.text_content or "")
            last = around
    if line := _join(parts):
        yield line


def read_line(node: LexborNode) -> str:
    """All the text of an element in one line."""
    return " ".join(read_lines(node))


def _join(parts: list[str]) -> str:
    return " ".join("".join(parts).replace("\u200b", "").replace("\u00ad", "").split())
