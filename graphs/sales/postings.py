"""What posts say of coming purchases: buying, hiring, scaling, or nothing. Pure; a phrase table."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from graphs.sales.phrases import fold

Kind = Literal["hiring", "buying", "scaling", "none"]

# Of as much evidence, the one nearer to a purchase.
_ORDER: tuple[Kind, ...] = ("buying", "scaling", "hiring")
_ENOUGH = 3


@dataclass(frozen=True)
class Intent:
    """`reasons` are passages of the posts, at most three."""

    kind: Kind
    confidence: float
    reasons: tuple[str, ...]


def judge_posts(posts: Sequence[str]) -> Intent:
    """The kind that most speaks for, over all posts. A post about others speaks for nothing."""
    weights: dict[Kind, int] = {}
    words: dict[Kind, list[str]] = {}
    for post in posts:
        text = fold(post)
        against = sum(weight for weight, pattern in _load()["none"] if pattern.search(text))
        for kind in _ORDER:
            found = [(w, m) for w, pattern in _load()[kind] if (m := pattern.search(text))]
            weight = sum(w for w, _ in found) - against
            if weight > 0:
                weights[kind] = weights.get(kind, 0) + weight
                words.setdefault(kind, []).extend(_quote(m) for _, m in found)
    enough = {kind: weight for kind, weight in weights.items() if weight >= _ENOUGH}
    if not enough:
        return Intent("none", 0.6 if posts else 0.9, ())
    best = max(enough, key=lambda kind: (enough[kind], -_ORDER.index(kind)))
    rest = sum(weight for kind, weight in weights.items() if kind != best)
    share = enough[best] / (enough[best] + rest)
    confidence = min(0.95, 0.4 + 0.3 * share + 0.05 * enough[best])
    return Intent(best, round(confidence, 2), tuple(dict.fromkeys(words[best]))[:3])


def _quote(found: re.Match[str]) -> str:
    return found.group(0).strip()[:120]


@lru_cache(maxsize=1)
def _load() -> dict[str, list[tuple[int, re.Pattern[str]]]]:
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return {
        kind: [(int(weight), re.compile(pattern)) for weight, pattern in rows]
        for kind, rows in tomllib.loads(text).items()
    }
