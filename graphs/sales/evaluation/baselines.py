"""What a classifier must beat to be worth having: the commonest label, and a list of words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphs.sales.evaluation.examples import Example

Guess = Callable[[Mapping[str, Any]], str]


def make_majority(training: Sequence[Example]) -> Guess:
    """Always the commonest label of the training part; of two as common, the first by name."""
    counts = Counter(example.label for example in training)
    commonest = min(counts, key=lambda label: (-counts[label], label))
    return lambda given: commonest


def make_keywords(
    keywords: Mapping[str, Sequence[str]], text: Sequence[str], training: Sequence[Example]
) -> Guess:
    """The first label of which a word is anywhere in the text, else the commonest."""
    otherwise = make_majority(training)

    def guess(given: Mapping[str, Any]) -> str:
        words = " ".join(_read(given.get(key)) for key in text).lower()
        for label, hints in keywords.items():
            if any(hint in words for hint in hints):
                return label
        return otherwise(given)

    return guess


def _read(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
