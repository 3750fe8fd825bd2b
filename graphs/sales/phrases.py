"""The phrase table of ``phrases.toml``, compiled: how a reply to a sales mail says what it is."""

import re
import tomllib
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

_TABLE = tomllib.loads(Path(__file__).with_name("phrases.toml").read_text(encoding="utf-8"))

PHRASES: dict[Intent, list[tuple[int, re.Pattern[str]]]] = {
    intent: [(int(weight), re.compile(text, re.DOTALL)) for weight, text in table]
    for intent, table in ((intent, _TABLE["intents"][intent]) for intent in ORDER)
}
SARCASM: list[re.Pattern[str]] = [re.compile(text, re.DOTALL) for text in _TABLE["sarcasm"]]
POSITIVE: re.Pattern[str] = re.compile(_TABLE["positive"])
NEGATIVE: re.Pattern[str] = re.compile(_TABLE["negative"])
