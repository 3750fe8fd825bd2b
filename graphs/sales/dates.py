"""The day an automatic reply says its sender is back. Days without a year stay as written."""

import re

_MONTH = (
    r"(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|"
    r"aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|okt(?:ober)?|nov(?:ember)?|dec(?:ember)?|dez(?:ember)?)"
)
_DAY = (
    rf"(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}[./]\d{{1,2}}[./](?:\d{{2,4}})?"
    rf"|{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?(?: of)? {_MONTH}(?:,? \d{{4}})?"
    r"|(?:next )?(?:monday|tuesday|wednesday|thursday|friday))"
)
_RETURN = re.compile(
    r"(?:return(?:ing)?|back|until|till|through|bis(?: zum)?|zurück|ab(?: dem)?|jusqu'au|retour le|"
    rf"hasta el)\b[^.\n]{{0,40}}?\b"
    # A weekday before a date is not the date.
    rf"(?:(?:mon|tues|wednes|thurs|fri)day,? (?:the )?(?={_MONTH}|\d))?({_DAY})",
    re.IGNORECASE,
)


def find_return_date(text: str) -> str | None:
    """The stated day in the sender's own words, or None."""
    found = _RETURN.search(" ".join(text.replace("\u2019", "'").split()))
    return found.group(1) if found else None
