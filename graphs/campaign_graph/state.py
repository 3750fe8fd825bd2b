"""What campaign takes, keeps and gives."""

from typing import Any, Literal

from typing_extensions import TypedDict

Status = Literal["waiting", "needs_approval", "stopped", "done", "running"]


class CampaignInput(TypedDict, total=False):
    """``campaign_id`` and ``contact_id`` of the database, or ``contact`` {name, email, title} and
    ``company`` inline, of which rows are made where there are none.

    ``policy``: {touches, delays_days | delays_seconds, require_approval, paused}, laid over that of
    the campaign. ``event`` is what a resume value carries too: {reply, unsubscribed, bounced, now,
    skip_wait}.
    """

    campaign_id: str
    contact_id: str
    contact: dict[str, Any]
    company: str | dict[str, Any]
    product_id: str
    policy: dict[str, Any]
    event: dict[str, Any]


class Touch(TypedDict):
    """One touch. ``planned``: the campaign has no mailbox, so the mail stays in the outbox."""

    touch_no: int
    message_id: str
    subject: str
    status: str
    at: str


class CampaignOutput(TypedDict, total=False):
    """``touch_no`` is the last touch that went out, 0 for none; ``wake_at`` is ISO 8601 in UTC.

    ``reason`` is why it waits, when it is not just for the next touch: Window, Gap, DailyCap,
    CampaignPaused, MailboxPaused, SendUnknown, ...
    """

    status: Status
    touch_no: int
    wake_at: str | None
    reason: str | None
    stop_reason: str | None
    touches: list[Touch]


class CampaignState(CampaignInput, CampaignOutput, total=False):
    """``draft`` is the next touch; ``approved`` the answer to it; ``result`` what sending gave."""

    draft: dict[str, Any] | None
    approved: bool | None
    result: Touch | None
    thread_subject: str
