"""What a page says to machines: JSON-LD and microdata, as nodes of one shape. Pure.

A node is a dict with `@type` (a list of bare names, such as `Person`) and properties as the page
gives them. Broken blocks are mended where that is safe, else left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from graphs.sales.web.urls import join_url

Node = dict[str, Any]

_MOST_BLOCKS = 100
_MOST_NODES = 3000
_DEEPEST = 30
_LONGEST = 2000
_TRAILING_COMMA = re.compile(r",\s*(?=[}\]])")
_WRAPPING = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\s*\]\]>|\]\]>)\s*$|;\s*$"
)


@dataclass(frozen=True)
class Data:
    """Every typed node of a page, in its order, and the same by `@id`."""

    nodes: tuple[Node, ...] = ()
    by_id: Mapping[str, Node] = field(default_factory=dict)

    def list_typed(self, *types: str) -> list[Node]:
        """The nodes of any of these types."""
        return [node for node in self.nodes if set(types) & set(node["@type"])]

    def list_values(self, node: Node, *names: str) -> list[Any]:
        """The values of the first of these properties that is there; references are followed."""
        for name in names:
            value = node.get(name)
            values = value if isinstance(value, list) else [value]
            found = [self._resolve(each) for each in values if each not in (None, "", {}, [])]
            if found:
                return found
        return []

    def find_text(self, node: Node, *names: str) -> str:
        """The first of these properties that is a text, or has a name; else empty."""
        for name in names:
            for value in self.list_values(node, name):
                if isinstance(value, dict):
                    value = value.get("name") or value.get("@value") or value.get("url")
                if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                    text = " ".join(str(value).split())
                    if text:
                        return text[:_LONGEST]
        return ""

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, dict) and set(value) <= {"@id", "@type"} and "@id" in value:
            return self.by_id.get(str(value["@id"]), value)
        return value


def read_data(tree: LexborHTMLParser, url: str) -> Data:
    """The data of a page at `url`, by both spellings."""
    nodes: list[Node] = []
    for script in tree.css('script[type*="ld+json" i]')[:_MOST_BLOCKS]:
        nodes += _walk(parse_json_ld(script.text()), _DEEPEST)
    nodes += [node for item in _list_items(tree) for node in _walk(_read_item(item, url), _DEEPEST)]
    typed = [node for node in nodes if node["@type"]][:_MOST_NODES]
    by_id: dict[str, Node] = {}
    for node in nodes:
        name = str(node.get("@id") or "")
        if name and len(node) > len(by_id.get(name, ())):
            by_id[name] = node
    return Data(tuple(typed), by_id)


def parse_json_ld(text: str) -> Any:
    """The JSON of a block, without comments around it and commas too many; None for no JSON."""
    cleaned = text
    for _side in range(3):
        cleaned = _WRAPPING.sub("", cleaned)
    for attempt in (cleaned, _TRAILING_COMMA.sub("", cleaned)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _walk(value: Any, depth: int) -> Iterator[Node]:
    """Every object in a JSON value, outermost first, with its types as a list of bare names."""
    if depth == 0:
        return
    if isinstance(value, list):
        for each in value:
            yield from _walk(each, depth - 1)
    elif isinstance(value, dict):
        kinds = value.get("@type")
        names = kinds if isinstance(kinds, list) else [kinds]
        value["@type"] = [_bare(each) for each in names if isinstance(each, str)]
        if value["@type"] or "@id" in value:
            yield value
        for key, each in value.items():
            if key not in ("@type", "@context") and isinstance(each, (dict, list)):
                yield from _walk(each, depth - 1)


def _bare(name: str) -> str:
    return re.split(r"[/#:]", name.strip().rstrip("/"))[-1]


def _list_items(tree: LexborHTMLParser) -> Iterable[LexborNode]:
    """Items of microdata that are no property of another."""
    for node in tree.css("[itemscope][itemtype]")[:_MOST_NODES]:
        if "itemprop" not in node.attributes:
            yield node


def _read_item(item: LexborNode, url: str, depth: int = _DEEPEST) -> Node:
    kinds = (item.attributes.get("itemtype") or "").split()
    node: Node = {"@type": kinds}
    for child in _list_properties(item):
        value: Any
        if "itemscope" in child.attributes:
            value = _read_item(child, url, depth - 1) if depth else {}
        else:
            value = _read_value(child, url)
        for name in (child.attributes.get("itemprop") or "").split():
            node[name] = [*_as_list(node.get(name)), value]
    return node


def _list_properties(item: LexborNode) -> Iterator[LexborNode]:
    """The elements with `itemprop` below an item, but not those of an item inside it."""
    waiting = list(item.iter())[::-1]
    while waiting:
        node = waiting.pop()
        if "itemprop" in node.attributes:
            yield node
        if "itemscope" not in node.attributes:
            waiting += list(node.iter())[::-1]


def _read_value(node: LexborNode, url: str) -> str:
    given = node.attributes
    for name in ("content", "datetime"):
        if given.get(name):
            return str(given[name])
    link = given.get("href") or given.get("src")
    if link:
        return link if link.startswith(("mailto:", "tel:")) else join_url(url, link) or ""
    return " ".join(node.text().split())


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
