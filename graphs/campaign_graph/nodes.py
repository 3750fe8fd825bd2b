"""The nodes of campaign. Interrupts have nodes of their own, since a node restarts on resume."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from graphs.campaign_graph.enrolment import enrol
from graphs.campaign_graph.news import read_news, record_news
from graphs.campaign_graph.policy import Policy, plan_wake, read_policy
from graphs.campaign_graph.state import CampaignState
from graphs.campaign_graph.touches import (
    approve,
    cancel,
    draft_is_due,
    plan_draft,
    read_campaign,
    send,
    show,
)
from graphs.email_outreach_graph import build_graph as build_outreach_graph
from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.settings import SalesContext, clean, read_context

# Without a checkpointer of its own it uses the campaign's. Not `checkpointer=False`: under the
# durability "sync" LangGraph then waits for a checkpoint that is never made, and fails.
_OUTREACH = build_outreach_graph()
# How long a campaign sleeps that is paused, or whose mail waits for somebody.
_LATER = timedelta(hours=6)


def _event(state: CampaignState) -> Mapping[str, Any]:
    return state.get("event") or {}


def _now(state: CampaignState) -> datetime:
    return read_now(_event(state).get("now"))


async def check_reply(state: CampaignState, runtime: Runtime[SalesContext]) -> CampaignState:
    """Stop for good when the contact replied, unsubscribed or bounced; sleep on for a vacation."""
    campaign_id, contact_id = clean(state.get("campaign_id")), clean(state.get("contact_id"))
    if not campaign_id or not contact_id:
        raise ValueError(
            "Send campaign_id and contact_id; the thread of a campaign is campaign-<id>-<contact>."
        )
    if state.get("status") in ("stopped", "done"):
        # Said again: a run that writes no output key answers nothing at all.
        return {"status": state["status"], "event": {}}
    database, now = await open_database(), _now(state)
    await enrol(database, campaign_id, contact_id, state.get("contact"), state.get("company"), now)
    await _policy(state, runtime)
    await record_news(database, campaign_id, contact_id, _event(state), now)
    news = await read_news(database, contact_id, now)
    if news.stop_reason:
        await cancel(database, campaign_id, contact_id, news.stop_reason, now)
        return _stop(news.stop_reason)
    wake = state.get("wake_at")
    if news.away_until and (not wake or read_now(wake) < news.away_until):
        wake = news.away_until.isoformat()
    return {
        "status": "running", "touch_no": state.get("touch_no", 0), "stop_reason": None,
        "reason": None, "wake_at": wake,
    }  # fmt: skip


def choose_after_check(state: CampaignState) -> Literal["end", "wait", "guard"]:
    """A resume before ``wake_at`` waits on: two ticks must not send two touches."""
    if state.get("status") in ("stopped", "done"):
        return "end"
    wake_at = state.get("wake_at")
    early = bool(wake_at) and _now(state) < read_now(wake_at)
    return "wait" if early and not _event(state).get("skip_wait") else "guard"


async def guard(state: CampaignState, runtime: Runtime[SalesContext]) -> CampaignState:
    """A paused campaign sleeps and looks again; everything else is asked when the mail is sent."""
    campaign = await read_campaign(await open_database(), state["campaign_id"])
    paused = campaign.paused_at is not None or (await _policy(state, runtime)).paused
    if paused:
        return _sleep("CampaignPaused", _now(state) + _LATER)
    return {"status": "running"}


async def generate_touch(state: CampaignState, runtime: Runtime[SalesContext]) -> CampaignState:
    """Draft the next touch with email_outreach, unless it is in the outbox already."""
    context, database = read_context(runtime.context), await open_database()
    policy, touch_no = await _policy(state, runtime), state.get("touch_no", 0) + 1
    key = (state["campaign_id"], state["contact_id"], touch_no)
    known = await show(database, *key)
    if known is None:
        draft = await _OUTREACH.ainvoke(
            {
                "contact_id": state["contact_id"],
                "campaign_id": state["campaign_id"],
                "product_id": state.get("product_id") or "",
                "touch_no": touch_no,
                "thread_subject": state.get("thread_subject") or "",
            },
            context=context,
        )
        if draft.get("skip_reason"):
            return _stop(draft["skip_reason"])
        known = await plan_draft(database, *key, draft, state.get("touches") or [], _now(state))
    hold = draft_is_due(known, policy.require_approval)
    return {"draft": known, "approved": None, "status": "needs_approval" if hold else "running"}


async def approval(state: CampaignState) -> CampaignState:
    """Hold the draft for a person: resume with {"approved": true | false, "by"?, "subject"?,

    "text"?}; a subject or text takes the place of the draft's.
    """
    draft = state.get("draft") or {}
    answer = interrupt(
        {
            "status": "needs_approval",
            "touch_no": state.get("touch_no", 0) + 1,
            "subject": draft.get("subject"),
            "text": draft.get("text"),
        }
    )
    return {"event": dict(answer) if isinstance(answer, Mapping) else {"approved": answer}}


async def settle(state: CampaignState) -> CampaignState:
    """What the answer means: go, stop, or ask again."""
    event, database = _event(state), await open_database()
    campaign_id, contact_id = state["campaign_id"], state["contact_id"]
    await record_news(database, campaign_id, contact_id, event, _now(state))
    news = await read_news(database, contact_id, _now(state))
    refused = event.get("approved") is False
    reason = news.stop_reason or ("ApprovalRefused" if refused else None)
    if reason:
        await cancel(database, campaign_id, contact_id, reason, _now(state))
        return _stop(reason)
    if event.get("approved") is not True:
        return {"approved": None}
    touch_no = state.get("touch_no", 0) + 1
    draft = await approve(database, campaign_id, contact_id, touch_no, event, _now(state))
    return {"approved": True, "draft": draft, "status": "running"}


async def send_touch(state: CampaignState, runtime: Runtime[SalesContext]) -> CampaignState:
    """One attempt to send it; safe to run twice, since the outbox's row is claimed first."""
    context, now = read_context(runtime.context), _now(state)
    await asyncio.sleep(float(context.get("send_gap_seconds", 0)))
    touch_no = state.get("touch_no", 0) + 1
    key = (state["campaign_id"], state["contact_id"], touch_no)
    touch, sending = await send(await open_database(), *key, context, now)
    if touch["status"] in ("sent", "planned"):
        return {"result": touch, "status": "running"}
    if sending is None or sending.status == "suppressed":
        return _stop((sending and sending.reason) or "Suppressed")
    if sending.status == "failed":
        return _stop("SendFailed")
    if sending.reason == "ApprovalMissing":
        return {"status": "needs_approval", "result": None}
    reason = sending.reason if sending.status != "unknown" else "SendUnknown"
    return _sleep(reason or "Deferred", sending.retry_at or now + _LATER)


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
    wake = plan_wake(await _policy(state, runtime), state.get("touch_no", 0), _now(state))
    if wake is None:
        return {"status": "done", "wake_at": None, "reason": None, "event": {}}
    return _sleep(None, wake)


async def wait(state: CampaignState) -> CampaignState:
    """Sleep until ``wake_at``, when the server resumes the thread by itself; or until resumed

    earlier: {"now"?, "reply"?, "unsubscribed"?, "bounced"?, "skip_wait"?}.
    """
    answer = interrupt(
        {
            "status": "waiting",
            "touch_no": state.get("touch_no", 0),
            "reason": state.get("reason"),
            "wake_at": state.get("wake_at"),
        }
    )
    return {"event": dict(answer) if isinstance(answer, Mapping) else {}}


async def _policy(state: CampaignState, runtime: Runtime[SalesContext]) -> Policy:
    """The campaign's own policy, with what the caller sent laid over it."""
    campaign = await read_campaign(await open_database(), state["campaign_id"])
    given = {**(campaign.policy or {}), **(state.get("policy") or {})}
    return read_policy(given, read_context(runtime.context))


def _sleep(reason: str | None, wake: datetime) -> CampaignState:
    return {"status": "waiting", "reason": reason, "wake_at": wake.isoformat(), "event": {}}


def _stop(reason: str) -> CampaignState:
    return {
        "status": "stopped", "stop_reason": reason, "reason": None, "wake_at": None, "draft": None,
        "event": {},
    }  # fmt: skip
