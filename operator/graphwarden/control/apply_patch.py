"""The body of a server-side apply, and how the API server says no to it. Pure."""

from __future__ import annotations

import json
import re
from typing import Final

from graphwarden.control.kinds import Manifest

# With a charset behind it, the client takes a text as it is; the API server does not look at it.
APPLY_PATCH: Final = "application/apply-patch+yaml; charset=utf-8"

_REFUSALS: Final = frozenset({400, 403, 404, 422})
_INTERNAL_ERROR: Final = 500
_MISFITS: Final = ("failed to create typed patch object", "failed to convert new object")

# What YAML does not take unescaped; none of it is above U+FFFF.
_NOT_PRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def render_apply_patch(body: Manifest) -> str:
    """The body as JSON that is YAML too, since the API server reads it as such.

    JSON escapes a character above U+FFFF, an emoji for example, as two halves, and YAML knows no
    halves; so such characters stay as they are.
    """
    text = json.dumps(body, ensure_ascii=False)
    return _NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def is_refusal(status: int, message: str) -> bool:
    """Whether the API server will never take this content, however often it is sent.

    A patch that does not fit the kind's schema it calls an error of its own.
    """
    return status in _REFUSALS or (status == _INTERNAL_ERROR and message.startswith(_MISFITS))
