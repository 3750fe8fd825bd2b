"""The day somebody is back, as a date: the words of an automatic reply, read on the day it came."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier enero gennaio januari janeiro",
            "feb february februar février febrero febbraio februari fevereiro",
            "mar march märz mars marzo maart março",
            "apr april avril abril aprile",
            "may mai mayo maggio mei maio",
            "jun june juni juin junio giugno junho",
            "jul july juli juillet julio luglio julho",
            "aug august août agosto augustus",
            "sep sept september septembre septiembre settembre setembro",
            "oct october okt oktober octobre octubre ottobre outubro",
            "nov november novembre noviembre novembro",
            "dec december dez dezember décembre diciembre dicembre dezembro",
        ),
        1,
    )
    for name in names.split()
}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{2,4})?")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})(?:/(\d{2,4}))?")
_DAY_FIRST = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|\.|er)?(?: of| de)? ([^\W\d]+)\.?(?:,?(?: de)? (\d{4}))?"
)
_MONTH_FIRST = re.compile(r"([^\W\d]+)\.? (\d{1,2})(?!\d)(?:st|nd|rd|th)?(?:,? (\d{4}))?")
# What stands before the day somebody is back, in the languages that mail comes in.
_CUE = re.compile(
    r"\b(?:until|till?|through|back|return(?:ing)?|bis|zurück|wieder da|ab dem|jusqu['\u2019]au"
    r"|retour|reviens|hasta|regres\w+|vuelvo|fino (?:al?|alle?)|rientr\w+|torno|tot(?: en met)?"
    r"|terug|até|volto|regresso)\b"
)
_REACH = 60
# Longer than anybody's leave that a campaign would wait for.
_LONGEST_DAYS = 400


def find_return(text: str, received: datetime) -> datetime | None:
    """Nine o'clock on the day that a text says somebody is back, in the offset of `received`.

    None where it names no coming day. One without a year is the next one of that name; `3/4` is
    read as month and day, unless that is none.
    """
    words = " ".join(text.lower().split())
    for cue in _CUE.finditer(words):
        sentence = re.split(r"[!?;]|\. [^\d]", words[cue.end() : cue.end() + _REACH])[0]
        day = _find_day(sentence, received.date())
        latest = received.date() + timedelta(days=_LONGEST_DAYS)
        if day is not None and received.date() <= day <= latest:
            return datetime.combine(day, time(9), received.tzinfo)
    return None


def _find_day(words: str, today: date) -> date | None:
    if found := _ISO.search(words):
        return _make(int(found[1]), int(found[2]), int(found[3]))
    if found := _DOTTED.search(words):
        return _place(today, int(found[2]), int(found[1]), found[3])
    if found := _SLASHED.search(words):
        first, second = int(found[1]), int(found[2])
        month, day = (first, second) if first <= 12 else (second, first)
        return _place(today, month, day, found[3])
    for found in _DAY_FIRST.finditer(words):
        if found[2] in MONTHS:
            return _place(today, MONTHS[found[2]], int(found[1]), found[3])
    for found in _MONTH_FIRST.finditer(words):
        if found[1] in MONTHS:
            return _place(today, MONTHS[found[1]], int(found[2]), found[3])
    for number, name in enumerate(_WEEKDAYS):
        if name in words:
            return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    return None


def _place(today: date, month: int, day: int, year: str | None) -> date | None:
    if year:
        return _make(int(year) + (2000 if len(year) == 2 else 0), month, day)
    this = _make(today.year, month, day)
    return this if this is None or this >= today else _make(today.year + 1, month, day)


def _make(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
