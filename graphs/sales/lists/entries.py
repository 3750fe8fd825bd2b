"""One row of a list as a person, or why it is none. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphs.sales.lists.cells import (
    InvalidCell,
    is_profile,
    read_consent,
    read_country,
    read_domain,
    read_email,
    read_language,
    read_name,
    read_opt_out,
    read_phone,
    read_profile,
    read_text,
    read_timezone,
)

OPTED_OUT = "the list says that they want no mail; who is here already: tell unsubscribe_apply"
NOBODY = "it has no mail address, no profile, and no name with a company"


class Rejected(ValueError):
    """The row cannot be imported; the text says why, without quoting it."""


class OptedOut(Rejected):
    """The list says that the person wants no mail; `keys` say who that is."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(OPTED_OUT)
        self.keys = keys


@dataclass(frozen=True)
class Entry:
    """A person of a list. `fields` are those of a contact that the row names, none of them empty.

    `warnings` say which cells were left out.
    """

    fields: Mapping[str, Any]
    company: str | None = None
    domain: str | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def email(self) -> str | None:
        """The address, normalised."""
        return self.fields.get("email")

    @property
    def profile_url(self) -> str | None:
        """The person's page at a network."""
        return self.fields.get("profile_url")

    @property
    def name(self) -> str | None:
        """The whole name."""
        return self.fields.get("name")

    @property
    def keys(self) -> tuple[str, ...]:
        """What nobody shares with another person."""
        return tuple(each for each in (self.email, self.profile_url) if each)

    @property
    def weak_keys(self) -> tuple[str, ...]:
        """Name with company, which two people may share."""
        where = self.domain or self.company
        return (f"{self.name} @ {where}".casefold(),) if self.name and where else ()

    def may_be(self, email: str | None, profile_url: str | None) -> bool:
        """Whether somebody of the same name and company may be this person.

        Of whom we know two addresses, or two profiles, we know two people.
        """
        are_two = self.profile_url and profile_url and self.profile_url != profile_url
        return not (self.email and email) and not are_two


# What cannot be read of these is left out; the rest of the row is good without it.
_OPTIONAL: Mapping[str, Callable[[object], Any]] = {
    "title": read_text,
    "profile_url": read_profile,
    "country": read_country,
    "language": read_language,
    "timezone": read_timezone,
}
_KEYS: Mapping[str, Callable[[object], Any]] = {"email": read_email, "profile_url": read_profile}


def read_entry(cells: Mapping[str, object], country: str | None = None) -> Entry:
    """Field -> cell as a person. `country` is where phone numbers without a code are.

    Raises:
        OptedOut: they want no mail.
        Rejected: the row names nobody who could be found again, or says something of its address,
            name, company or consent that cannot be read.
    """
    cells = _sort_addresses(cells)
    if read_opt_out(cells.get("opt_out")):
        keys = [_read(each, read, cells, []) for each, read in _KEYS.items()]
        raise OptedOut([each for each in keys if each])
    warnings: list[str] = []
    fields = {
        "email": _read("email", read_email, cells),
        "name": _read_whole_name(cells),
        **{each: _read(each, read, cells, warnings) for each, read in _OPTIONAL.items()},
    }
    read_number = partial(read_phone, country=fields["country"] or country)
    consent = _read("consent", read_consent, cells)
    fields |= {
        "phone": _read("phone", read_number, cells, warnings),
        "consent": {"given": consent} if consent else None,
    }
    entry = Entry(
        fields={each: value for each, value in fields.items() if value is not None},
        company=_read("company", read_text, cells),
        domain=_read("domain", read_domain, cells, warnings),
        warnings=tuple(warnings),
    )
    if entry.email or entry.profile_url or (entry.name and (entry.company or entry.domain)):
        return entry
    raise Rejected(NOBODY)


def _read_whole_name(cells: Mapping[str, object]) -> str | None:
    """First and last name, else the name, else what there is of the first two."""
    first, last = _read("first_name", read_text, cells), _read("last_name", read_text, cells)
    both = " ".join(each for each in (first, last) if each)
    if first and last:
        cells = {"name": both}
    name: str | None = _read("name", read_name, cells)
    return name or _read("name", read_name, {"name": both}) or None


def _read(
    name: str,
    read: Callable[[object], Any],
    cells: Mapping[str, object],
    warnings: list[str] | None = None,
) -> Any:
    """A cell. Where there are warnings, one that cannot be read is left out; else the row is."""
    try:
        return read(cells.get(name))
    except InvalidCell as error:
        if warnings is None:
            raise Rejected(f"{name} {error}") from None
        warnings.append(f"{name} {error}")
        return None


def _sort_addresses(cells: Mapping[str, object]) -> Mapping[str, object]:
    """A column of web addresses may hold profiles: LinkedIn's own export calls them `URL`."""
    if not is_profile(cells.get("domain")):
        return cells
    return {**cells, "domain": None, "profile_url": cells.get("profile_url") or cells["domain"]}
