"""The people of a sheet: each once, however many rows tell of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graphs.sales.lists.cells import read_opt_out
from graphs.sales.lists.columns import map_columns
from graphs.sales.lists.entries import Entry, OptedOut, Rejected, read_entry
from graphs.sales.lists.sheets import InvalidSheet, Sheet

_WHO = frozenset({"email", "profile_url", "name", "first_name", "last_name"})


@dataclass(frozen=True)
class Note:
    """A row by its number, and a reason that quotes nothing of it."""

    row: int
    reason: str


@dataclass
class People:
    """`entries` by the number of the first row that tells of them; `repeated` counts the others."""

    entries: dict[int, Entry] = field(default_factory=dict)
    rejected: list[Note] = field(default_factory=list)
    warnings: list[Note] = field(default_factory=list)
    repeated: int = 0


def read_people(
    sheet: Sheet, columns: Mapping[str, str] | None = None, country: str | None = None
) -> People:
    """Everybody whom the sheet tells of, and why which rows tell of nobody.

    Raises:
        ValueError: `columns` names what is not there, or no column says who people are.
    """
    places = map_columns(sheet.header, columns)
    if not places.keys() & _WHO:
        raise InvalidSheet(
            "No column says who the people are: name one email, name or LinkedIn, or send columns."
        )
    return combine(_read_rows(sheet, places, country))


def combine(rows: Iterable[tuple[int, Entry | Rejected]]) -> People:
    """Rows of the same person as one: the first row that says something wins.

    Rows are of one person by address or profile; by name and company, unless both have an address.
    Who wants no mail by any row of the list is left out with all of their rows.
    """
    people = People()
    places: dict[str, int] = {}
    out: set[str] = set()
    for number, entry in rows:
        if isinstance(entry, Rejected):
            people.rejected.append(Note(number, str(entry)))
            out |= set(entry.keys) if isinstance(entry, OptedOut) else set()
            continue
        first = _find(entry, people.entries, places)
        if first is not None:
            people.repeated += 1
            entry = _fill(people.entries[first], entry)
        people.entries[number if first is None else first] = entry
        if entry.warnings and first is None:
            people.warnings.append(Note(number, "; ".join(entry.warnings)))
        for key in [*entry.keys, *entry.weak_keys]:
            places.setdefault(key, number if first is None else first)
    for number in [n for n, entry in people.entries.items() if out & set(entry.keys)]:
        del people.entries[number]
        people.rejected.append(Note(number, "another row of the list says that they want no mail"))
    return people


def _read_rows(
    sheet: Sheet, places: Mapping[str, Sequence[int]], country: str | None
) -> Iterator[tuple[int, Entry | Rejected]]:
    for row in sheet.rows:
        if row.problem:
            yield row.number, Rejected(row.problem)
            continue
        try:
            yield row.number, read_entry(_pick(row.cells, places), country)
        except Rejected as reason:
            yield row.number, reason


def _pick(cells: Sequence[str], places: Mapping[str, Sequence[int]]) -> Mapping[str, str]:
    """Field -> the first of its cells that says something. Any opt-out counts."""
    picked = {}
    for name, several in places.items():
        found = [cells[place] for place in several if place < len(cells) and cells[place].strip()]
        if name == "opt_out":
            found = [cell for cell in found if read_opt_out(cell)]
        picked[name] = found[0] if found else ""
    return picked


def _find(entry: Entry, entries: Mapping[int, Entry], places: Mapping[str, int]) -> int | None:
    for key in entry.keys:
        if key in places:
            return places[key]
    for key in entry.weak_keys:
        if key in places:
            known = entries[places[key]]
            return places[key] if entry.may_be(known.email, known.profile_url) else None
    return None


def _fill(first: Entry, later: Entry) -> Entry:
    return replace(
        first,
        fields={**later.fields, **first.fields},
        company=first.company or later.company,
        domain=first.domain or later.domain,
    )
