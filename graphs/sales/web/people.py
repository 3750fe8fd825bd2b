"""The people on a page: what it tells machines, cards of a team, and those whom the law asks for.

Pure. A person has a name, and mostly a title; an address only where the page ties it to the person.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from graphs.sales.web.lines import read_line, read_lines, read_short_line
from graphs.sales.web.mails import FoundMail, find_mails, read_address
from graphs.sales.web.names import is_title, make_name_key, read_name, split_name
from graphs.sales.web.structured import Data, Node
from graphs.sales.web.urls import join_url
from graphs.sales.web.words import load_words

_NAME_TAGS = "h1, h2, h3, h4, h5, h6, strong, b, figcaption, dt, td, th, a, p, span, div, li"
_NAME_CLASS = re.compile(r"(?:^|[\s_-])(?:name|fn|p-name|person|member)(?:$|[\s_-])", re.IGNORECASE)
_TITLE_CLASS = re.compile(
    r"(?:title|role|position|job|function|funktion|poste|cargo)", re.IGNORECASE
)
_MOST_CANDIDATES = 4000
_MOST_PEOPLE = 300
_MOST_OF_A_NAME = 3
_FARTHEST = 10
_NO_CARDS = frozenset(["body", "html", "main", "tbody", "table"])
_LARGEST_CARD = 1500
_PROFILES = ("linkedin.com/in/", "xing.com/profile/", "github.com/", "twitter.com/", "x.com/")


@dataclass(frozen=True)
class FoundPerson:
    """A person on a page. `confidence` 0 to 1: how sure it is that the page says so.

    `how`: data (JSON-LD, microdata, hCard), card, line (`Name, Title`), imprint.
    """

    name: str
    title: str = ""
    email: str = ""
    phone: str = ""
    profile_url: str = ""
    how: str = "card"
    confidence: float = 0.8


def find_people(
    tree: LexborHTMLParser, data: Data, url: str, is_imprint: bool
) -> list[FoundPerson]:
    """The people of a page, each once, what several places say of one put together."""
    body = tree.body
    if body is None:
        return []
    found = [*_read_typed(data), *_read_vcards(body, url), *_read_cards(body, url)]
    if is_imprint:
        found += _read_imprint(body)
    merged = merge_people(found)
    return _add_addresses(merged, find_mails(body))[:_MOST_PEOPLE]


def merge_people(found: Iterable[FoundPerson]) -> list[FoundPerson]:
    """One of each name; what the surest says first, gaps filled from the others."""
    known: dict[str, FoundPerson] = {}
    for person in sorted(found, key=lambda each: -each.confidence):
        key = make_name_key(person.name)
        first = known.setdefault(key, person)
        if first is not person:
            known[key] = replace(
                first,
                title=first.title or person.title,
                email=first.email or person.email,
                phone=first.phone or person.phone,
                profile_url=first.profile_url or person.profile_url,
            )
    return list(known.values())


def matches_name(local: str, name: str) -> bool:
    """Whether the first part of an address is made of a name: dana.reyes, dreyes, dana, reyes.d."""
    parts = make_name_key(name).split()
    in_order = re.findall(r"[^\W\d_]+", _plain(name))
    if len(parts) < 2 or not in_order:
        return False
    first, last = in_order[0], in_order[-1]
    bare = re.sub(r"[^a-z]", "", _plain(local))
    made = {first + last, last + first, first[0] + last, last + first[0], first + last[0], last}
    return bare in made or (bare == first and len(first) > 2)


def _read_typed(data: Data) -> Iterator[FoundPerson]:
    for node in data.list_typed("Person"):
        name = data.find_text(node, "name") or " ".join(
            filter(None, (data.find_text(node, "givenName"), data.find_text(node, "familyName")))
        )
        known = read_name(name)
        if known is None:
            continue
        title = data.find_text(node, "jobTitle", "roleName", "hasOccupation")
        if not title and set(node) <= {"@type", "@id", "name", "url", "image", "sameAs"}:
            # Authors of articles and reviews are persons too.
            continue
        yield FoundPerson(
            name=known,
            title=title[:200],
            email=_first_address(data, node),
            phone=data.find_text(node, "telephone")[:40],
            profile_url=_find_profile([*data.list_values(node, "sameAs"), node.get("url")]),
            how="data",
            confidence=0.95,
        )


def _first_address(data: Data, node: Node) -> str:
    for value in data.list_values(node, "email"):
        address = (
            read_address(str(value).removeprefix("mailto:")) if isinstance(value, str) else None
        )
        if address:
            return address
    return ""


def _find_profile(values: Sequence[Any]) -> str:
    links = [each for each in values if isinstance(each, str) and each.startswith("http")]
    return next((each for mark in _PROFILES for each in links if mark in each), "")[:500]


def _read_vcards(body: LexborNode, url: str) -> Iterator[FoundPerson]:
    for card in body.css(".vcard, .h-card")[:_MOST_PEOPLE]:
        node = card.css_first(".fn, .p-name")
        name = read_name(read_line(node)) if node else None
        if name:
            role = card.css_first(".title, .role, .p-job-title, .p-role")
            person = FoundPerson(name, read_line(role)[:200] if role else "", how="data")
            yield replace(_add_links(person, card, url), confidence=0.9)


def _read_cards(body: LexborNode, url: str) -> Iterator[FoundPerson]:
    """Names, each with the smallest element around it that says more, but no other name."""
    names = _list_names(body)
    owners = _find_owners(names)
    for node, name in names:
        if owners.get(node.mem_id) is None:
            continue
        card, title = _climb(node, name, owners)
        if title:
            yield _add_links(FoundPerson(name, title[:200]), card, url)
    for node in _list_candidates(body):
        if node.tag in ("p", "li", "td", "div", "h2", "h3", "h4", "h5", "figcaption", "span", "dt"):
            pair = split_name(read_short_line(node))
            if pair:
                person = FoundPerson(pair[0], pair[1][:200], how="line", confidence=0.75)
                yield _add_links(person, node, url)


def _list_names(body: LexborNode) -> list[tuple[LexborNode, str]]:
    """Elements that hold a name and nothing else, the first few of each name."""
    seen: Counter[str] = Counter()
    names = []
    for node in _list_candidates(body):
        name = _read_own_name(node)
        if name and seen[name] < _MOST_OF_A_NAME:
            seen[name] += 1
            names.append((node, name))
    return names


def _find_owners(names: Sequence[tuple[LexborNode, str]]) -> dict[int, str | None]:
    """Element -> the one name in it, or None where there are several. Elements near names only."""
    owners: dict[int, str | None] = {}
    for node, name in names:
        own = make_name_key(name)
        around: LexborNode | None = node
        for _level in range(_FARTHEST):
            if around is None:
                break
            known = owners.get(around.mem_id, own)
            if known is None:
                break
            owners[around.mem_id] = own if known == own else None
            around = around.parent
    return owners


def _list_candidates(body: LexborNode) -> list[LexborNode]:
    return body.css(_NAME_TAGS)[:_MOST_CANDIDATES]


def _read_own_name(node: LexborNode) -> str | None:
    line = read_short_line(node)
    if not line or (node.tag in ("p", "span", "div", "li", "a") and len(line) > 60):
        return None
    return read_name(line)


def _climb(node: LexborNode, name: str, owners: Mapping[int, str | None]) -> tuple[LexborNode, str]:
    """The card around a name and the title in it; the title is empty where there is none."""
    own, card = make_name_key(name), node
    for _level in range(_FARTHEST - 1):
        parent = card.parent
        if parent is None or parent.tag in _NO_CARDS or owners.get(parent.mem_id) != own:
            break
        if len(parent.text()) > _LARGEST_CARD:
            break
        card = parent
    return card, _find_title(card, own)


def _find_title(card: LexborNode, own: str) -> str:
    for node in card.css("[class]"):
        if _TITLE_CLASS.search(node.attributes.get("class") or ""):
            line = read_short_line(node)
            if line and make_name_key(line) != own and "@" not in line and len(line) <= 120:
                return line
    for line in read_lines(card)[:8]:
        if make_name_key(line) != own and len(line) <= 100 and is_title(line) and "@" not in line:
            pair = split_name(line)
            return pair[1] if pair else line
    return ""


def _add_links(person: FoundPerson, card: LexborNode, url: str) -> FoundPerson:
    """What the card says of the person besides: an address of a person, a phone, a profile."""
    mails = [each for each in find_mails(card) if not each.is_role]
    links = [(node.attributes.get("href") or "").strip() for node in card.css("a[href]")]
    phone = next((each[4:] for each in links if each[:4].lower() == "tel:"), "")
    joined = [found for each in links if (found := join_url(url, each))]
    return replace(
        person,
        email=mails[0].address if len(mails) == 1 else "",
        phone=phone[:40],
        profile_url=_find_profile(joined),
    )


def _read_imprint(body: LexborNode) -> Iterator[FoundPerson]:
    """`Geschäftsführer: Dana Reyes, Ola Berg` and its kin, also with the names on later lines."""
    lines = read_lines(body)
    pattern = load_words().answerable
    for number, line in enumerate(lines):
        match = pattern.search(line)
        if not match or len(line) > 300:
            continue
        title = match.group().strip(" :")
        rest = line[match.end() :].strip()
        for text in [rest] if rest else lines[number + 1 : number + 4]:
            names = [
                read_name(each) for each in re.split(r",|;|/|\s(?:und|and|et|y|e|en|&)\s", text)
            ]
            if not any(names):
                break
            for name in filter(None, names):
                yield FoundPerson(
                    name, title[:1].upper() + title[1:], how="imprint", confidence=0.85
                )


def _add_addresses(people: Sequence[FoundPerson], mails: Sequence[FoundMail]) -> list[FoundPerson]:
    """Addresses that only one person's name can have made."""
    taken = {person.email for person in people if person.email}
    free = [each.address for each in mails if not each.is_role and each.address not in taken]
    done = []
    for person in people:
        fitting = [each for each in free if matches_name(each.partition("@")[0], person.name)]
        rivals = [
            other
            for other in people
            if fitting and matches_name(fitting[0].partition("@")[0], other.name)
        ]
        is_sure = not person.email and len(fitting) == 1 and len(rivals) == 1
        done.append(replace(person, email=fitting[0]) if is_sure else person)
    return done


def _plain(text: str) -> str:
    text = text.lower()
    for letter, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("ø", "o")):
        text = text.replace(letter, plain)
    split = unicodedata.normalize("NFKD", text)
    return "".join(each for each in split if not unicodedata.combining(each))
