"""The score of a contact, its tier and reasons; the weights that hold until some are learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from graphs.sales.scoring.features import REASONS
from graphs.sales.scoring.logistic import Weights, list_shares, predict

Tier = Literal["A", "B", "C", "D"]
RULES_VERSION = "rules-1"

# By judgement, in log-odds: a decider in a company that fits, at a verified address, is an A.
RULES = Weights(
    bias=-6.6,
    of={
        "authority": 3.7, "right_department": 1.0, "fit": 3.3, "address_valid": 0.8,
        "address_risky": -1.3, "role_address": -1.5, "signal": 0.9, "problem": 0.5, "fresh": 0.2,
        "named": 0.3,
    },
)  # fmt: skip
# What everything is compared with when reasons are told: a contact of which little is known.
_ORDINARY = {
    "authority": 0.4, "right_department": 0.5, "fit": 0.5, "address_valid": 0.5, "fresh": 0.5,
    "named": 1.0,
}  # fmt: skip
_TIERS: tuple[tuple[float, Tier], ...] = ((0.7, "A"), (0.45, "B"), (0.2, "C"))
_MOST_REASONS = 3


@dataclass(frozen=True)
class Score:
    """`score` is 0 to 1; `reasons`, at most three, are what moved it most."""

    score: float
    tier: Tier
    reasons: tuple[str, ...]


def judge_contact(
    features: Mapping[str, float], weights: Weights, never: str | None = None
) -> Score:
    """Weigh a contact. `never` is why nobody should write to it, which settles the score."""
    if never:
        return Score(0.0, "D", (never,))
    score = predict(weights, features)
    return Score(round(score, 4), choose_tier(score), tuple(_explain(features, weights)))


def choose_tier(score: float) -> Tier:
    """A from 0.7, B from 0.45, C from 0.2."""
    return next((tier for least, tier in _TIERS if score >= least), "D")


def _explain(features: Mapping[str, float], weights: Weights) -> list[str]:
    """The features that move the score farthest from an ordinary contact's."""
    away = {name: value - _ORDINARY.get(name, 0.0) for name, value in features.items()}
    shares = list_shares(weights, away)
    moving = sorted((name for name in shares if abs(shares[name]) >= 0.15), key=lambda n: n)
    moving.sort(key=lambda name: -abs(shares[name]))
    return [REASONS[name][0 if away[name] > 0 else 1] for name in moving[:_MOST_REASONS]]
