"""How an opportunity moves from stage to stage. Pure; time comes in as an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from graphs.sales.clock import read_now
from graphs.sales.settings import clean

STAGES = ("new", "qualified", "meeting", "proposal", "negotiation", "silent", "won", "lost")
ENDS = frozenset({"won", "lost"})
EVENTS = ("reply", "meeting", "proposal", "negotiation", "won", "lost")
# How long each stage may be quiet before somebody writes again.
QUIET_DAYS: Mapping[str, int] = {
    "new": 2, "qualified": 3, "meeting": 1, "proposal": 5, "negotiation": 4,
}  # fmt: skip
# Mails to somebody who does not answer, before a person decides what becomes of it.
FOLLOW_UPS = 3
_LATER_DAYS = 90
# What a reply says of the deal; other labels are no news of it.
_GOOD = frozenset({"interested", "info_request", "referral"})
_BAD: Mapping[str, str] = {"not_interested": "NotInterested", "unsubscribe": "Unsubscribed"}
_NO_NEWS = frozenset({"auto_reply", "bounce"})

Draft = Literal["answer", "follow_up"]


@dataclass(frozen=True)
class Event:
    """Something that happened. `label` is what a reply was read as; `at` when a meeting is, or
    from when on a reply wants to be asked again.
    """

    kind: str
    message_id: str = ""
    label: str = ""
    at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class Move:
    """What follows. `draft` is the mail to write; `task` what a person has to do, by `due`."""

    stage: str
    next_step: str
    wake_at: datetime | None = None
    task: str | None = None
    draft: Draft | None = None
    quiet_times: int = 0
    reason: str | None = None


def read_event(value: object) -> Event | None:
    """An event as callers send it: {kind, message_id?, at?, reason?}; None for none.

    Raises:
        ValueError: with what to send instead.
    """
    if not isinstance(value, Mapping) or not value.get("kind"):
        return None
    kind = clean(value.get("kind")).lower()
    if kind not in EVENTS:
        raise ValueError(f"event.kind is {kind[:40]!r}; send one of {', '.join(EVENTS)}.")
    message_id = clean(value.get("message_id"))
    if kind == "reply" and not message_id:
        raise ValueError("A reply has event.message_id: the id that reply_check gave.")
    at = read_now(value["at"]) if value.get("at") else None
    if kind == "meeting" and at is None:
        raise ValueError("A meeting has event.at: when it is, such as 2026-12-01T10:00:00Z.")
    return Event(kind, message_id, "", at, clean(value.get("reason"))[:200])


def hear(answer: Mapping[str, Any], event: Event) -> Event:
    """The reply as classify_reply reads it; without a label where a person has to look first."""
    is_sure = answer.get("next_action") != "ask_a_person"
    again = read_now(answer["again_on"]) if answer.get("again_on") else None
    return replace(event, label=clean(answer.get("label")) if is_sure else "", at=again)


def plan_opening(now: datetime) -> Move:
    """A deal that somebody opened without telling what happened."""
    return Move("new", "hear what they need", _later("new", now))


def plan_move(stage: str, event: Event, now: datetime) -> Move | None:
    """Where an event leads; None when it changes nothing.

    A deal that is won or lost stays so, whatever comes.
    """
    if stage in ENDS:
        return None
    match event.kind:
        case "reply":
            return _plan_reply(stage, event, now)
        case "meeting":
            assert event.at is not None
            return Move("meeting", "hold the meeting", event.at, "hold_meeting")
        case "won":
            return Move("won", "hand over to whoever delivers", None, "hand_over")
        case "lost":
            return Move("lost", "", reason=event.reason or "Lost")
    return Move(event.kind, f"hear about the {event.kind}", _later(event.kind, now))


def _plan_reply(stage: str, event: Event, now: datetime) -> Move | None:
    label = event.label
    if label in _NO_NEWS:
        return None
    if label in _BAD:
        return Move("lost", "", reason=_BAD[label])
    ahead = "qualified" if stage in ("new", "silent") else stage
    if label == "not_now":
        later = event.at if event.at and event.at > now else now + timedelta(days=_LATER_DAYS)
        return Move(stage, "write again when the time is better", later)
    if label in _GOOD:
        return Move(ahead, "answer the reply", _later(ahead, now), "send_answer", "answer")
    return Move(stage, "read the reply", _later(stage, now), "read_reply", "answer")


def plan_quiet(stage: str, quiet_times: int, now: datetime) -> Move:
    """The time is up and nothing came: write again, or ask a person after the last time.

    Args:
        quiet_times: how often that happened since somebody was heard.
    """
    times = quiet_times + 1
    if times > FOLLOW_UPS:
        step = "call, or close it as lost"
        return Move("silent", step, None, "call_or_close", quiet_times=times)
    step = "tell how the meeting went" if stage == "meeting" and times == 1 else "follow up"
    wake = now + timedelta(days=QUIET_DAYS.get(stage, 7) * 2**times)
    if step == "follow up":
        return Move(stage, step, wake, "send_follow_up", "follow_up", times)
    return Move(stage, step, wake, "note_outcome", quiet_times=times)


def make_task(move: Move, now: datetime, draft: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The owner's task of a move: {kind, due, draft?}; None when there is nothing to do."""
    if move.task is None:
        return None
    due = move.wake_at if move.task == "hold_meeting" else now + timedelta(days=1)
    task = {"kind": move.task, "due": due.isoformat() if due else None}
    return {**task, "draft": dict(draft)} if draft else task


def _later(stage: str, now: datetime) -> datetime:
    return now + timedelta(days=QUIET_DAYS.get(stage, 7))
