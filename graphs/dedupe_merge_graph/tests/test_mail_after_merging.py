"""What mail does with a contact that was merged: its links, replies and bounces still count."""

from __future__ import annotations

import json
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import pytest_asyncio
from sqlalchemy import select

from graphs.bounce_process_graph import graph as bounce_process
from graphs.dedupe_merge_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import find_suppression
from graphs.sales.data.tables import Contact, Event, Touch
from graphs.sales.mailing.arrivals import sort_arrival
from graphs.sales.mailing.ingest import store
from graphs.sales.mailing.optout import opt_out

_SAMPLES = Path(__file__).parents[2] / "sales/mailing/tests/samples"
_OLD, _NEW = "dana@acme.example", "dana.reyes@acme.example"


@pytest_asyncio.fixture
async def merged(database: Database, now: datetime) -> Database:
    """`old`, to whom a mail went, is a duplicate of `new`."""
    rows = {
        "mailboxes": [{"id": "sam", "address": "sam@northwind.example"}],
        "campaigns": [{"id": "spring", "name": "Spring", "mailbox_id": "sam"}],
        "contacts": [
            {"id": "old", "name": "Dana Reyes", "email": _OLD},
            {"id": "new", "name": "Dana Reyes", "email": _NEW},
        ],
    }
    await load_rows(database, json.dumps(rows), now)
    sent = {"state": "sent", "sent_at": now, "created_at": now, "updated_at": now}
    async with database.begin() as session:
        session.add(
            Touch(
                key="spring.old.1", campaign_id="spring", contact_id="old", touch_no=1,
                recipient=_OLD, mailbox_id="sam", token="0123456789abcdef01234567",
                message_id="<t1.spring.dana.1@northwind.example>", **sent,
            )
        )  # fmt: skip
        for number in (1, 2):
            session.add(
                Touch(
                    key=f"spring.new.{number}", campaign_id="spring", contact_id="new",
                    touch_no=number, recipient=_NEW, mailbox_id="sam", **sent,
                )
            )  # fmt: skip
    decision = {"left_id": "old", "right_id": "new", "same": True}
    answer = await graph.ainvoke({"entity": "contact", "decisions": [decision]})
    assert answer["pairs"] == [{"kept_id": "new", "merged_id": "old"}]
    return database


async def test_a_link_in_an_older_mail_unsubscribes_both_addresses(
    merged: Database, now: datetime
) -> None:
    salt = await merged.read_salt()
    async with merged.begin() as session:
        await opt_out(session, _OLD, "old", salt, now, source="link")
    async with merged.read() as session:
        assert await find_suppression(session, _OLD, salt)
        assert await find_suppression(session, _NEW, salt)
        owner = select(Event.contact_id).where(Event.kind == "unsubscribed")
        assert await session.scalar(owner) == "new"


async def test_a_reply_from_the_other_address_is_known_by_it(
    merged: Database, now: datetime
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = _OLD, "sam@northwind.example", "Hello"
    mail.set_content("Yes, call me.")
    stored = await store(merged, "sam", sort_arrival(mail.as_bytes(), now), now)
    assert stored.match is not None
    assert (stored.match.by, stored.match.contact_id) == ("address", "new")


async def test_a_bounce_of_the_other_address_leaves_the_good_one(
    merged: Database, now: datetime
) -> None:
    raw = (_SAMPLES / "bounce-postfix-unknown.eml").read_bytes()
    stored = await store(merged, "sam", sort_arrival(raw, now), now)
    answer = await bounce_process.ainvoke({"raw_ref": stored.id, "now": now.isoformat()})
    assert (answer["recipient"], answer["action"]) == (_OLD, "suppressed")
    salt = await merged.read_salt()
    async with merged.read() as session:
        assert await find_suppression(session, _OLD, salt)
        assert await find_suppression(session, _NEW, salt) is None
        states = dict((await session.execute(select(Contact.id, Contact.email_status))).all())
        owner = select(Event.contact_id).where(Event.kind == "bounced")
        assert await session.scalar(owner) == "old"
    assert states == {"old": "invalid", "new": None}
