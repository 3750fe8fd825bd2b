"""bounce_process: what each kind of report makes of a contact, a mailbox, a campaign."""

from __future__ import annotations

import json
import smtplib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from graphs.bounce_process_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import find_suppression
from graphs.sales.data.tables import Contact, Event, Mailbox, Touch
from graphs.sales.mailing.arrivals import sort_arrival
from graphs.sales.mailing.ingest import store
from mail_server import MailServer

_SAMPLES = Path(__file__).parents[2] / "sales/mailing/tests/samples"
_DANA = "dana@acme.example"


@pytest_asyncio.fixture
async def touch(database: Database, now: datetime) -> Touch:
    """The mail that the samples are about."""
    rows = {
        "mailboxes": [{"id": "sam", "address": "sam@northwind.example"}],
        "campaigns": [{"id": "spring", "name": "Spring", "mailbox_id": "sam"}],
        "contacts": [{"id": "dana", "email": _DANA}],
    }
    await load_rows(database, json.dumps(rows), now)
    touch = Touch(
        id="t1", key="spring.dana.1", campaign_id="spring", contact_id="dana", touch_no=1,
        recipient=_DANA, mailbox_id="sam", state="sent", token="0123456789abcdef01234567",
        message_id="<t1.spring.dana.1@northwind.example>", sent_at=now, created_at=now,
        updated_at=now,
    )  # fmt: skip
    async with database.begin() as session:
        session.add(touch)
    return touch


async def _process(database: Database, name: str, now: datetime, extra: bytes = b"") -> Any:
    raw = (_SAMPLES / f"{name}.eml").read_bytes() + extra
    stored = await store(database, "sam", sort_arrival(raw, now), now)
    return await graph.ainvoke({"raw_ref": stored.id, "now": now.isoformat()})


async def _is_suppressed(database: Database) -> bool:
    salt = await database.read_salt()
    async with database.read() as session:
        return await find_suppression(session, _DANA, salt) is not None


async def _read(database: Database, table: Any, key: str) -> Any:
    async with database.read() as session:
        return await session.get_one(table, key)


async def test_a_hard_bounce_suppresses_the_address(
    database: Database, touch: Touch, now: datetime
) -> None:
    answer = await _process(database, "bounce-postfix-unknown", now)
    assert (answer["recipient"], answer["status_code"]) == (_DANA, "5.1.1")
    assert (answer["class"], answer["action"]) == ("hard", "suppressed")
    assert await _is_suppressed(database)
    assert (await _read(database, Contact, "dana")).email_status == "invalid"


async def test_two_soft_bounces_change_nothing_and_the_third_within_a_month_does(
    database: Database, touch: Touch, now: datetime
) -> None:
    actions = []
    for number in range(3):
        at = now + timedelta(days=number)
        extra = b"\n" * number
        answer = await _process(database, "bounce-exchange-full", at, extra)
        actions.append((answer["class"], answer["action"], await _is_suppressed(database)))
    assert actions == [
        ("soft", "retried", False),
        ("soft", "retried", False),
        ("soft", "suppressed", True),
    ]


async def test_soft_bounces_that_lie_far_apart_change_nothing(
    database: Database, touch: Touch, now: datetime
) -> None:
    for number in range(4):
        at = now + timedelta(days=20 * number)
        answer = await _process(database, "bounce-exchange-full", at, b"\n" * number)
        assert answer["action"] == "retried"


async def test_a_block_pauses_the_mailbox_and_suppresses_nobody(
    database: Database, touch: Touch, now: datetime
) -> None:
    answer = await _process(database, "bounce-gmail-spam", now)
    assert (answer["class"], answer["action"]) == ("block", "mailbox_paused")
    assert not await _is_suppressed(database)
    mailbox = await _read(database, Mailbox, "sam")
    assert mailbox.paused_at == now
    assert "5.7.1" in mailbox.pause_reason


async def test_a_complaint_suppresses_the_address(
    database: Database, touch: Touch, now: datetime
) -> None:
    answer = await _process(database, "complaint-arf", now)
    assert (answer["class"], answer["action"]) == ("complaint", "suppressed")
    assert await _is_suppressed(database)


async def test_a_report_that_is_processed_again_acts_once(
    database: Database, touch: Touch, now: datetime
) -> None:
    for _ in range(3):
        await _process(database, "bounce-exchange-full", now)
    assert not await _is_suppressed(database)
    async with database.read() as session:
        from sqlalchemy import func, select

        assert await session.scalar(select(func.count()).select_from(Event)) == 1


async def test_a_report_on_a_mail_of_nobody_does_nothing(database: Database, now: datetime) -> None:
    await load_rows(database, "mailboxes: [{id: sam, address: sam@northwind.example}]", now)
    answer = await _process(database, "bounce-postfix-unknown", now)
    assert (answer["class"], answer["action"]) == ("hard", "none")
    assert not await _is_suppressed(database)


@pytest.mark.parametrize(
    "name", ["person-interested", "auto-exchange-en", "bounce-postfix-delayed"]
)
async def test_what_is_no_report_is_no_bounce(
    database: Database, touch: Touch, now: datetime, name: str
) -> None:
    answer = await _process(database, name, now)
    assert (answer["bounces"], answer["class"], answer["action"]) == ([], None, "none")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send mailbox_id, or raw_ref"),
        ({"mailbox_id": "a", "raw_ref": "b"}, "Send mailbox_id, or raw_ref"),
        ({"raw_ref": "nosuch"}, "no message nosuch"),
        ({"mailbox_id": "nosuch"}, "no mailbox nosuch"),
    ],
)
async def test_what_is_missing_is_said(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)


@pytest.mark.integration
async def test_reports_that_came_into_a_mailbox_are_all_processed(
    database: Database,
    touch: Touch,
    now: datetime,
    mail_server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAM_PASSWORD", "any")
    address = "sam@northwind.example"
    async with database.begin() as session:
        mailbox = await session.get_one(Mailbox, "sam")
        mailbox.imap, mailbox.password_env = mail_server.imap(address), "SAM_PASSWORD"
    with smtplib.SMTP(mail_server.host, mail_server.smtp_port) as smtp:
        for name in ("bounce-exchange-full", "person-interested", "bounce-qmail-unknown"):
            smtp.sendmail(
                "mailer-daemon@mx.example", [address], (_SAMPLES / f"{name}.eml").read_bytes()
            )
    answer = await graph.ainvoke({"mailbox_id": "sam", "now": now.isoformat()})
    assert [(b["bounce_class"], b["action"]) for b in answer["bounces"]] == [
        ("soft", "retried"),
        ("hard", "suppressed"),
    ]
    again = await graph.ainvoke({"mailbox_id": "sam", "now": now.isoformat()})
    assert again["bounces"] == []
