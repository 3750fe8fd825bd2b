"""The campaign thread: waits, resumes, stops, and plans every touch once."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import MemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command
from sqlalchemy import select

from graphs.campaign_graph import build_campaign_graph
from graphs.campaign_graph.policy import find_stop_reason, plan_wake, read_policy
from graphs.sales.clock import read_now
from graphs.sales.data import Database
from graphs.sales.data.happenings import record_event
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import find_suppression
from graphs.sales.data.tables import Campaign, Contact, Event, Touch

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
def graph(database: Database) -> Any:
    return build_campaign_graph(MemorySaver())


@pytest.fixture
def context() -> dict[str, Any]:
    return {"sender_name": "Sam Lee"}


async def rows(database: Database) -> list[tuple[int | None, str]]:
    async with database.read() as session:
        touches = await session.scalars(select(Touch).order_by(Touch.touch_no))
        return [(touch.touch_no, touch.state) for touch in touches]


async def tell(database: Database, kind: str, now: datetime, **data: Any) -> None:
    async with database.begin() as session:
        await record_event(session, f"{kind}:1", kind, now=now, contact_id="42", **data)


async def resume(graph: Any, context: dict[str, Any], **value: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await graph.ainvoke(Command(resume=value), _CONFIG, context=context)
    return answer


async def test_the_first_touch_goes_out_at_once(
    graph: Any, context: dict[str, Any], database: Database
) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    assert answer["status"] == "waiting"
    assert answer["touch_no"] == 1
    assert answer["wake_at"] == "2026-11-26T09:00:00+00:00"
    assert answer["__interrupt__"][0].value["wake_at"] == answer["wake_at"]
    assert await rows(database) == [(1, "planned")]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_it_runs_under_every_durability(
    graph: Any, context: dict[str, Any], durability: str
) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context, durability=durability)
    wake: Any = Command(resume={"now": answer["wake_at"]})
    answer = await graph.ainvoke(wake, _CONFIG, context=context, durability=durability)
    assert answer["touch_no"] == 2


async def test_six_touches_end_the_campaign(
    graph: Any, context: dict[str, Any], database: Database
) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    while answer["status"] == "waiting":
        answer = await resume(graph, context, now=answer["wake_at"])
    assert answer["status"] == "done"
    assert [row[0] for row in await rows(database)] == [1, 2, 3, 4, 5, 6]


async def test_later_touches_are_replies_in_the_thread(graph: Any, context: dict[str, Any]) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    answer = await resume(graph, context, now=answer["wake_at"])
    first, second = answer["touches"]
    assert second["subject"] == f"Re: {first['subject']}"


async def test_an_early_resume_waits_on(
    graph: Any, context: dict[str, Any], database: Database
) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    again = await resume(graph, context, now="2026-11-24T09:00:00Z")
    assert again["status"] == "waiting"
    assert again["wake_at"] == answer["wake_at"]
    assert len(await rows(database)) == 1


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
    graph: Any, context: dict[str, Any], database: Database, event: dict[str, Any], reason: str
) -> None:
    await graph.ainvoke(campaign(), _CONFIG, context=context)
    answer = await resume(graph, context, now="2027-01-01T09:00:00Z", **event)
    assert (answer["status"], answer["stop_reason"]) == ("stopped", reason)
    again = await graph.ainvoke(campaign(), _CONFIG, context=context)
    assert (again["status"], again["stop_reason"]) == ("stopped", reason)
    assert len(await rows(database)) == 1


async def test_a_vacation_reply_does_not_stop_it(graph: Any, context: dict[str, Any]) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    reply = {"text": "I am out of the office until Monday with limited access to email."}
    again = await resume(graph, context, now=_START, reply=reply)
    assert (again["status"], again["wake_at"]) == ("waiting", answer["wake_at"])


async def test_a_touch_waits_for_approval(
    graph: Any, context: dict[str, Any], database: Database
) -> None:
    held = campaign(policy={"require_approval": True, "delays_days": [0, 3]})
    answer = await graph.ainvoke(held, _CONFIG, context=context)
    assert (answer["status"], answer["touch_no"]) == ("needs_approval", 0)
    assert "Hi Ada" in answer["__interrupt__"][0].value["text"]
    assert await rows(database) == [(1, "planned")]
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


async def test_an_approval_may_bring_other_words(
    graph: Any, context: dict[str, Any], database: Database
) -> None:
    await graph.ainvoke(campaign(policy={"require_approval": True}), _CONFIG, context=context)
    await resume(graph, context, approved=True, by="kim", text="Shorter.", now=_START)
    async with database.read() as session:
        touch = (await session.scalars(select(Touch))).one()
    assert (touch.approved_by, touch.text, touch.html) == ("kim", "Shorter.", "<p>Shorter.</p>")


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("replied", {}, "Replied"),
        ("unsubscribed", {}, "Unsubscribed"),
        ("complained", {}, "Unsubscribed"),
        ("bounced", {"class": "hard"}, "Bounced"),
    ],
)
async def test_what_the_database_heard_stops_it_at_the_next_tick(
    graph: Any,
    context: dict[str, Any],
    database: Database,
    now: datetime,
    kind: str,
    data: dict[str, Any],
    reason: str,
) -> None:
    await graph.ainvoke(campaign(), _CONFIG, context=context)
    await tell(database, kind, now, **data)
    answer = await graph.ainvoke(Command(resume=True), _CONFIG, context=context)
    assert (answer["status"], answer["stop_reason"]) == ("stopped", reason)
    assert await rows(database) == [(1, "cancelled")]


async def test_a_soft_bounce_stops_nothing(
    graph: Any, context: dict[str, Any], database: Database, now: datetime
) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    await tell(database, "bounced", now, **{"class": "soft"})
    answer = await resume(graph, context, now=answer["wake_at"])
    assert answer["touch_no"] == 2


async def test_a_vacation_shifts_the_next_touch(
    graph: Any, context: dict[str, Any], database: Database, now: datetime
) -> None:
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    until = now + timedelta(days=10)
    await tell(database, "auto_replied", now, until=until.isoformat())
    answer = await resume(graph, context, now=answer["wake_at"])
    assert (answer["touch_no"], answer["wake_at"]) == (1, until.isoformat())
    answer = await resume(graph, context, now=answer["wake_at"])
    assert answer["touch_no"] == 2


async def test_a_paused_campaign_sleeps_and_goes_on(
    graph: Any, context: dict[str, Any], database: Database, now: datetime
) -> None:
    rows = "campaigns: [{id: '7', name: Spring, paused_at: 2026-11-23T00:00:00+00:00}]"
    await load_rows(database, rows, now)
    answer = await graph.ainvoke(campaign(), _CONFIG, context=context)
    assert (answer["status"], answer["reason"], answer["touch_no"]) == (
        "waiting",
        "CampaignPaused",
        0,
    )
    async with database.begin() as session:
        (await session.get_one(Campaign, "7")).paused_at = None
    answer = await resume(graph, context, now=answer["wake_at"])
    assert (answer["touch_no"], answer["reason"]) == (1, None)


async def test_the_rows_of_the_database_need_nothing_inline(
    graph: Any, context: dict[str, Any], database: Database, now: datetime
) -> None:
    text = """
    products: [{id: desk, name: Northwind Desk, value_proposition: it halves the time to answer}]
    campaigns: [{id: "7", name: Spring, product_id: desk, policy: {delays_days: [0, 1]}}]
    companies: [{id: acme, name: Acme}]
    contacts: [{id: "42", company_id: acme, name: Ada Okafor, email: ada@acme.example}]
    """
    await load_rows(database, text, now)
    given = {"campaign_id": "7", "contact_id": "42", "event": {"now": _START}}
    answer = await graph.ainvoke(given, _CONFIG, context=context)
    assert answer["wake_at"] == "2026-11-24T09:00:00+00:00"
    assert "Northwind Desk" in answer["touches"][0]["subject"]


async def test_an_address_of_somebody_else_is_told(
    graph: Any, context: dict[str, Any], database: Database, now: datetime
) -> None:
    await load_rows(database, "contacts: [{id: ada, email: ada@acme.example}]", now)
    with pytest.raises(ValueError, match="belongs to contact ada"):
        await graph.ainvoke(campaign(), _CONFIG, context=context)


async def test_what_a_caller_tells_is_known_to_every_campaign(
    graph: Any, context: dict[str, Any], database: Database
) -> None:
    await graph.ainvoke(campaign(), _CONFIG, context=context)
    await resume(graph, context, unsubscribed=True)
    salt = await database.read_salt()
    async with database.read() as session:
        assert [event.kind for event in await session.scalars(select(Event))] == ["unsubscribed"]
        assert await find_suppression(session, "ada@acme.example", salt)


async def test_inline_facts_become_rows_with_their_source(
    graph: Any, context: dict[str, Any], database: Database
) -> None:
    await graph.ainvoke(campaign(company={"name": "Acme", "size": "40"}), _CONFIG, context=context)
    async with database.read() as session:
        contact = await session.get_one(Contact, "42")
    assert contact.provenance["name"]["source"] == "person"
    assert contact.company_id is not None


async def test_a_thread_goes_on_from_another_process_file(
    tmp_path: Path, context: dict[str, Any], database: Database
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
        ({"contact_id": "42", "contact": _CONTACT}, "Send campaign_id and contact_id"),
        ({"campaign_id": "7", "contact": _CONTACT}, "Send campaign_id and contact_id"),
        ({"campaign_id": "7", "contact_id": "42"}, "load it first, or send contact inline"),
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
