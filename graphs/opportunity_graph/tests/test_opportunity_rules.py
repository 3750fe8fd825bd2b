"""How a deal moves, by rules alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from graphs.opportunity_graph.policy import (
    EVENTS,
    FOLLOW_UPS,
    STAGES,
    Event,
    hear,
    make_task,
    plan_move,
    plan_opening,
    plan_quiet,
    read_event,
)


@pytest.mark.parametrize(
    ("stage", "label", "ahead", "task"),
    [
        ("new", "interested", "qualified", "send_answer"),
        ("silent", "info_request", "qualified", "send_answer"),
        ("proposal", "referral", "proposal", "send_answer"),
        ("new", "", "new", "read_reply"),
        ("meeting", "not_now", "meeting", None),
        ("proposal", "not_interested", "lost", None),
        ("new", "unsubscribe", "lost", None),
    ],
)
def test_a_reply_moves_the_deal_by_what_it_says(
    stage: str, label: str, ahead: str, task: str | None, now: datetime
) -> None:
    move = plan_move(stage, Event("reply", "m1", label), now)
    assert move is not None
    assert (move.stage, move.task) == (ahead, task)


@pytest.mark.parametrize("label", ["not_interested", "interested", "bounce", "unclear"])
def test_a_guess_at_what_a_reply_says_is_left_to_a_person(label: str, now: datetime) -> None:
    read = hear({"label": label, "next_action": "ask_a_person"}, Event("reply", "m1"))
    move = plan_move("proposal", read, now)
    assert move is not None
    assert (move.stage, move.task) == ("proposal", "read_reply")


def test_a_reply_is_heard_as_it_was_read(now: datetime) -> None:
    answer = {"label": "not_now", "next_action": "follow_up_later", "again_on": "2026-12-24"}
    read = hear(answer, Event("reply", "m1"))
    assert (read.kind, read.message_id, read.label) == ("reply", "m1", "not_now")
    assert read.at == now.replace(month=12, day=24, hour=0)


@pytest.mark.parametrize("label", ["auto_reply", "bounce"])
def test_a_machine_moves_nothing(label: str, now: datetime) -> None:
    assert plan_move("new", Event("reply", "m1", label), now) is None


@pytest.mark.parametrize("stage", ["won", "lost"])
@pytest.mark.parametrize("kind", EVENTS)
def test_a_deal_that_ended_stays_so(stage: str, kind: str, now: datetime) -> None:
    assert plan_move(stage, Event(kind, "m1", "interested", now), now) is None


def test_not_now_is_asked_again_on_the_day_it_names_or_in_a_quarter(now: datetime) -> None:
    day = now + timedelta(days=20)
    moves = [plan_move("new", Event("reply", "m1", "not_now", at), now) for at in (day, None)]
    assert [move and move.wake_at for move in moves] == [day, now + timedelta(days=90)]


@pytest.mark.parametrize("stage", [each for each in STAGES if each not in ("won", "lost")])
def test_every_open_stage_comes_to_a_person_in_the_end(stage: str, now: datetime) -> None:
    times, waits = 0, []
    while (move := plan_quiet(stage, times, now)).wake_at is not None:
        waits.append(move.wake_at)
        times = move.quiet_times
    assert len(waits) == FOLLOW_UPS
    assert waits == sorted(set(waits))
    assert (move.stage, move.task) == ("silent", "call_or_close")


def test_every_stage_that_a_move_leads_to_is_known(now: datetime) -> None:
    labels = ("interested", "not_now", "not_interested", "unsubscribe", "")
    events = [Event("reply", "m", label) for label in labels]
    events += [Event(kind, "", "", now) for kind in EVENTS if kind != "reply"]
    moves = [plan_move(stage, event, now) for stage in STAGES for event in events]
    assert {move.stage for move in moves if move} <= set(STAGES)


def test_a_meeting_is_held_when_it_is(now: datetime) -> None:
    at = now + timedelta(days=3)
    move = plan_move("qualified", Event("meeting", at=at), now)
    assert move is not None
    assert make_task(move, now, None) == {"kind": "hold_meeting", "due": at.isoformat()}


def test_a_task_carries_the_draft(now: datetime) -> None:
    move = plan_move("new", Event("reply", "m", "interested"), now)
    assert move is not None
    task = make_task(move, now, {"subject": "Re: x"})
    assert task is not None
    assert (task["kind"], task["draft"]) == ("send_answer", {"subject": "Re: x"})


def test_an_opening_leaves_nothing_to_do_and_looks_again(now: datetime) -> None:
    move = plan_opening(now)
    assert make_task(move, now, None) is None
    assert move.wake_at == now + timedelta(days=2)


def test_events_are_read_strictly() -> None:
    assert read_event(None) is None
    assert read_event({"look": True}) is None
    with pytest.raises(ValueError, match="send one of reply"):
        read_event({"kind": "signed"})
