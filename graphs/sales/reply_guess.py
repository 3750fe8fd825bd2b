"""A guess at replies that no phrase knows: naive Bayes over words, counted in labelled replies.

The counts are `replies/counts.weights`; `python -m graphs.classify_reply_graph.learn` writes it. It
is JSON, and not called so: `kubectl apply --recursive` would take it for a manifest. A guess is
only ever a proposal to a person.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from graphs.sales.phrases import Intent, fold

COUNTS = Path(__file__).with_name("replies") / "counts.weights"
_WORD = re.compile(r"[^\W\d_]+|\d+|\?")
_PIECE = 4
_SMOOTHING = 0.3
# Words of one reply hang together, which naive Bayes does not know: it would be far too sure.
_TEMPER = 0.25
_LEAST = 0.5
# What is learned from short replies says nothing of long letters.
_LONGEST = 2000


@dataclass(frozen=True)
class Guess:
    """`probability` is that of the label among all labels; `words` are those that spoke for it."""

    label: Intent
    probability: float
    words: tuple[str, ...]


def list_features(text: str) -> set[str]:
    """Words, pairs of words, and pieces of four letters; numbers are all the same."""
    words = ["0" if word.isdigit() else word for word in _WORD.findall(fold(text[:_LONGEST]))]
    pairs = (f"{first} {second}" for first, second in pairwise(words))
    pieces = (
        f"#{bounded[start : start + _PIECE]}"
        for bounded in (f"_{word}_" for word in words)
        for start in range(len(bounded) - _PIECE + 1)
    )
    return {*words, *pairs, *pieces}


def count_features(examples: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`{"labels": {label: n}, "features": {feature: {label: n}}}` of (label, text) pairs; what
    occurs once is left out.
    """
    labels: dict[str, int] = {}
    features: dict[str, dict[str, int]] = {}
    for label, text in examples:
        labels[label] = labels.get(label, 0) + 1
        for feature in list_features(text):
            of = features.setdefault(feature, {})
            of[label] = of.get(label, 0) + 1
    kept = {name: of for name, of in features.items() if sum(of.values()) > 1}
    return {
        "labels": dict(sorted(labels.items())),
        "features": {name: dict(sorted(kept[name].items())) for name in sorted(kept)},
    }


def guess_label(text: str, counts: Mapping[str, Any] | None = None) -> Guess | None:
    """The likeliest label; None where it is less likely than not."""
    known = counts if counts is not None else _load()
    labels: Mapping[str, int] = known["labels"]
    found = {name: known["features"][name] for name in list_features(text) & set(known["features"])}
    if not found:
        return None
    scores = {
        label: sum(
            math.log((of.get(label, 0) + _SMOOTHING) / (n + 2 * _SMOOTHING))
            for of in found.values()
        )
        for label, n in labels.items()
    }
    best = max(scores, key=lambda label: (scores[label], label))
    total = sum(math.exp((score - scores[best]) * _TEMPER) for score in scores.values())
    if 1 / total < _LEAST:
        return None
    told = sorted(
        (name for name in found if name[0] != "#"),
        key=lambda name: (-found[name].get(best, 0) / sum(found[name].values()), name),
    )
    label: Intent = best  # type: ignore[assignment]
    return Guess(label, round(1 / total, 2), tuple(told[:3]))


@lru_cache(maxsize=1)
def _load() -> dict[str, Any]:
    counts: dict[str, Any] = json.loads(COUNTS.read_text(encoding="utf-8"))
    return counts
