"""A deal through the real router: replies, meetings, quiet times, and the end of it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from graphs.sales.clock import read_now
from graphs.sales.data.load import load_rows
from graphs.sales.data.tables import Event, Message, Opportunity
from integration.orchestration.conftest import Sales

pytestmark = [
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),
]

# To come, so that no deal here is woken by the server itself.
START = "2036-11-23T09:00:00+00:00"
GOOD = "Hi Sam,\n\nwe are interested. What does it cost?\n"


async def run(sales: Sales, name: str, **given: Any) -> dict[str, Any]:
    answer = await sales.fleet.sdk.runs.wait(
        f"opp-{name}", "opportunity", input={"now": START, **given}, if_not_exists="create"
    )
    assert isinstance(answer, dict)
    return answer


async def tell(sales: Sales, name: str, **value: Any) -> dict[str, Any]:
    answer = await sales.fleet.sdk.runs.wait(
        f"opp-{name}", "opportunity", command={"resume": {"now": START, **value}}
    )
    assert isinstance(answer, dict)
    return answer


async def meet(sales: Sales, name: str, text: str = GOOD) -> dict[str, str]:
    """A contact and their reply; gives the input of their opportunity."""
    rows = f"contacts: [{{id: {name}, name: Dana, email: {name}@acme.example}}]"
    await load_rows(sales.database, rows, read_now(START))
    await add_reply(sales, name, f"{name}-1", text)
    return {"contact_id": name}


async def add_reply(sales: Sales, contact_id: str, message_id: str, text: str) -> None:
    head = f"From: Dana <d@acme.example>\nSubject: Re: Hello\nMessage-ID: <{message_id}@acme>\n"
    async with sales.database.begin() as session:
        session.add(
            Message(
                id=message_id, key=message_id, direction="in", kind="reply", at=read_now(START),
                contact_id=contact_id, message_id=f"<{message_id}@acme>", raw=f"{head}\n{text}",
            )
        )  # fmt: skip


async def read_row(sales: Sales, name: str) -> Opportunity:
    async with sales.database.read() as session:
        return await session.get_one(Opportunity, name)


async def test_a_good_reply_opens_a_deal_with_a_draft_for_its_owner(sales: Sales) -> None:
    given = await meet(sales, "good")
    opened = await run(
        sales, "good", **given, owner="kim", event={"kind": "reply", "message_id": "good-1"}
    )
    row = await read_row(sales, "good")
    assert (opened["stage"], opened["next_step"]) == ("qualified", "answer the reply")
    assert opened["owner_task"]["kind"] == "send_answer"
    assert opened["owner_task"]["draft"] == {
        "subject": "Re: Hello", "body": "Thanks.", "in_reply_to": "<good-1@acme>",
        "needs_approval": True, "reasons": [],
    }  # fmt: skip
    assert opened["wake_at"] == "2036-11-26T09:00:00+00:00"
    assert (row.stage, row.owner, row.message_id) == ("qualified", "kim", "good-1")
    assert row.data == {"last_message_id": "<good-1@acme>", "last_subject": "Re: Hello"}


async def test_the_same_reply_told_twice_is_answered_once(sales: Sales) -> None:
    given = await meet(sales, "twice")
    event = {"kind": "reply", "message_id": "twice-1"}
    first = await run(sales, "twice", **given, event=event)
    second = await run(sales, "twice", **given, event=event)
    assert second["owner_task"] == first["owner_task"]
    assert sales.calls()["email_reply twice-1"] == 1


async def test_a_refusal_loses_the_deal(sales: Sales) -> None:
    given = await meet(sales, "declined", "This is not for us.\n")
    lost = await run(
        sales, "declined", **given, event={"kind": "reply", "message_id": "declined-1"}
    )
    again = await run(sales, "declined", event={"kind": "won"})
    async with sales.database.read() as session:
        events = await session.scalars(select(Event.kind).where(Event.contact_id == "declined"))
        assert list(events) == ["lost"]
    assert (lost["stage"], lost["reason"]) == ("lost", "NotInterested")
    assert again["stage"] == "lost"


async def test_a_deal_that_hears_nothing_writes_three_times_and_then_asks_a_person(
    sales: Sales,
) -> None:
    given = await meet(sales, "quiet")
    answer = await run(sales, "quiet", **given, event={"kind": "reply", "message_id": "quiet-1"})
    kinds = []
    while answer["wake_at"]:
        answer = await tell(sales, "quiet", now=answer["wake_at"])
        kinds.append(answer["owner_task"]["kind"])
    assert kinds == ["send_follow_up"] * 3 + ["call_or_close"]
    assert answer["stage"] == "silent"
    assert sales.calls()["email_opportunity quiet"] == 3


async def test_an_early_wake_up_changes_nothing(sales: Sales) -> None:
    opened = await run(sales, "early", **await meet(sales, "early"))
    again = await tell(sales, "early")
    assert (opened["stage"], opened["owner_task"]) == ("new", None)
    assert again["wake_at"] == opened["wake_at"] == "2036-11-25T09:00:00+00:00"


async def test_a_deal_goes_by_meetings_and_proposals_to_won(sales: Sales) -> None:
    await run(sales, "won", **await meet(sales, "won"))
    met = await tell(sales, "won", kind="meeting", at="2036-12-01T10:00:00Z")
    noted = await tell(sales, "won", now="2036-12-01T10:00:00Z")
    offered = await tell(sales, "won", kind="proposal")
    won = await tell(sales, "won", kind="won")
    async with sales.database.read() as session:
        events = await session.scalars(select(Event.kind).where(Event.contact_id == "won"))
        assert sorted(events) == ["meeting", "won"]
    assert met["owner_task"] == {"kind": "hold_meeting", "due": "2036-12-01T10:00:00+00:00"}
    assert noted["owner_task"]["kind"] == "note_outcome"
    assert (offered["stage"], offered["wake_at"]) == ("proposal", "2036-11-28T09:00:00+00:00")
    assert (won["stage"], won["wake_at"]) == ("won", None)


async def test_a_resume_that_cannot_be_read_leaves_the_deal_as_it_was(sales: Sales) -> None:
    opened = await run(sales, "typo", **await meet(sales, "typo"))
    told = await tell(sales, "typo", kind="wonn")
    won = await tell(sales, "typo", kind="won")
    assert "send one of reply, meeting" in told["errors"][0]
    assert (told["stage"], told["wake_at"]) == ("new", opened["wake_at"])
    assert (won["stage"], won["errors"]) == ("won", [])


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("nobody", {}, "send contact_id"),
        ("x" * 70, {}, "at most 64 characters"),
        ("bad1", {"event": {"kind": "reply"}}, "event.message_id"),
        ("bad2", {"event": {"kind": "meeting"}}, "event.at"),
        ("bad3", {"event": {"kind": "meeting", "at": "soon"}}, "ISO 8601"),
    ],
)
async def test_invalid_input_says_what_to_send(
    sales: Sales, name: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(Exception, match=words):
        await run(sales, name, **given)
