"""The nodes of campaign. Interrupts have nodes of their own, since a node restarts on resume."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any, Literal

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from graphs.campaign_graph.policy import find_stop_reason, plan_wake, read_policy
from graphs.campaign_graph.state import CampaignState, Touch
from graphs.email_outreach_graph import build_graph as build_outreach_graph
from graphs.sales.clock import read_now
from graphs.sales.eligibility import find_skip_reason
from graphs.sales.outbox import OutgoingMail, make_message_id, write_mail
from graphs.sales.settings import SalesContext, clean, read_context

# Without a checkpointer of its own it uses the campaign's. Not `checkpointer=False`: under the
# durability "sync" LangGraph then waits for a checkpoint that is never made, and fails.
_OUTREACH = build_outreach_graph()


def _event(state: CampaignState) -> Mapping[str, Any]:
    return state.get("event") or {}


async def check_reply(state: CampaignState, runtime: Runtime[SalesContext]) -> CampaignState:
    """Stop for good when the contact replied, unsubscribed or bounced."""
    for key in ("campaign_id", "contact_id"):
        if not state.get(key):
            raise ValueError(f"Send {key}; the thread of a campaign is campaign-<id>-<contact>.")
    if not state.get("contact"):
        raise ValueError("Send contact inline: an object with name, email and title.")
    read_policy(state.get("policy"), read_context(runtime.context))
    if state.get("status") in ("stopped", "done"):
        # Said again: a run that writes no output key answers nothing at all.
        return {"status": state["status"], "event": {}}
    reason = find_stop_reason(_event(state))
    if reason:
        return _stop(reason)
    return {"status": "running", "touch_no": state.get("touch_no", 0), "stop_reason": None}


def choose_after_check(state: CampaignState) -> Literal["end", "wait", "guard"]:
    """A resume before ``wake_at`` waits on: two ticks must not send two touches."""
    if state.get("status") in ("stopped", "done"):
        return "end"
    wake_at = state.get("wake_at")
    early = bool(wake_at) and read_now(_event(state).get("now")) < read_now(wake_at)
    return "wait" if early and not _event(state).get("skip_wait") else "guard"


async def guard(state: CampaignState, runtime: Runtime[SalesContext]) -> CampaignState:
    """Everything that forbids the next touch; a pause and a suppression stop the campaign."""
    context = read_context(runtime.context)
    if read_policy(state.get("policy"), context).paused:
        return _stop("CampaignPaused")
    skip = find_skip_reason(state["contact"], context)
    return _stop(skip) if skip else {"status": "running"}


async def generate_touch(state: CampaignState, runtime: Runtime[SalesContext]) -> CampaignState:
    """Draft the next touch with email_outreach."""
    context = read_context(runtime.context)
    draft = await _OUTREACH.ainvoke(
        {
            "contact_id": state["contact_id"],
            "campaign_id": state["campaign_id"],
            "contact": state["contact"],
            "company": state.get("company") or "",
            "product_id": state.get("product_id") or "",
            "touch_no": state.get("touch_no", 0) + 1,
            "thread_subject": state.get("thread_subject") or "",
        },
        context=context,
    )
    if draft.get("skip_reason"):
        return _stop(draft["skip_reason"])
    hold = read_policy(state.get("policy"), context).require_approval
    return {"draft": draft, "approved": None, "status": "needs_approval" if hold else "running"}


async def approval(state: CampaignState) -> CampaignState:
    """Hold the draft for a person: resume with {"approved": true | false}."""
    draft = state.get("draft") or {}
    answer = interrupt(
        {
            "status": "needs_approval",
            "touch_no": state.get("touch_no", 0) + 1,
            "subject": draft.get("subject"),
            "text": draft.get("text"),
        }
    )
    event = answer if isinstance(answer, Mapping) else {"approved": answer}
    reason = find_stop_reason(event)
    if reason:
        return _stop(reason)
    approved = event.get("approved")
    if approved is False:
        return _stop("ApprovalRefused")
    return {"approved": True if approved is True else None, "event": dict(event)}


async def send_touch(state: CampaignState, runtime: Runtime[SalesContext]) -> CampaignState:
    """Put the touch into the outbox; safe to run twice, since the row is claimed first."""
    context = read_context(runtime.context)
    await asyncio.sleep(float(context.get("send_gap_seconds", 0)))
    now = read_now(_event(state).get("now"))
    draft = state.get("draft") or {}
    touch_no = state.get("touch_no", 0) + 1
    sender = clean(context.get("sender_email")).partition("@")[2]
    domain = clean(context.get("sending_domain")) or sender or "sender.invalid"
    message_id = make_message_id(
        str(state["campaign_id"]), str(state["contact_id"]), touch_no, 1, domain
    )
    status: Literal["planned", "written", "duplicate"] = "planned"
    path = clean(context.get("outbox")) or os.environ.get("GRAPHS_OUTBOX", "")
    if path:
        mail = OutgoingMail(
            campaign_id=str(state["campaign_id"]),
            contact_id=str(state["contact_id"]),
            touch_no=touch_no,
            message_id=message_id,
            to=clean(state["contact"].get("email")),
            subject=str(draft.get("subject")),
            text=str(draft.get("text")),
            html=str(draft.get("html")),
            references=[touch["message_id"] for touch in state.get("touches") or []],
        )
        status = await write_mail(path, mail, now)
    touch = Touch(
        touch_no=touch_no,
        message_id=message_id,
        subject=str(draft.get("subject")),
        status=status,
        at=now.isoformat(),
    )
    return {"result": touch}


async def record(state: CampaignState) -> CampaignState:
    """Note the touch in the thread's state; the first subject becomes the thread's."""
    touch = state["result"]
    if touch is None:
        raise RuntimeError("record runs after send_touch only")
    earlier = [t for t in state.get("touches") or [] if t["touch_no"] != touch["touch_no"]]
    return {
        "touches": [*earlier, touch],
        "touch_no": touch["touch_no"],
        "thread_subject": state.get("thread_subject") or touch["subject"],
        "draft": None,
        "approved": None,
        "result": None,
    }


async def schedule_next(state: CampaignState, runtime: Runtime[SalesContext]) -> CampaignState:
    """When the next touch is due, or done after the last."""
    policy = read_policy(state.get("policy"), read_context(runtime.context))
    wake = plan_wake(policy, state.get("touch_no", 0), read_now(_event(state).get("now")))
    if wake is None:
        return {"status": "done", "wake_at": None, "event": {}}
    return {"status": "waiting", "wake_at": wake.isoformat(), "event": {}}


async def wait(state: CampaignState) -> CampaignState:
    """Sleep until resumed: {"now"?, "reply"?, "unsubscribed"?, "bounced"?, "skip_wait"?}."""
    answer = interrupt(
        {
            "status": "waiting",
            "touch_no": state.get("touch_no", 0),
            "wake_at": state.get("wake_at"),
        }
    )
    return {"event": dict(answer) if isinstance(answer, Mapping) else {}}


def _stop(reason: str) -> CampaignState:
    return {
        "status": "stopped", "stop_reason": reason, "wake_at": None, "draft": None, "event": {},
    }  # fmt: skip
