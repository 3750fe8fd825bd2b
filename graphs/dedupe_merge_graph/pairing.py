"""Which rows are worth comparing: those that share a key. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

from graphs.dedupe_merge_graph.likeness import (
    Firm,
    Likeness,
    Person,
    compare_firms,
    compare_people,
    list_hosts,
    make_name_key,
    read_core,
    read_mailbox,
    read_phone,
    read_profile,
)

Row = TypeVar("Row", Person, Firm)
# More rows than this under one key: the key tells nothing apart, and pairs grow by the square.
MOST_IN_BLOCK = 400


@dataclass(frozen=True)
class Pair:
    """Two rows, the smaller id on the left."""

    left_id: str
    right_id: str
    likeness: Likeness


@dataclass(frozen=True)
class Found:
    """Pairs that are one or may be, the surest first; `skipped` counts keys shared by too many."""

    pairs: Sequence[Pair]
    skipped: int


def pair_people(people: Iterable[Person], only: Collection[str] = ()) -> Found:
    """Every two contacts that may be one; with `only`, those that one of these ids is in."""
    return _pair(people, list_person_keys, compare_people, only)


def pair_firms(firms: Iterable[Firm], only: Collection[str] = ()) -> Found:
    """The same for companies."""
    return _pair(firms, list_firm_keys, compare_firms, only)


def list_person_keys(person: Person) -> Iterator[Hashable]:
    """Mailbox, profile, phone with name, and the beginnings of the name's words at one employer."""
    if mailbox := read_mailbox(person.email):
        yield "mailbox", mailbox
    if profile := read_profile(person.profile_url):
        yield "profile", profile
    name = make_name_key(person.name)
    if name and (phone := read_phone(person.phone)):
        yield "phone", phone, name
    if person.company_id:
        for word in set(name.split()):
            if len(word) > 1:
                yield "name", person.company_id, word[:3]


def list_firm_keys(firm: Firm) -> Iterator[Hashable]:
    """Hosts, and the beginning of the name."""
    for host in list_hosts(firm):
        yield "host", host
    if core := read_core(firm.name):
        yield "name", core.replace(" ", "")[:6]


def _pair(
    rows: Iterable[Row],
    list_keys: Callable[[Row], Iterator[Hashable]],
    compare: Callable[[Row, Row], Likeness],
    only: Collection[str],
) -> Found:
    blocks: defaultdict[Hashable, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda each: each.id):
        for key in list_keys(row):
            blocks[key].append(row)
    wanted = frozenset(only)
    found: dict[tuple[str, str], Pair] = {}
    seen: set[tuple[str, str]] = set()
    skipped = 0
    for block in blocks.values():
        if len(block) > MOST_IN_BLOCK:
            skipped += 1
            continue
        for one, other in combinations(block, 2):
            ids = (one.id, other.id)
            if ids in seen or (wanted and not wanted & set(ids)):
                continue
            seen.add(ids)
            likeness = compare(one, other)
            if likeness.verdict != "different":
                found[ids] = Pair(*ids, likeness)
    surest = sorted(found.values(), key=lambda pair: (-pair.likeness.score, pair.left_id))
    return Found(surest, skipped)
