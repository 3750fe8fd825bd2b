"""Who of the contacts is written to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import TypedDict

from graphs.pipeline_graph.request import Limits

# What email_verify says of an address that mail may be sent to.
TAKES_MAIL = frozenset({"valid", "risky"})
_NO_SCORE = -1.0


class Rank(TypedDict):
    """What find_decision_maker says of a contact; `barred` is why nobody may write, or empty."""

    decides: bool
    authority: float
    barred: str


@dataclass(frozen=True)
class Candidate:
    """A contact as the stages before left it; `fit` is the tier of its company, if known."""

    contact_id: str
    company_id: str
    company: str
    title: str
    has_address: bool
    email_status: str
    score: float | None
    tier: str
    decides: bool
    authority: float
    fit: str
    barred: str = ""


@dataclass(frozen=True)
class Selection:
    """The chosen, best first; and how many were left out, by reason."""

    chosen: tuple[Candidate, ...]
    left_out: Mapping[str, int]


def choose_contacts(candidates: Iterable[Candidate], limits: Limits) -> Selection:
    """The best of each company, then the best of all, within the limits."""
    left_out: Counter[str] = Counter()
    fit: list[Candidate] = []
    for candidate in candidates:
        reason = find_reason(candidate, limits)
        if reason:
            left_out[reason] += 1
        else:
            fit.append(candidate)
    ranked = sorted(fit, key=_rank)
    per_company: Counter[str] = Counter()
    chosen: list[Candidate] = []
    for candidate in ranked:
        if len(chosen) == limits.contacts:
            left_out["Limit"] += 1
        elif per_company[candidate.company_id] == limits.contacts_per_company:
            left_out["CompanyLimit"] += 1
        else:
            per_company[candidate.company_id] += 1
            chosen.append(candidate)
    return Selection(tuple(chosen), dict(sorted(left_out.items())))


def find_reason(candidate: Candidate, limits: Limits) -> str | None:
    """Why a contact is not written to, in a word; None when it may be."""
    rules = [
        (bool(candidate.barred), candidate.barred),
        (not candidate.has_address, "NoAddress"),
        (candidate.email_status not in TAKES_MAIL, "NotVerified"),
        (candidate.fit == "disqualified", "Disqualified"),
        (limits.min_score > 0 and candidate.score is None, "NoScore"),
        (candidate.score is not None and candidate.score < limits.min_score, "LowScore"),
    ]
    return next((reason for holds, reason in rules if holds), None)


def narrow(chosen: Sequence[Mapping[str, object]], wanted: object) -> list[Mapping[str, object]]:
    """Of the chosen those that a person named.

    Raises:
        ValueError: `wanted` is no list, or names somebody who was not chosen.
    """
    if wanted is None:
        return list(chosen)
    known = {str(each["contact_id"]) for each in chosen}
    if not isinstance(wanted, list) or not {str(each) for each in wanted} <= known:
        raise ValueError("contact_ids is a list of contacts out of those that were chosen.")
    named = {str(each) for each in wanted}
    return [each for each in chosen if each["contact_id"] in named]


def _rank(candidate: Candidate) -> tuple[bool, float, float, str]:
    score = _NO_SCORE if candidate.score is None else candidate.score
    return (not candidate.decides, -score, -candidate.authority, candidate.contact_id)
