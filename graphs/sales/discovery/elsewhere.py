"""Sites that are no company's own, and other words of `elsewhere.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from graphs.sales.web import Page, find_site


def is_elsewhere(host: str) -> bool:
    """Whether a host is a network, a directory or another place that is no company's own site."""
    hosts = load_elsewhere()["hosts"]
    return host in hosts or find_site(host) in hosts


def is_parked(page: Page) -> bool:
    """Whether a name is not in use: nothing but an offer, or a server's first page, is there."""
    said = f"{page.title}\n{page.text[:2000]}".lower()
    is_short = len(page.text) < 2000
    return is_short and any(phrase in said for phrase in load_elsewhere()["parked"])


@cache
def load_elsewhere() -> Mapping[str, Any]:
    """The file, with sets in place of lists."""
    path = Path(__file__).with_name("elsewhere.toml")
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    return {key: frozenset(v) if isinstance(v, list) else v for key, v in raw.items()}
