"""Who of a company's people decides on a purchase, and why we think so. Pure.

    authority = rank's authority at this size x how near the department is to the purchase

The ranks and their authority are those of `graphs/sales/titles.toml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from graphs.sales.titles import DECIDES, Position, read_title

_OTHER_DEPARTMENT = 0.5
_NO_DEPARTMENT = 0.75
# Who leads the whole company decides on everything in a small one, and on little in a large one.
_MANAGEMENT = {50: 1.0, 250: 0.9, 1000: 0.75}
_MANAGEMENT_OF_LARGE = 0.6
_MANAGEMENT_OF_UNKNOWN = 0.85
_RANK_OF_OWNERS = ("owner", "c_level")
_OLD = timedelta(days=540)
_OLD_FACTOR = 0.9
_WORDS = {
    "owner": "an owner", "c_level": "a member of the top management", "vp": "a vice president",
    "head": "a head of department", "director": "a director", "manager": "a manager",
    "senior": "a senior employee", "individual": "an employee", "junior": "a junior employee",
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """A contact as far as this is about. `said` is is_decision_maker where a person set it.

    `seen_at` is when the title was found, None where nobody knows.
    """

    contact_id: str
    title: str
    said: bool | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True)
class Ranked:
    """`authority` is 0 to 1; `reasons` are sentences, the weightiest first."""

    contact_id: str
    authority: float
    reasons: tuple[str, ...]
    seniority: str | None
    department: str | None

    @property
    def decides(self) -> bool:
        """Whether they can say yes by themselves."""
        return self.authority >= DECIDES


def rank(
    people: Iterable[Person], employees: int | None, departments: Sequence[str], now: datetime
) -> list[Ranked]:
    """The people of one company, who decides first.

    Args:
        people: any order; the answer does not depend on it.
        employees: how many work there, None where nobody knows.
        departments: those that buy what is sold; none of them means that each may.
        now: titles are the older the less they count.
    """
    ranked = [weigh(person, employees, departments, now) for person in people]
    return sorted(ranked, key=lambda each: (-each.authority, each.contact_id))


def weigh(
    person: Person, employees: int | None, departments: Sequence[str], now: datetime
) -> Ranked:
    """One person's authority and the reasons for it."""
    position = read_title(person.title, employees)
    reasons = [_tell_rank(person.title, position, employees)]
    authority = position.authority
    if departments:
        factor, reason = _compare(position, employees, departments)
        authority *= factor
        reasons.append(reason)
    if person.seen_at is not None and now - person.seen_at > _OLD:
        authority *= _OLD_FACTOR
        reasons.append(f"The title is from {person.seen_at:%B %Y} and may have changed.")
    if person.said is not None:
        authority = max(authority, 0.99) if person.said else min(authority, 0.3)
        does = "decides" if person.said else "does not decide"
        reasons.insert(0, f"Somebody here noted that this person {does}.")
    return Ranked(
        contact_id=person.contact_id,
        authority=round(authority, 3),
        reasons=tuple(reasons),
        seniority=position.seniority,
        department=position.department,
    )


def _tell_rank(title: str, position: Position, employees: int | None) -> str:
    if not title:
        return "No title is known."
    if position.seniority is None:
        return "The title says nothing of a rank that we know."
    words = ", ".join(f'"{each}"' for each in position.evidence)
    size = f", in a company of {employees}" if employees is not None else ""
    return f"By {words} this is {_WORDS[position.seniority]}{size}."


def _compare(
    position: Position, employees: int | None, departments: Sequence[str]
) -> tuple[float, str]:
    """How near somebody is to a purchase of these departments."""
    buying = " or ".join(departments)
    if position.department in departments:
        return 1.0, f"Works in {position.department}, which buys this."
    leads = position.department == "management" or (
        position.department is None and position.seniority in _RANK_OF_OWNERS
    )
    if leads:
        if employees is None:
            return _MANAGEMENT_OF_UNKNOWN, f"Leads the company, and so {buying} too."
        steps: Mapping[int, float] = _MANAGEMENT
        factor = next((each for most, each in steps.items() if employees <= most), None)
        if factor is None:
            return _MANAGEMENT_OF_LARGE, f"Leads a company so large that {buying} decides itself."
        return factor, f"Leads the company, and so {buying} too."
    if position.department is None:
        return _NO_DEPARTMENT, f"No department is known; {buying} buys this."
    return _OTHER_DEPARTMENT, f"Works in {position.department}, while {buying} buys this."
