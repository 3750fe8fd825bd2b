"""Thompson sampling over templates: a Beta posterior of each answer rate, and one draw. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

_PRIOR_ALPHA, _PRIOR_BETA = 1.0, 1.0
_DRAWS = 2000
_TAIL = 0.025


@dataclass(frozen=True)
class Tally:
    """How often a template was sent, and how many of those sends were answered."""

    sends: int
    replies: int


@dataclass(frozen=True)
class Arm:
    """A template and what is believed of its answer rate.

    `low` and `high` bound 95 % of the posterior, `best` is the chance to be the best of all.
    """

    template: str
    sends: int
    replies: int
    alpha: float
    beta: float
    low: float
    high: float
    best: float

    @property
    def mean(self) -> float:
        """The expected answer rate."""
        return self.alpha / (self.alpha + self.beta)


def draw(tallies: Mapping[str, Tally], seed: int) -> tuple[list[Arm], str | None]:
    """The arms by name, and the template of the highest single draw; None without any.

    The same tallies and seed give the same answer.
    """
    chance = Random(seed)  # noqa: S311 - a draw, no secret
    names = sorted(tallies)
    if not names:
        return [], None
    beliefs = {
        name: (_PRIOR_ALPHA + t.replies, _PRIOR_BETA + t.sends - t.replies)
        for name, t in tallies.items()
    }
    once = {name: chance.betavariate(*beliefs[name]) for name in names}
    samples = {name: [chance.betavariate(*beliefs[name]) for _ in range(_DRAWS)] for name in names}
    wins = dict.fromkeys(names, 0)
    for index in range(_DRAWS):
        winner = max(names, key=lambda name: samples[name][index])
        wins[winner] += 1
    arms = [
        Arm(
            name,
            tallies[name].sends,
            tallies[name].replies,
            *beliefs[name],
            *_bound(samples[name]),
            wins[name] / _DRAWS,
        )
        for name in names
    ]
    return arms, max(names, key=lambda name: once[name])


def make_seed(campaign_id: str, tallies: Mapping[str, Tally]) -> int:
    """A seed that hangs on the campaign and its counts: asked twice, the pick is the same."""
    text = repr((campaign_id, sorted((n, t.sends, t.replies) for n, t in tallies.items())))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _bound(sample: list[float]) -> tuple[float, float]:
    ordered = sorted(sample)
    return ordered[int(_TAIL * _DRAWS)], ordered[int((1 - _TAIL) * _DRAWS) - 1]
