"""The nodes of opportunity. The interrupt has a node of its own: a node restarts on resume."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from graphs.opportunity_graph.deals import find_reply, open_deal, store_move
from graphs.opportunity_graph.policy import (
    ENDS,
    Event,
    Move,
    hear,
    make_task,
    plan_move,
    plan_opening,
    plan_quiet,
    read_event,
)
from graphs.opportunity_graph.state import OpportunityState
from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.remote import CallFailed, call_graph
from graphs.sales.settings import clean

_LOG = logging.getLogger(__name__)
_LONGEST_ID = 64
_MOST_HEARD = 200
_PREFIX = "opp-"


async def open_opportunity(state: OpportunityState, config: RunnableConfig) -> OpportunityState:
    """The row is there afterwards, and the state says what it says."""
    thread = str((config.get("configurable") or {}).get("thread_id") or "")
    named = thread.removeprefix(_PREFIX) if thread.startswith(_PREFIX) else ""
    opportunity_id = clean(state.get("opportunity_id")) or named
    if not 0 < len(opportunity_id) <= _LONGEST_ID:
        raise ValueError(
            "Send opportunity_id, at most 64 characters, or use the thread opp-<opportunity_id>."
        )
    names = ("contact_id", "campaign_id", "product_id", "owner")
    given = {name: clean(state.get(name))[:200] for name in names}
    read_event(state.get("event"))
    row = await open_deal(await open_database(), opportunity_id, given, _now(state))
    return {
        "opportunity_id": opportunity_id, "stage": row.stage, "next_step": row.next_step,
        "wake_at": row.wake_at.isoformat() if row.wake_at else None,
        "owner_task": row.owner_task, "reason": state.get("reason"), "errors": [],
    }  # fmt: skip


async def read_news(state: OpportunityState) -> OpportunityState:
    """What happened, and where it leads; a reply is read by classify_reply in its own pool."""
    event, now, stage = read_event(state.get("event")), _now(state), state["stage"]
    if event is None:
        return {"move": _pack(_plan_silence(state, now))}
    errors: list[str] = []
    if event.kind == "reply":
        if event.message_id in (state.get("heard") or []):
            return {"move": None}
        found = await find_reply(await open_database(), event.message_id)
        if found is None:
            text = f"No mail {event.message_id} is in the database: run reply_check first."
            return {"move": None, "errors": [text]}
        event, errors = await _classify(state["opportunity_id"], event)
    move = plan_move(stage, event, now)
    return {"move": _pack(move), "heard": _hear(state, event), "errors": errors}


async def write_draft(state: OpportunityState) -> OpportunityState:
    """The mail that the move asks for, written by the email pool; nothing is sent."""
    move, event = _unpack(state["move"]), read_event(state.get("event"))
    try:
        if move.draft == "answer" and event is not None:
            draft = await _draft_answer(state["opportunity_id"], event.message_id)
        else:
            draft = await _draft_follow_up(state["opportunity_id"], move.quiet_times)
    except CallFailed as error:
        _LOG.warning("no draft was written", extra={"error": error.kind})
        return {"draft": None, "errors": [*(state.get("errors") or []), str(error)]}
    return {"draft": draft if draft["body"] else None}


async def record(state: OpportunityState) -> OpportunityState:
    """Store the move; written twice it is the same."""
    move, now, database = _unpack(state["move"]), _now(state), await open_database()
    event = read_event(state.get("event"))
    is_reply = event is not None and event.kind == "reply"
    reply = await find_reply(database, event.message_id) if event and is_reply else None
    task = make_task(move, now, state.get("draft"))
    kind = event.kind if event else "quiet"
    await store_move(database, state["opportunity_id"], move, kind, task, reply, now)
    return {
        "stage": move.stage, "next_step": move.next_step or None,
        "wake_at": move.wake_at.isoformat() if move.wake_at else None,
        "owner_task": task, "reason": move.reason, "quiet_times": move.quiet_times,
        "move": None, "draft": None, "event": {}, "now": "",
    }  # fmt: skip


async def rest(state: OpportunityState) -> OpportunityState:
    """Nothing changed."""
    return {"stage": state["stage"], "event": {}, "now": ""}


async def wait(state: OpportunityState) -> OpportunityState:
    """Sleep until ``wake_at``, when the server resumes the thread by itself; or until resumed

    earlier with an event: {"kind": "won"}, or {"event": {...}, "now"?}.
    """
    names = ("opportunity_id", "stage", "next_step", "wake_at", "owner_task", "errors")
    answer = interrupt({"status": "waiting", **{name: state.get(name) for name in names}})
    if not isinstance(answer, Mapping):
        return {"event": {}, "now": "", "errors": []}
    event = answer.get("event") if isinstance(answer.get("event"), Mapping) else answer
    try:
        # An answer that fails would be the answer for good: what cannot be read is told instead.
        read_event(event)
        now = read_now(answer.get("now")).isoformat()
    except ValueError as error:
        return {"event": {}, "now": "", "errors": [str(error)]}
    return {"event": dict(event or {}), "now": now, "errors": []}


def choose_after_news(state: OpportunityState) -> str:
    """draft, record, rest or end."""
    if state.get("move") is None:
        return "end" if state["stage"] in ENDS else "rest"
    return "draft" if _unpack(state["move"]).draft else "record"


def choose_after_record(state: OpportunityState) -> str:
    """A deal that is won or lost has nothing to wait for."""
    return "end" if state["stage"] in ENDS else "wait"


async def _classify(opportunity_id: str, event: Event) -> tuple[Event, list[str]]:
    """The reply as classify_reply reads it; unread, with the reason, where nobody could."""
    given = {"message_id": event.message_id}
    try:
        answer = await call_graph("classify_reply", given, scope=opportunity_id)
    except CallFailed as error:
        _LOG.warning("a reply was not classified", extra={"error": error.kind})
        return event, [str(error)]
    return hear(answer, event), []


async def _draft_answer(opportunity_id: str, message_id: str) -> dict[str, Any]:
    answer = await call_graph("email_reply", {"message_id": message_id}, scope=opportunity_id)
    found = await find_reply(await open_database(), message_id)
    return {
        "subject": clean(answer.get("subject")),
        "body": str(answer.get("body") or ""),
        "in_reply_to": found[1].message_id if found else None,
        "needs_approval": bool(answer.get("needs_approval", True)),
        "reasons": answer.get("approval_reasons") or [],
    }


async def _draft_follow_up(opportunity_id: str, quiet_times: int) -> dict[str, Any]:
    # Each quiet time is another mail: without the number it would be the same call.
    scope = f"{opportunity_id}.{quiet_times}"
    given = {"opportunity_id": opportunity_id}
    answer = await call_graph("email_opportunity", given, scope=scope)
    return {
        "subject": clean(answer.get("subject")),
        "body": str(answer.get("body") or ""),
        "in_reply_to": answer.get("in_reply_to"),
        "needs_approval": True,
        "reasons": [],
    }


def _plan_silence(state: OpportunityState, now: datetime) -> Move | None:
    """Nobody told anything: the deal is new, or its time is up, or neither."""
    stage, wake = state["stage"], state.get("wake_at")
    if stage in ENDS:
        return None
    if wake:
        is_due = now >= read_now(wake)
        return plan_quiet(stage, state.get("quiet_times", 0), now) if is_due else None
    return plan_opening(now) if stage == "new" and not state.get("owner_task") else None


def _hear(state: OpportunityState, event: Event) -> list[str]:
    heard = state.get("heard") or []
    return [*heard, event.message_id][-_MOST_HEARD:] if event.message_id else heard


def _now(state: OpportunityState) -> datetime:
    return read_now(state.get("now"))


def _pack(move: Move | None) -> dict[str, Any] | None:
    """A move as a checkpoint keeps it."""
    if move is None:
        return None
    wake = move.wake_at.isoformat() if move.wake_at else None
    return {**dataclasses.asdict(move), "wake_at": wake}


def _unpack(packed: Mapping[str, Any] | None) -> Move:
    assert packed is not None
    wake = read_now(packed["wake_at"]) if packed["wake_at"] else None
    return Move(**{**packed, "wake_at": wake})
