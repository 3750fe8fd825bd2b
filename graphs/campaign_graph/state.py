"""What campaign takes, keeps and gives."""

from typing import Any, Literal

from typing_extensions import TypedDict

Status = Literal["waiting", "needs_approval", "stopped", "done", "running"]


class CampaignInput(TypedDict, total=False):
    """``policy``: {touches, delays_days | delays_seconds, require_approval, paused}.

    ``event`` is what a resume value carries too: {reply, unsubscribed, bounced, now, skip_wait}.
    """

    campaign_id: str
    contact_id: str
    contact: dict[str, Any]
    company: str | dict[str, Any]
    product_id: str
    policy: dict[str, Any]
    event: dict[str, Any]


class Touch(TypedDict):
    """One touch. ``planned``: no outbox is configured, so it is only noted here."""

    touch_no: int
    message_id: str
    subject: str
    status: Literal["planned", "written", "duplicate"]
    at: str


class CampaignOutput(TypedDict, total=False):
    """``touch_no`` is the last touch that went out, 0 for none; ``wake_at`` is ISO 8601 in UTC."""

    status: Status
    touch_no: int
    wake_at: str | None
    stop_reason: str | None
    touches: list[Touch]


class CampaignState(CampaignInput, CampaignOutput, total=False):
    """``draft`` is the next touch; ``approved`` the answer to it; ``result`` what sending gave."""

    draft: dict[str, Any] | None
    approved: bool | None
    result: Touch | None
    thread_subject: str
