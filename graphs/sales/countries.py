"""Countries as sites, lists and people write them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from babel.core import Locale, get_global

_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da")
# Codes of the tables that are no country: unions, and what only tests of software have.
_NOWHERE = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})
# Names that people use and the tables do not have.
_ALSO = {
    "uk": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "usa": "US", "america": "US", "united states of america": "US", "holland": "NL",
    "the netherlands": "NL", "czech republic": "CZ", "korea": "KR", "south korea": "KR",
    "brd": "DE", "uae": "AE", "turkey": "TR",
}  # fmt: skip


def read_country(text: str) -> str | None:
    """ISO 3166, two letters, of a code or of a name in ten languages; None for anything else."""
    code, names = text.strip().upper(), _list_names()
    if len(code) == 2 and code in names.values():
        return code
    if len(code) == 3 and (codes := get_global("territory_aliases").get(code)):
        return str(codes[0])
    return names.get(_bare(text))


@cache
def _list_names() -> Mapping[str, str]:
    known = {
        _bare(str(name)): code
        for language in reversed(_LANGUAGES)
        for code, name in Locale(language).territories.items()
        if len(code) == 2 and code.isalpha() and code not in _NOWHERE
    }
    return {**known, **_ALSO}


def _bare(text: str) -> str:
    return " ".join(text.casefold().replace(".", "").split())
