"""Figures of merit. Pure.

Labels: precision, recall and F1 of each, and their macro average. Probabilities: log-loss, Brier
score and the area under the ROC curve.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

_CERTAIN = 1e-6


@dataclass(frozen=True)
class LabelScore:
    """Of one label; `support` is how many examples have it."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Scores:
    """`confusion` counts (label, answer) pairs. An answer that is no label misses, and is counted
    as a false positive of none.
    """

    labels: Mapping[str, LabelScore]
    macro_f1: float
    accuracy: float
    n: int
    confusion: Mapping[tuple[str, str], int]


def score_labels(pairs: Iterable[tuple[str, str]], labels: Sequence[str]) -> Scores:
    """Of (label, answer) pairs. A label without an example has no part in the macro average."""
    confusion = Counter(pairs)
    n = sum(confusion.values())
    scores = {label: _score_label(confusion, label) for label in labels}
    present = [score.f1 for score in scores.values() if score.support]
    return Scores(
        labels=scores,
        macro_f1=sum(present) / len(present) if present else 0.0,
        accuracy=sum(confusion[label, label] for label in labels) / n if n else 0.0,
        n=n,
        confusion=dict(confusion),
    )


def _score_label(confusion: Mapping[tuple[str, str], int], label: str) -> LabelScore:
    right = confusion.get((label, label), 0)
    support = sum(count for (wanted, _), count in confusion.items() if wanted == label)
    given = sum(count for (_, answer), count in confusion.items() if answer == label)
    precision = right / given if given else 0.0
    recall = right / support if support else 0.0
    both = precision + recall
    return LabelScore(precision, recall, 2 * precision * recall / both if both else 0.0, support)


def measure_log_loss(pairs: Sequence[tuple[int, float]]) -> float:
    """The mean of -log p(outcome), in nats, of (0 or 1, probability) pairs. Lower is better.

    Raises:
        ValueError: there are none.
    """
    _require(pairs)
    losses = (-math.log(max(_CERTAIN, p if outcome else 1 - p)) for outcome, p in pairs)
    return math.fsum(losses) / len(pairs)


def measure_brier(pairs: Sequence[tuple[int, float]]) -> float:
    """The mean squared distance of probability and outcome. Lower is better."""
    _require(pairs)
    return math.fsum((p - outcome) ** 2 for outcome, p in pairs) / len(pairs)


def measure_auc(pairs: Sequence[tuple[int, float]]) -> float | None:
    """How often a positive ranks before a negative; a tie counts half. None without either kind."""
    positives = sum(outcome for outcome, _ in pairs)
    negatives = len(pairs) - positives
    if not positives or not negatives:
        return None
    won, below = 0.0, 0
    for _, tied in groupby(sorted(pairs, key=lambda pair: pair[1]), key=lambda pair: pair[1]):
        outcomes = [outcome for outcome, _ in tied]
        ones = sum(outcomes)
        zeros = len(outcomes) - ones
        won += ones * (below + zeros / 2)
        below += zeros
    return won / (positives * negatives)


def _require(pairs: Sequence[tuple[int, float]]) -> None:
    if not pairs:
        raise ValueError("There is no outcome to measure a probability by.")
