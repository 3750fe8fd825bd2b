"""The phrases of ``replies/*.toml``, compiled: how a reply to a sales mail says what it is."""

import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Literal

Intent = Literal[
    "interested",
    "info_request",
    "referral",
    "not_now",
    "not_interested",
    "unsubscribe",
    "auto_reply",
    "bounce",
    "unclear",
]

# When two intents weigh the same, the earlier one wins: stopping is safer than writing on.
ORDER: tuple[Intent, ...] = (
    "bounce",
    "unsubscribe",
    "auto_reply",
    "not_interested",
    "referral",
    "not_now",
    "info_request",
    "interested",
)

# English, which most replies borrow from, then the others by their codes.
_FILES = sorted(Path(__file__).with_name("replies").glob("*.toml"), key=lambda path: path.stem)
_TABLES = [tomllib.loads(path.read_text(encoding="utf-8")) for path in _FILES]
_PLAIN = str.maketrans({"\u2019": "'", "\u2018": "'", "ł": "l", "ß": "ss", "ø": "o", "æ": "ae"})


def fold(text: str) -> str:
    """Lower case, plain apostrophes, no accents, single spaces: how phrases meet a text."""
    bare = unicodedata.normalize("NFKD", text.lower().translate(_PLAIN))
    return " ".join("".join(c for c in bare if not unicodedata.combining(c)).split())


def _compile(text: str) -> re.Pattern[str]:
    bare = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    plain = "".join(c for c in bare if not unicodedata.combining(c))
    # A subject and a text are two lines.
    return re.compile(plain, re.DOTALL | re.MULTILINE)


PHRASES: dict[Intent, list[tuple[int, re.Pattern[str]]]] = {
    intent: [
        (int(weight), _compile(text))
        for table in _TABLES
        for weight, text in table["intents"].get(intent, ())
    ]
    for intent in ORDER
}
SARCASM: list[re.Pattern[str]] = [_compile(text) for table in _TABLES for text in table["sarcasm"]]
POSITIVE: re.Pattern[str] = _compile("|".join(table["positive"] for table in _TABLES))
NEGATIVE: re.Pattern[str] = _compile("|".join(table["negative"] for table in _TABLES))
