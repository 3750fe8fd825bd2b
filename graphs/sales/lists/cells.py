"""What stands in the cells of a list, as the database keeps it. Pure.

Each `read_...` gives the value, or None for a cell that says nothing, or raises InvalidCell with
words that do not quote the cell: reports about people are no place for their data.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale
from email_validator import EmailNotValidError, validate_email
from nameparser import HumanName

from graphs.sales import countries
from graphs.sales.data.ids import normalise_address, normalise_domain
from graphs.sales.eligibility import is_machine

_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl")
_PROFILES = ("linkedin.com", "xing.com")
_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})"
)
_YES = frozenset(
    {
        "yes",
        "y",
        "true",
        "1",
        "x",
        "on",
        "ja",
        "j",
        "oui",
        "si",
        "sí",
        "sim",
        "tak",
        "opted-in",
        "da",
    }
)
_NO = frozenset({"no", "n", "false", "0", "off", "nein", "non", "não", "nao", "nie", "none"})
_EMPTY = frozenset({"-", "--", "n/a", "na", "#n/a", "null", "none", "nil", "unknown", "?", "."})


class InvalidCell(ValueError):
    """A cell says something, but nothing that can be kept."""


def read_text(cell: object, most: int = 300) -> str | None:
    """One line without what nobody sees; a spreadsheet's `="..."` and `'...` are its contents."""
    text = unicodedata.normalize("NFC", str(cell if cell is not None else ""))
    text = "".join(each for each in text if each.isprintable() or each.isspace())
    text = " ".join(text.split())
    if found := re.fullmatch(r'="(.*)"', text):
        text = found.group(1).strip()
    text = text.removeprefix("'").strip()
    if text.lower() in _EMPTY:
        return None
    if len(text) > most:
        raise InvalidCell(f"has {len(text)} characters; {most} is the most")
    return text or None


def read_email(cell: object) -> str | None:
    """The first address of the cell, normalised; `Dana <dana@...>` and `mailto:` are known."""
    text = read_text(cell, 1000)
    if text is None:
        return None
    first = re.split(r"[;,]|\s/\s", text)[0]
    if found := re.search(r"<([^<>]+)>", first):
        first = found.group(1)
    try:
        found_address = validate_email(
            first.strip().removeprefix("mailto:"), check_deliverability=False
        )
    except EmailNotValidError:
        raise InvalidCell("is no mail address") from None
    address = normalise_address(found_address.ascii_email or found_address.normalized)
    if is_machine(address):
        raise InvalidCell("is an address that nobody reads, such as no-reply@")
    return address


def read_name(cell: object) -> str | None:
    """`Dana Reyes` of `REYES, DANA`; a name of mixed case is left as it is written."""
    text = read_text(cell)
    if text is None or not any(each.isalpha() for each in text):
        return None
    name = HumanName(text)
    name.capitalize()
    return " ".join(str(name).split()) or text


def read_domain(cell: object) -> str | None:
    """`acme.example` of any spelling of its address."""
    text = read_text(cell, 2000)
    if text is None:
        return None
    try:
        host = normalise_domain(text).encode("idna").decode()
    except UnicodeError:
        raise InvalidCell("is no domain") from None
    if not _HOST.fullmatch(host) or len(host) > 253:
        raise InvalidCell("is no domain")
    return host


def read_profile(cell: object) -> str | None:
    """A page about the person: https, host in lower case, no query; LinkedIn's without country."""
    text = read_text(cell, 2000)
    if text is None:
        return None
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host = (parts.hostname or "").lower()
    except ValueError:
        raise InvalidCell("is no web address") from None
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host) or parts.username:
        raise InvalidCell("is no web address")
    if host == "linkedin.com" or host.endswith(".linkedin.com"):
        host = "www.linkedin.com"
    return f"https://{host}{parts.path.rstrip('/')}"


def is_profile(cell: object) -> bool:
    """Whether a web address is a person's page at a network, not a company's site."""
    host = normalise_domain(str(cell or ""))
    return any(host == each or host.endswith(f".{each}") for each in _PROFILES)


def read_phone(cell: object, country: str | None) -> str | None:
    """E.164; a number without its country's code is one of `country`."""
    text = read_text(cell)
    if text is None:
        return None
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            raise InvalidCell("names no country; write +49 ..., or send country") from None
        raise InvalidCell("is no phone number") from None
    if not phonenumbers.is_possible_number(number):
        raise InvalidCell("is no phone number")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=1024)
def read_country(cell: object) -> str | None:
    """ISO 3166, two letters, of a code or a name."""
    text = read_text(cell)
    if text is None:
        return None
    found = countries.read_country(text)
    if found is None:
        raise InvalidCell("is no country; write its code, such as DE")
    return found


def read_language(cell: object) -> str | None:
    """Two letters, of `de`, `de-AT`, or a name in English or in itself."""
    text = read_text(cell)
    if text is None:
        return None
    known = _list_languages()
    found = known.get(text.casefold()) or known.get(re.split(r"[-_]", text.casefold())[0])
    if found is None:
        raise InvalidCell("is no language; write its code, such as de")
    return found


@cache
def _list_languages() -> Mapping[str, str]:
    names = {
        str(name).casefold(): code
        for code, name in Locale("en").languages.items()
        if len(code) == 2
    }
    own = {str(Locale(code).language_name).casefold(): code for code in _LANGUAGES}
    return {**names, **own, **{code: code for code in names.values()}}


def read_timezone(cell: object) -> str | None:
    """An IANA name."""
    text = read_text(cell)
    if text is None or text in available_timezones():
        return text
    raise InvalidCell("is no time zone; write one such as Europe/Berlin")


def read_opt_out(cell: object) -> bool:
    """Whether somebody wants no mail; what is neither yes nor no counts as yes, a date too."""
    text = read_text(cell)
    return text is not None and text.casefold() not in _NO


def read_consent(cell: object) -> str | None:
    """`yes`, or the ISO day on which consent was given; None without consent.

    What is neither is refused: a consent that nobody can read is none.
    """
    text = read_text(cell)
    if text is None or text.casefold() in _NO:
        return None
    if text.casefold() in _YES:
        return "yes"
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise InvalidCell("is neither yes, no nor a day such as 2026-11-30") from None
