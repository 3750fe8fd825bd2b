"""When a "not now" says to write again: months, quarters, seasons and spans, in seven languages."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from graphs.sales.mailing.returns import MONTHS

_NUMBERS = {
    word: number
    for number, words in enumerate(
        (
            "a an one ein eine einem einer un une uno una een jeden jednym",
            "two zwei deux dos due twee dwa couple paar",
            "three few drei trois tres tre drie trzy einigen quelques unos qualche",
            "four vier quatre cuatro quattro cztery",
            "five fünf cinq cinco cinque vijf pięć",
            "six sechs seis sei zes sześć",
            "seven sieben sept siete sette zeven siedem",
            "eight acht huit ocho otto osiem",
            "nine neun neuf nueve nove negen dziewięć",
            "ten zehn dix diez dieci tien dziesięć",
            "eleven elf onze once undici jedenaście",
            "twelve zwölf douze doce dodici twaalf dwanaście",
        ),
        1,
    )
    for word in words.split()
}
_UNITS = {
    "week": r"weeks?|wks?|wochen?|semaines?|semanas?|settiman[ae]|weken|week|tygodni(?:e|a)?",
    "month": r"months?|monat(?:en?|s)?|mois|mes(?:es)?|mes[ei]|maand(?:en)?|miesi[ąę]c[ey]?",
    "quarter": r"quarters?|quartal(?:en?)?|trimestres?|trimestr[ei]|kwarta(?:al|len|ły?)",
    "year": r"years?|jahr(?:en?)?|ans?|année|años?|ann[oi]|jaar|jaren|roku?",
}
_SPAN = re.compile(
    r"\b(?:(\d{1,3})|(" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + r"))\b"
    r"(?: (?:of|more|or so|additional))? ?("
    + "|".join(f"(?:{words})" for words in _UNITS.values())
    + r")\b"
)
_HALF_YEAR = re.compile(
    r"\b(?:half a year|halbe[sn]? jahr|medio año|mezz'anno|pół roku|half jaar)\b"
)
_QUARTER = re.compile(r"\bq([1-4])\b")
_HALF = re.compile(r"\bh([12])\b|\b(first|second) half\b")
_NEXT = re.compile(
    r"\b(?:next|new|coming|following|nächste[nrs]?|neue[nsr]?|kommende[nrs]?|prochaine?|próximo"
    r"|prossimo|nuovo|volgend|komend|nieuwe|przyszłym|nowym)\s+(?:fiscal |financial |calendar )?"
    r"(year|quarter|month|week|jahr|quartal|monat|woche|année|trimestre|mois|semaine|año|mes|semana"
    r"|anno|mese|settimana|jaar|kwartaal|maand|week|roku|kwartale|miesiącu|tygodniu)"
    r"|\b(année|an|trimestre|mois|semaine|año|mes|anno|mese) (?:prochaine?|que viene|prossimo)\b"
)
_SEASONS = {
    3: r"spring|frühjahr|frühling|printemps|primavera|voorjaar|lente|wiosn\w+|easter|ostern|pasqua",
    9: r"(?:after|nach|après|después|dopo|na|po)\b.{0,12}\b(?:summer|sommer\w*|été|verano|estate"
    r"|zomer\w*|wakacjach)|autumn|\bfall\b|herbst|rentrée|otoño|autunno|najaar|jesieni\w*",
    6: r"\bsummer|im sommer|\bété\b|en verano|in estate|de zomer|latem",
    1: r"new year|neue[ns]? jahr|(?:after|nach) (?:christmas|xmas|the holidays|weihnachten)",
}
_UNIT_OF = {
    "jahr": "year", "année": "year", "an": "year", "año": "year", "anno": "year", "jaar": "year",
    "roku": "year", "quartal": "quarter", "trimestre": "quarter", "kwartaal": "quarter",
    "kwartale": "quarter", "monat": "month", "mois": "month", "mes": "month", "mese": "month",
    "maand": "month", "miesiącu": "month", "woche": "week", "semaine": "week", "semana": "week",
    "settimana": "week", "tygodniu": "week",
}  # fmt: skip
_YEAR = re.compile(r"\b(20\d\d)\b")
_WORD = re.compile(r"[^\W\d]+")
# English words that are months of another language, or short ones of their own.
_AMBIGUOUS = frozenset({"may", "mar", "mars", "march", "sept", "set", "dec", "mai"})
_CUED_MONTH = re.compile(
    r"\b(?:in|until|till|by|before|after|around|early|mid|late|since|of|from|im|ab|bis|nach|en"
    r"|début|fin|hasta|a|dopo|w|od|po)[ -](may|mars|march|sept|mai)\b"
)


def find_deferral(text: str, received: datetime) -> datetime | None:
    """Nine o'clock on the first day that fits, in the offset of `received`; None without any.

    "in March" is the next 1 March, "Q2" the next 1 April, "in six months" half a year from then.
    """
    words = " ".join(text.lower().replace("\u2019", "'").split())
    day = _find_day(words, received.date())
    if day is None or day <= received.date():
        return None
    return datetime.combine(day, time(9), received.tzinfo)


def _find_day(words: str, today: date) -> date | None:
    if found := _HALF_YEAR.search(words):
        return _add_months(today, 6)
    if found := _SPAN.search(words):
        number = int(found[1]) if found[1] else _NUMBERS[found[2]]
        return _add(today, number, _name_unit(found[3]))
    if found := _QUARTER.search(words):
        return _place_month(today, 3 * int(found[1]) - 2, words)
    if found := _HALF.search(words):
        return _place_month(today, 7 if found[1] == "2" or found[2] == "second" else 1, words)
    if month := _find_month(words):
        return _place_month(today, month, words)
    if found := _NEXT.search(words):
        unit = found[1] or found[2]
        return _start_of_next(today, _UNIT_OF.get(unit, unit))
    for month, season in _SEASONS.items():
        if re.search(season, words):
            return _place_month(today, month, words)
    return None


def _find_month(words: str) -> int | None:
    if found := _CUED_MONTH.search(words):
        return MONTHS[found[1]]
    names = (word for word in _WORD.findall(words) if len(word) > 3 and word not in _AMBIGUOUS)
    return next((MONTHS[name] for name in names if name in MONTHS), None)


def _name_unit(word: str) -> str:
    return next(unit for unit, words in _UNITS.items() if re.fullmatch(words, word))


def _add(today: date, number: int, unit: str) -> date:
    if unit == "week":
        return today + timedelta(weeks=number)
    return _add_months(today, number * {"month": 1, "quarter": 3, "year": 12}[unit])


def _add_months(today: date, months: int) -> date:
    year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
    return date(year, month + 1, min(today.day, 28))


def _place_month(today: date, month: int, words: str) -> date:
    """The first of the next such month, or of that of a year that is named."""
    named = _YEAR.search(words)
    if named and int(named[1]) >= today.year:
        return date(int(named[1]), month, 1)
    return date(today.year + (month <= today.month), month, 1)


def _start_of_next(today: date, unit: str) -> date:
    if unit == "week":
        return today + timedelta(days=7 - today.weekday())
    if unit == "year":
        return date(today.year + 1, 1, 1)
    span = 3 if unit == "quarter" else 1
    first = date(today.year, (today.month - 1) // span * span + 1, 1)
    return _add_months(first, span)
