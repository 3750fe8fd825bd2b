"""What opportunity takes, keeps and gives."""

from typing import Any

from typing_extensions import TypedDict


class OpportunityInput(TypedDict, total=False):
    """``opportunity_id``, or the thread ``opp-<id>``. One that is not in the database is opened:
    send ``contact_id``, and whatever is known of the rest.

    ``event``, which a resume value carries too: {kind: reply, meeting, proposal, negotiation, won,
    lost; message_id of a reply; at of a meeting; reason}. ``now`` beside it stands in for the
    clock.
    """

    opportunity_id: str
    contact_id: str
    campaign_id: str
    product_id: str
    owner: str
    event: dict[str, Any]
    now: str


class OpportunityOutput(TypedDict, total=False):
    """``owner_task``: {kind, due, draft?{subject, body, in_reply_to, needs_approval, reasons}}.

    Nothing is sent from here: a draft is for whoever owns the deal. ``wake_at`` is when the thread
    looks again by itself, ISO 8601 in UTC; None when it waits for a person. ``errors`` tells of
    graphs that could not be asked.
    """

    opportunity_id: str
    stage: str
    next_step: str | None
    wake_at: str | None
    owner_task: dict[str, Any] | None
    reason: str | None
    errors: list[str]


class OpportunityState(OpportunityInput, OpportunityOutput, total=False):
    """``heard`` are replies that were dealt with; ``move`` what is to be done; ``quiet_times``
    counts wake-ups since somebody was heard.
    """

    heard: list[str]
    quiet_times: int
    move: dict[str, Any] | None
    draft: dict[str, Any] | None
