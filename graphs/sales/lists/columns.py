"""Which of our fields a column of a list is, by the names of `columns.toml`. Pure."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_TABLE: Mapping[str, Sequence[str]] = tomllib.loads(
    Path(__file__).with_name("columns.toml").read_text(encoding="utf-8")
)
FIELDS: tuple[str, ...] = tuple(_TABLE)


def fold(header: str) -> str:
    """A header as it is compared: words of lower case without accents, one space between."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header.strip())
    bare = unicodedata.normalize("NFKD", spaced.casefold())
    bare = "".join(each for each in bare if not unicodedata.combining(each))
    return " ".join(re.findall(r"[^\W_]+", bare))


# The earlier field wins; a name without spaces (`first_name`, `firstName`, `FIRSTNAME`) is known.
_KNOWN: Mapping[str, str] = {
    spelled: name
    for name, headers in reversed(list(_TABLE.items()))
    for header in [*headers, name]
    for spelled in (fold(header), fold(header).replace(" ", ""))
}


def find_field(header: str) -> str | None:
    """Our field's name, or None."""
    words = fold(header)
    return _KNOWN.get(words) or _KNOWN.get(words.replace(" ", ""))


def count_known(headers: Iterable[str]) -> int:
    """How many different fields these headers name."""
    return len({find_field(header) for header in headers} - {None})


def map_columns(
    headers: Sequence[str], given: Mapping[str, str] | None = None
) -> Mapping[str, tuple[int, ...]]:
    """Field -> places of its columns, the first one preferred; a cell of it may be empty.

    `given` maps a header to a field, or to the empty text to leave it out.

    Raises:
        ValueError: `given` names a header or a field that is not there.
    """
    named = {fold(header): wanted for header, wanted in (given or {}).items()}
    for header, wanted in (given or {}).items():
        if wanted and wanted not in FIELDS:
            raise ValueError(f"columns: {wanted!r} is none of {', '.join(FIELDS)}.")
        if fold(header) not in {fold(each) for each in headers}:
            raise ValueError(f"columns: the list has no column {header!r}.")
    places: dict[str, tuple[int, ...]] = {}
    for place, header in enumerate(headers):
        name = named.get(fold(header), find_field(header))
        if name:
            places[name] = (*places.get(name, ()), place)
    return places
