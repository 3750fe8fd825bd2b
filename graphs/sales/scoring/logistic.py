"""Logistic regression, learned example by example; its weights are JSON. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

Features = Mapping[str, float]


@dataclass(frozen=True)
class Weights:
    """`bias` and a weight for each feature; a feature without one counts nothing."""

    bias: float
    of: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """What a table or a file keeps."""
        return {"bias": self.bias, "of": dict(sorted(self.of.items()))}


def read_weights(value: Mapping[str, object]) -> Weights:
    """Of `Weights.as_json`.

    Raises:
        ValueError: they are no finite numbers.
    """
    bias, weights = value.get("bias"), value.get("of")
    if not isinstance(weights, Mapping) or not all(map(_is_number, (bias, *weights.values()))):
        raise ValueError("Weights are a finite bias, and a finite number for each feature.")
    return Weights(float(str(bias)), {str(name): float(w) for name, w in weights.items()})


def predict(weights: Weights, features: Features) -> float:
    """The probability, 0 to 1."""
    return _squash(weights.bias + sum(list_shares(weights, features).values()))


def list_shares(weights: Weights, features: Features) -> dict[str, float]:
    """What each feature adds to the log-odds."""
    return {name: weights.of.get(name, 0.0) * value for name, value in features.items()}


def learn(
    examples: Sequence[tuple[Features, int]],
    start: Weights,
    *,
    passes: int = 30,
    rate: float = 0.2,
    decay: float = 0.002,
    seed: int = 0,
) -> Weights:
    """Go on from `start` over (features, outcome) examples, in an order that `seed` shuffles.

    Steps are AdaGrad's: each weight has its own, which shrinks as it moves, so that a rare feature
    still learns. `decay` pulls weights to those of `start`, so that few examples change little.
    """
    names = sorted({name for features, _ in examples for name in features} | set(start.of))
    origin = {name: start.of.get(name, 0.0) for name in names}
    weights, bias = dict(origin), start.bias
    moved, moved_bias = dict.fromkeys(names, 1e-8), 1e-8
    order, chance = list(examples), Random(seed)  # noqa: S311 - an order, no secret
    for _ in range(passes):
        chance.shuffle(order)
        for features, outcome in order:
            error = predict(Weights(bias, weights), features) - outcome
            moved_bias += error * error
            bias -= rate * error / math.sqrt(moved_bias)
            for name, value in features.items():
                slope = error * value + decay * (weights[name] - origin[name])
                moved[name] += slope * slope
                weights[name] -= rate * slope / math.sqrt(moved[name])
    return Weights(round(bias, 6), {name: round(weight, 6) for name, weight in weights.items()})


def predict_all(
    weights: Weights, examples: Iterable[tuple[Features, int]]
) -> list[tuple[int, float]]:
    """(outcome, probability) of each, as the measures take them."""
    return [(outcome, predict(weights, features)) for features, outcome in examples]


def _squash(odds: float) -> float:
    if odds >= 0:
        return 1 / (1 + math.exp(-min(odds, 500)))
    return math.exp(max(odds, -500)) / (1 + math.exp(max(odds, -500)))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
