"""The campaign thread: waits, resumes, stops, and writes every touch once."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import MemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphs.campaign_graph import build_campaign_graph
from graphs.campaign_graph.nodes import send_touch
from graphs.campaign_graph.policy import find_stop_reason, plan_wake, read_policy
from graphs.sales.clock import read_now
from graphs.sales.outbox import make_message_id

_START = "2026-11-23T09:00:00+00:00"
_CONTACT = {"name": "Ada Okafor", "email": "ada@acme.example", "company": "Acme"}
_CONFIG: dict[str, Any] = {"configurable": {"thread_id": "campaign-7-42"}}


def campaign(**more: Any) -> dict[str, Any]:
    return {
        "campaign_id": "7",
        "contact_id": "42",
        "contact": _CONTACT,
        "event": {"now": _START},
        **more,
    }


@pytest.fixture
def graph() -> Any:
    return build_campaign_graph(MemorySaver())


@pytest.fixture
def context(tmp_path: Path) -> dict[str, Any]:
    outbox = str(tmp_path / "outbox.sqlite")
    return {"sender_name": "Sam Lee", "sending_domain": "us.example", "outbox": outbox}


def rows(context: dict[str, Any]) -> list[tuple[Any, ...]]:
    with sqlite3.connect(context["outbox"]) as database:
        found = database.execute("SELECT touch_no, message_id, state, claims FROM outbox")
        result = found.fetchall()
    database.close()
    return result


async def resume(graph: Any, context: dict[str, Any], **value: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await graph.ainvoke(Command(resume=value), _CONFIG, context=context)
    return answer


async def test_the_first_touch_goes_out_at_once(graph: Any, context: dict[str, Any]) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    assert answer["status"] == "waiting"
    assert answer["touch_no"] == 1
    assert answer["wake_at"] == "2026-11-26T09:00:00+00:00"
    assert answer["__interrupt__"][0].value["wake_at"] == answer["wake_at"]
    assert rows(context) == [(1, "<t1.7.42.1@us.example>", "written", 1)]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_it_runs_under_every_durability(
    graph: Any, context: dict[str, Any], durability: str
) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context, durability=durability)
    wake = Command(resume={"now": answer["wake_at"]})
    answer = await graph.ainvoke(wake, _CONFIG, context=context, durability=durability)
    assert answer["touch_no"] == 2


async def test_six_touches_end_the_campaign(graph: Any, context: dict[str, Any]) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    while answer["status"] == "waiting":
        answer = await resume(graph, context, now=answer["wake_at"])
    assert answer["status"] == "done"
    assert [row[0] for row in rows(context)] == [1, 2, 3, 4, 5, 6]


async def test_later_touches_are_replies_in_the_thread(graph: Any, context: dict[str, Any]) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    answer = await resume(graph, context, now=answer["wake_at"])
    first, second = answer["touches"]
    assert second["subject"] == f"Re: {first['subject']}"


async def test_an_early_resume_waits_on(graph: Any, context: dict[str, Any]) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    again = await resume(graph, context, now="2026-11-24T09:00:00Z")
    assert again["status"] == "waiting"
    assert again["wake_at"] == answer["wake_at"]
    assert len(rows(context)) == 1


async def test_a_bare_wake_up_goes_by_the_clock(graph: Any, context: dict[str, Any]) -> None:
    past = campaign(event={"now": "2020-01-01T09:00:00Z"})
    await graph.ainvoke(past, _CONFIG, context=context)
    answer = await graph.ainvoke(Command(resume=True), _CONFIG, context=context)
    assert answer["touch_no"] == 2


async def test_skip_wait_sends_before_the_time(graph: Any, context: dict[str, Any]) -> None:
    await graph.ainvoke(campaign(), _CONFIG, context=context)
    answer = await resume(graph, context, now=_START, skip_wait=True)
    assert answer["touch_no"] == 2


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"reply": {"text": "Sounds good, let's talk."}}, "Replied"),
        ({"reply": "No thanks."}, "Replied"),
        ({"reply": {"text": "Please unsubscribe me"}}, "Unsubscribed"),
        ({"unsubscribed": True}, "Unsubscribed"),
        ({"bounced": True}, "Bounced"),
        ({"reply": {"intent": "bounce"}}, "Bounced"),
    ],
)
async def test_an_answer_stops_the_campaign_for_good(
    graph: Any, context: dict[str, Any], event: dict[str, Any], reason: str
) -> None:
    await graph.ainvoke(campaign(), _CONFIG, context=context)
    answer = await resume(graph, context, now="2027-01-01T09:00:00Z", **event)
    assert (answer["status"], answer["stop_reason"]) == ("stopped", reason)
    again = await graph.ainvoke(campaign(), _CONFIG, context=context)
    assert (again["status"], again["stop_reason"]) == ("stopped", reason)
    assert len(rows(context)) == 1


async def test_a_vacation_reply_does_not_stop_it(graph: Any, context: dict[str, Any]) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    reply = {"text": "I am out of the office until Monday with limited access to email."}
    again = await resume(graph, context, now=_START, reply=reply)
    assert (again["status"], again["wake_at"]) == ("waiting", answer["wake_at"])


async def test_a_touch_waits_for_approval(graph: Any, context: dict[str, Any]) -> None:
    held = campaign(policy={"require_approval": True, "delays_days": [0, 3]})
    answer = await graph.ainvoke(held, _CONFIG, context=context)
    assert (answer["status"], answer["touch_no"]) == ("needs_approval", 0)
    assert "Hi Ada" in answer["__interrupt__"][0].value["text"]
    assert not Path(context["outbox"]).exists()
    answer = await resume(graph, context, approved=True, now=_START)
    assert (answer["status"], answer["touch_no"]) == ("waiting", 1)


async def test_a_resume_without_an_answer_keeps_the_touch_held(
    graph: Any, context: dict[str, Any]
) -> None:
    await graph.ainvoke(campaign(policy={"require_approval": True}), _CONFIG, context=context)
    answer = await resume(graph, context, now="2027-01-01T09:00:00Z")
    assert (answer["status"], answer["touch_no"]) == ("needs_approval", 0)


async def test_a_refused_touch_stops_it(graph: Any, context: dict[str, Any]) -> None:
    await graph.ainvoke(campaign(policy={"require_approval": True}), _CONFIG, context=context)
    answer = await resume(graph, context, approved=False)
    assert (answer["status"], answer["stop_reason"]) == ("stopped", "ApprovalRefused")


async def test_a_reply_wins_over_a_pending_approval(graph: Any, context: dict[str, Any]) -> None:
    await graph.ainvoke(campaign(policy={"require_approval": True}), _CONFIG, context=context)
    answer = await resume(graph, context, approved=True, reply="Not interested.")
    assert answer["stop_reason"] == "Replied"


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        ({"suppressed": True}, "Suppressed"),
        ({"email": ""}, "NoAddress"),
        ({"bounced": 1}, "Bounced"),
    ],
)
async def test_the_guard_keeps_mail_from_those_who_must_not_get_it(
    graph: Any, context: dict[str, Any], contact: dict[str, Any], reason: str
) -> None:
    given = campaign(contact={**_CONTACT, **contact})
    answer = await graph.ainvoke(given, _CONFIG, context=context)
    assert (answer["status"], answer["stop_reason"]) == ("stopped", reason)


async def test_without_an_outbox_a_touch_is_only_planned(graph: Any) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context={})
    assert answer["touches"][0]["status"] == "planned"


async def test_sending_the_same_touch_twice_writes_it_once(context: dict[str, Any]) -> None:
    state: Any = {**campaign(), "draft": {"subject": "Hello", "text": "Hi", "html": "<p>Hi</p>"}}
    runtime = Runtime(context=context)
    first = await send_touch(state, runtime)
    second = await send_touch(state, runtime)
    assert [r["result"]["status"] for r in (first, second) if r["result"]] == [
        "written",
        "duplicate",
    ]
    assert rows(context) == [(1, "<t1.7.42.1@us.example>", "written", 2)]


async def test_a_touch_claimed_by_a_killed_run_is_written_by_the_next(
    context: dict[str, Any],
) -> None:
    state: Any = {**campaign(), "draft": {"subject": "Hello", "text": "Hi", "html": ""}}
    await send_touch(state, Runtime(context=context))
    with sqlite3.connect(context["outbox"]) as database:
        database.execute("UPDATE outbox SET state = 'claimed', mail = NULL, written_at = NULL")
    database.close()
    again = await send_touch(state, Runtime(context=context))
    assert again["result"] is not None
    assert again["result"]["status"] == "written"
    assert len(rows(context)) == 1


async def test_a_thread_goes_on_from_another_process_file(
    tmp_path: Path, context: dict[str, Any]
) -> None:
    path = str(tmp_path / "checkpoints.sqlite")
    async with AsyncSqliteSaver.from_conn_string(path) as saver:
        answer = await build_campaign_graph(saver).ainvoke(campaign(), _CONFIG, context=context)
    async with AsyncSqliteSaver.from_conn_string(path) as saver:
        answer = await resume(build_campaign_graph(saver), context, now=answer["wake_at"])
    assert answer["touch_no"] == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"contact_id": "42", "contact": _CONTACT}, "Send campaign_id"),
        ({"campaign_id": "7", "contact": _CONTACT}, "Send contact_id"),
        ({"campaign_id": "7", "contact_id": "42"}, "Send contact inline"),
        (campaign(policy={"touches": 0}), "1 to 50 touches"),
        (campaign(policy={"delays_days": ["soon"]}), "list of numbers"),
        (campaign(event={"now": "soon"}, policy={"delays_days": [0]}), "ISO 8601"),
    ],
)
async def test_invalid_input_says_what_to_send(
    graph: Any, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given, _CONFIG, context={})


def test_delays_in_seconds_are_taken_as_they_are() -> None:
    policy = read_policy({"delays_seconds": [0, 5], "touches": 3}, {})
    assert policy.delays_seconds == (0, 5, 5)


def test_nothing_is_planned_after_the_last_touch() -> None:
    assert plan_wake(read_policy({"delays_days": [0]}, {}), 1, read_now(_START)) is None


def test_an_empty_event_stops_nothing() -> None:
    assert find_stop_reason({}) is None


def test_message_ids_of_different_contacts_differ() -> None:
    ids = {make_message_id("7", contact, 1, 1, "us.example") for contact in ("a.b", "a b", "ab")}
    assert len(ids) == 3
