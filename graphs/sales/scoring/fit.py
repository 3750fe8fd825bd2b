"""How well a company fits the ideal customer of a product. Pure.

`icp` of a product, every key optional:

    industries, categories, countries, technologies, keywords: lists of words
    employees: {min, max}
    exclude: the same keys; one that holds is a deal breaker
    weights: how much each counts, such as {industries: 3}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

FitTier = Literal["hot", "warm", "cold", "disqualified"]

_LISTS = ("industries", "categories", "countries", "technologies", "keywords")
_WEIGHTS = {
    "industries": 3.0, "categories": 3.0, "employees": 3.0, "countries": 2.0,
    "technologies": 2.0, "keywords": 1.0,
}  # fmt: skip
_WORDS = {
    "industries": "industry", "categories": "category", "countries": "country",
    "technologies": "technology", "keywords": "keyword", "employees": "size",
}  # fmt: skip
# What is not known counts as half a match: neither for nor against.
_UNKNOWN = 0.5
_HOT, _WARM = 0.75, 0.5
_BANDS = ((10, "micro"), (50, "small"), (250, "midsize"), (1000, "large"))


class InvalidProfile(ValueError):
    """The ideal customer of a product is not described as it must be."""


@dataclass(frozen=True)
class Fit:
    """`fit` is 0 to 1; `known` is the share of the profile that the company's data answers."""

    fit: float
    tier: FitTier
    segment: str
    known: float
    reasons: tuple[str, ...]
    deal_breakers: tuple[str, ...]


def judge_fit(company: Mapping[str, Any], icp: Mapping[str, Any]) -> Fit:
    """Weigh a company.

    `company`: industry, category, country, employees, description, name, technologies.

    Raises:
        InvalidProfile: `icp` has a key of another shape.
    """
    _check(icp)
    breakers = tuple(_find_breakers(company, icp.get("exclude") or {}))
    weights = {**_WEIGHTS, **(icp.get("weights") or {})}
    marks = {key: _mark(company, key, icp[key]) for key in _WEIGHTS if icp.get(key)}
    total = sum(weights[key] for key in marks)
    asked = {key: weights[key] / total for key in marks} if total else {}
    fit = sum(asked[key] * (_UNKNOWN if mark is None else mark) for key, mark in marks.items())
    if not asked:
        fit = _UNKNOWN
    return Fit(
        fit=0.0 if breakers else round(fit, 4),
        tier="disqualified" if breakers else choose_tier(fit),
        segment=name_segment(company),
        known=round(sum(asked[key] for key, mark in marks.items() if mark is not None), 4),
        reasons=tuple(_explain(marks, asked)),
        deal_breakers=breakers,
    )


def name_segment(company: Mapping[str, Any]) -> str:
    """Size and field in two words, such as `midsize software`; `unknown` where nothing is known."""
    field = str(company.get("category") or company.get("industry") or "").strip().lower()
    employees = company.get("employees")
    size = ""
    if isinstance(employees, int):
        size = next((name for most, name in _BANDS if employees < most), "enterprise")
    return " ".join(word for word in (size, field) if word) or "unknown"


def choose_tier(fit: float) -> FitTier:
    """Of a company that nothing disqualifies."""
    return "hot" if fit >= _HOT else "warm" if fit >= _WARM else "cold"


def _mark(company: Mapping[str, Any], key: str, wanted: Any) -> float | None:
    """1 for a match, 0 for none, between for a near miss; None where the company says nothing."""
    if key == "employees":
        return _mark_size(company.get("employees"), wanted)
    held = _hold(company, key)
    if not held:
        return None
    found = [word for word in wanted if _occurs(word, held, key)]
    if key in ("technologies", "keywords"):
        # Two of a list are as good as all of it.
        return min(1.0, len(found) / min(2, len(wanted)))
    return 1.0 if found else 0.0


def _mark_size(employees: object, wanted: Mapping[str, Any]) -> float | None:
    """1 within the range, falling to 0 at half its least and at twice its most."""
    if not isinstance(employees, int):
        return None
    least, most = int(wanted.get("min") or 0), int(wanted.get("max") or 0)
    if employees < least:
        return max(0.0, 2 * employees / least - 1)
    if most and employees > most:
        return max(0.0, 2 - employees / most)
    return 1.0


def _hold(company: Mapping[str, Any], key: str) -> list[str]:
    """What a company says about one key, in lower case."""
    if key == "technologies":
        return [str(each).lower() for each in company.get("technologies") or []]
    if key == "keywords":
        text = " ".join(str(company.get(name) or "") for name in ("name", "description"))
        return [text.lower()] if company.get("description") else []
    value = company.get({"industries": "industry", "categories": "category"}.get(key, "country"))
    return [str(value).lower()] if value else []


def _occurs(word: str, held: Sequence[str], key: str) -> bool:
    if key == "countries":
        return word.lower() in held
    pattern = re.compile(rf"(?<!\w){re.escape(word.lower())}(?!\w)")
    return any(pattern.search(text) for text in held)


def _find_breakers(company: Mapping[str, Any], exclude: Mapping[str, Any]) -> Iterator[str]:
    for key in _LISTS:
        held = _hold(company, key)
        for word in exclude.get(key) or []:
            if held and _occurs(word, held, key):
                yield f"The {_WORDS[key]} is excluded: {word}"
    employees, limits = company.get("employees"), exclude.get("employees") or {}
    if isinstance(employees, int):
        if limits.get("below") and employees < limits["below"]:
            yield f"Under {limits['below']} employees: {employees}"
        if limits.get("above") and employees > limits["above"]:
            yield f"Over {limits['above']} employees: {employees}"


def _explain(marks: Mapping[str, float | None], asked: Mapping[str, float]) -> Iterator[str]:
    """What weighs most first."""
    for key in sorted(marks, key=lambda key: -asked[key]):
        mark, word = marks[key], _WORDS[key]
        if mark is None:
            yield f"The {word} is not known"
        elif mark >= 1:
            yield f"The {word} fits"
        elif mark > 0:
            yield f"The {word} nearly fits"
        else:
            yield f"The {word} does not fit"


def _check(icp: Mapping[str, Any]) -> None:
    for where, given in (("icp", icp), ("icp.exclude", icp.get("exclude") or {})):
        if not isinstance(given, Mapping):
            raise InvalidProfile(f"{where} is no mapping.")
        for key in _LISTS:
            value = given.get(key)
            if value is not None and not (
                isinstance(value, list) and all(isinstance(word, str) and word for word in value)
            ):
                raise InvalidProfile(f"{where}.{key} is a list of words.")
        limits = given.get("employees")
        if limits is not None and not (
            isinstance(limits, Mapping)
            and all(isinstance(number, int) and number >= 0 for number in limits.values())
        ):
            raise InvalidProfile(f"{where}.employees maps min and max to whole numbers.")
    weights = icp.get("weights") or {}
    if not isinstance(weights, Mapping) or not all(
        key in _WEIGHTS and isinstance(weight, (int, float)) and weight > 0
        for key, weight in weights.items()
    ):
        raise InvalidProfile(f"icp.weights maps any of {', '.join(_WEIGHTS)} to positive numbers.")
