"""What email_reply takes, keeps and gives."""

from typing import Any

from typing_extensions import TypedDict

from graphs.sales.tasks import Provenance


class ReplyInput(TypedDict, total=False):
    """Send ``original_email`` (raw RFC 5322 or plain text), or ``message_id`` with an inbox."""

    message_id: str
    original_email: str
    tone: str
    reply_type: str


class ReplyOutput(TypedDict, total=False):
    """``subject`` and ``body`` are empty when nobody should be answered (bounce, auto-reply)."""

    analysis: dict[str, Any]
    subject: str
    body: str
    needs_approval: bool
    approval_reasons: list[str]
    next_action: str
    provenance: Provenance


class ReplyState(ReplyInput, ReplyOutput, total=False):
    """``source`` is the raw mail."""

    source: str
