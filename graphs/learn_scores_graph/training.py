"""Train weights, compare them with those that hold, and decide. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphs.sales.evaluation.metrics import measure_auc, measure_brier, measure_log_loss
from graphs.sales.scoring.logistic import Weights, learn, predict_all
from graphs.sales.scoring.score import RULES

# Of 256: three contacts in ten are held out, the same ones for every version.
_HELD_OUT = 77
# Fewer outcomes of a kind than this prove nothing.
_LEAST_OF_A_KIND = 10
# Differences smaller than these are chance.
_LEAST_GAIN = 0.002
_AUC_SLACK = 0.005


@dataclass(frozen=True)
class Outcome:
    """A contact that was written to. `good`: it answered well, met us, or bought."""

    contact_id: str
    features: Mapping[str, float]
    good: bool


@dataclass(frozen=True)
class Report:
    """What was learned. `weights` is None where there was too little to learn from."""

    n: int
    n_held_out: int
    better: bool
    reason: str
    weights: Weights | None = None
    after: Mapping[str, float | None] = field(default_factory=dict)
    before: Mapping[str, float | None] = field(default_factory=dict)


def is_held_out(contact_id: str) -> bool:
    """The same for a contact forever: no version may train on what another is measured by."""
    return hashlib.sha256(f"scores:{contact_id}".encode()).digest()[0] < _HELD_OUT


def compare(outcomes: Sequence[Outcome], current: Weights, least: int) -> Report:
    """Learn from the contacts that are not held out, and measure both on those that are.

    Learning starts from the rules each time: the same events give the same weights.
    """
    held = [(o.features, int(o.good)) for o in outcomes if is_held_out(o.contact_id)]
    trained = [(o.features, int(o.good)) for o in outcomes if not is_held_out(o.contact_id)]
    short = _find_shortage(trained, held, least)
    if short:
        return Report(len(outcomes), len(held), False, short)
    weights = learn(trained, RULES)
    after, before = measure(weights, held), measure(current, held)
    better, reason = decide(after, before)
    return Report(len(outcomes), len(held), better, reason, weights, after, before)


def measure(
    weights: Weights, held: Sequence[tuple[Mapping[str, float], int]]
) -> dict[str, float | None]:
    """auc, brier and log_loss."""
    pairs = predict_all(weights, held)
    auc = measure_auc(pairs)
    return {
        "auc": None if auc is None else round(auc, 4),
        "brier": round(measure_brier(pairs), 4),
        "log_loss": round(measure_log_loss(pairs), 4),
    }


def decide(
    after: Mapping[str, float | None], before: Mapping[str, float | None]
) -> tuple[bool, str]:
    """Whether the new weights hold from now on: a lower log-loss, and neither Brier score nor
    ranking worse.
    """
    gain = (before["log_loss"] or 0.0) - (after["log_loss"] or 0.0)
    if gain < _LEAST_GAIN:
        return False, f"The log-loss is not lower by {_LEAST_GAIN}: the gain is {gain:.4f}."
    if (after["brier"] or 0.0) > (before["brier"] or 0.0):
        return False, "The log-loss is lower, but the Brier score is higher."
    if (after["auc"] or 0.0) < (before["auc"] or 0.0) - _AUC_SLACK:
        return False, "The log-loss is lower, but contacts are ranked worse (AUC)."
    return True, f"The log-loss on held-out contacts is lower by {gain:.4f}."


def _find_shortage(
    trained: Sequence[tuple[object, int]], held: Sequence[tuple[object, int]], least: int
) -> str | None:
    n = len(trained) + len(held)
    if n < least:
        return f"{n} contacts have an outcome; {least} are needed."
    for name, part in (("training", trained), ("held-out", held)):
        good = sum(outcome for _, outcome in part)
        if min(good, len(part) - good) < _LEAST_OF_A_KIND:
            return (
                f"{good} of {len(part)} {name} contacts came out well; at least "
                f"{_LEAST_OF_A_KIND} of each kind are needed."
            )
    return None
