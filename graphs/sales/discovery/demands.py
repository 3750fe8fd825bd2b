"""Where companies are to be, and how large: what somebody asks for, held against what is known."""

from __future__ import annotations

import re
from dataclasses import dataclass

from graphs.sales.countries import read_country
from graphs.sales.discovery.elsewhere import load_elsewhere

_MOST = 10_000_000
_SIZES = {"micro": (1, 9), "small": (10, 49), "medium": (50, 249), "large": (250, _MOST)}
_BUCKETS = ((10, "1-10"), (50, "11-50"), (200, "51-200"), (500, "201-500"), (1000, "501-1000"),
            (5000, "1001-5000"))  # fmt: skip


@dataclass(frozen=True)
class Demands:
    """Countries by code and the least and most people; None where all are welcome.

    What is not known of a company is no reason to refuse it.
    """

    countries: frozenset[str] | None = None
    people: tuple[int, int] | None = None

    def find_mismatch(self, country: str | None, employees: int | None) -> tuple[str, str] | None:
        """A reason and a sentence when a company is not what is asked for, else None."""
        if self.countries and country and country not in self.countries:
            return "OutsideGeography", f"It is in {country}."
        if self.people and employees is not None:
            least, most = self.people
            if not least <= employees <= most:
                return "WrongSize", f"It has {employees} people."
        return None


def read_demands(geography: str, size: str) -> Demands:
    """Both as people write them; empty for no demand.

    Raises:
        ValueError: with what can be written.
    """
    return Demands(_read_geography(geography), _read_size(size))


def name_size(employees: int) -> str:
    """The usual bucket, such as `51-200`."""
    return next((name for most, name in _BUCKETS if employees <= most), "5001+")


def _read_geography(text: str) -> frozenset[str] | None:
    found: set[str] = set()
    for part in filter(None, (each.strip() for each in re.split(r"[,;/]", text))):
        regions = load_elsewhere()["regions"]
        name = regions["aliases"].get(part.lower(), part.lower())
        if name in regions and name != "aliases":
            found |= set(regions[name])
            continue
        code = read_country(part)
        if code is None:
            raise ValueError(
                f"geography has {part[:80]!r}; send countries or regions, such as DE, Germany or "
                "Europe. A city belongs into seed_query."
            )
        found.add(code)
    return frozenset(found) or None


def _read_size(text: str) -> tuple[int, int] | None:
    given = re.sub(r"[\s,.']|employees|people", "", text.lower())
    if not given:
        return None
    if given in _SIZES:
        return _SIZES[given]
    match = re.fullmatch(r"(\d{1,8})[-–](\d{1,8})|(\d{1,8})\+|<(\d{1,8})", given)
    if not match:
        raise ValueError(
            f"size is {text[:80]!r}; send 20-500, 50+, <50, small, medium or large (people)."
        )
    least, most, over, under = (int(each) if each else None for each in match.groups())
    if over is not None:
        return over, _MOST
    if under is not None:
        return 1, under - 1
    assert least is not None
    assert most is not None
    return min(least, most), max(least, most)
