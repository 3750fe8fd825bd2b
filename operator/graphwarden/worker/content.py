"""What nodes are given and what they give, as text for spans: only where it was asked for.

Addresses of mail, numbers that may be telephones or cards, and the values of keys that name
secrets are taken out; long texts are cut. That makes slips rarer, not impossible: whoever turns
this on decides that traces hold what people wrote.
"""

from __future__ import annotations

import re
from typing import Any

from graphwarden.worker.encoding import dumps, to_jsonable

_MOST_CHARACTERS = 4096
_MAIL = re.compile(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_NUMBER = re.compile(r"\+?\d[\d ()./-]{7,}\d")
_SECRET = re.compile(r"(?i)(password|passwd|secret|token|api[-_]?key|authorization|cookie|dsn)")


class Content:
    """Renders values."""

    def render(self, value: Any) -> str:
        """JSON of the value, redacted and cut."""
        text = dumps(redact(to_jsonable(value))).decode()
        return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"


def redact(value: Any) -> Any:
    """The value without what is likely to be of a person or a secret."""
    if isinstance(value, str):
        return _NUMBER.sub("[number]", _MAIL.sub("[mail]", value))
    if isinstance(value, dict):
        return {
            redact(key): "[secret]" if _SECRET.search(str(key)) else redact(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [redact(each) for each in value]
    return value
