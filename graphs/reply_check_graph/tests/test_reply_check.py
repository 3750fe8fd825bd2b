"""reply_check on a real mail server: what it matches, what it stops, what it leaves alone."""

from __future__ import annotations

import imaplib
import json
import smtplib
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from langgraph.checkpoint.memory import MemorySaver
from langgraph.types import Command
from sqlalchemy import select

from graphs.campaign_graph import build_campaign_graph
from graphs.classify_reply_graph import graph as classify_reply
from graphs.reply_check_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import find_suppression
from graphs.sales.data.tables import Event, Mailbox, Message
from mail_server import MailServer

pytestmark = pytest.mark.integration
_SAMPLES = Path(__file__).parents[2] / "sales/mailing/tests/samples"
_SENDER, _DANA = "sam@northwind.example", "dana@acme.example"
_CONTEXT = {"sender_name": "Sam Lee", "postal_address": "1 Main St, Springfield"}
_THREAD: Any = {"configurable": {"thread_id": "campaign-spring-dana"}}


@pytest_asyncio.fixture
async def campaign(
    database: Database, now: datetime, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """A campaign whose first touch went out to Dana."""
    monkeypatch.setenv("SAM_PASSWORD", "any")
    mailbox = {
        "id": "sam", "address": _SENDER, "smtp": {**mail_server.smtp, "plus_addressing": True},
        "imap": mail_server.imap(_SENDER), "password_env": "SAM_PASSWORD",
        "min_gap_seconds": 0, "jitter_seconds": 0,
    }  # fmt: skip
    rows = {
        "mailboxes": [mailbox],
        "campaigns": [{"id": "spring", "name": "Spring", "mailbox_id": "sam"}],
        "contacts": [{"id": "dana", "name": "Dana Reyes", "email": _DANA}],
    }
    await load_rows(database, json.dumps(rows), now)
    campaign = build_campaign_graph(MemorySaver())
    given = {"campaign_id": "spring", "contact_id": "dana", "event": {"now": now.isoformat()}}
    answer = await campaign.ainvoke(given, _THREAD, context=_CONTEXT)
    assert answer["touches"][0]["status"] == "sent", answer
    return campaign


def _answer(server: MailServer, text: str, *, thread: bool = True, **headers: Any) -> EmailMessage:
    """What Dana's mail program sends when she answers the mail that she got."""
    (touch,) = server.list_mails(_DANA)
    mail = EmailMessage()
    mail["From"], mail["To"] = f"Dana Reyes <{_DANA}>", _SENDER
    mail["Subject"] = headers.pop("subject", f"Re: {touch['Subject']}")
    mail["Message-ID"] = f"<{abs(hash(text))}@acme.example>"
    if thread:
        mail["In-Reply-To"] = mail["References"] = touch["Message-ID"]
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    plain = next(iter(touch.iter_parts())).get_content()
    quoted = "\n".join(f"> {line}" for line in plain.split("\n"))
    mail.set_content(f"{text}\n\nOn Monday Sam Lee wrote:\n{quoted}\n")
    _deliver(server, mail.as_bytes())
    return mail


def _deliver(server: MailServer, raw: bytes, to: str = _SENDER) -> None:
    with smtplib.SMTP(server.host, server.smtp_port) as smtp:
        smtp.sendmail(_DANA, [to], raw)


async def _check(now: datetime, **more: Any) -> dict[str, Any]:
    given = {"mailbox_id": "sam", "now": (now + timedelta(hours=1)).isoformat(), **more}
    answer: dict[str, Any] = await graph.ainvoke(given)
    return answer


async def _wake(campaign: Any) -> dict[str, Any]:
    state = await campaign.aget_state(_THREAD)
    resume: Any = Command(resume={"now": state.values["wake_at"]})
    answer: dict[str, Any] = await campaign.ainvoke(resume, _THREAD, context=_CONTEXT)
    return answer


async def test_a_reply_is_matched_and_stops_the_campaign(
    campaign: Any, mail_server: MailServer, database: Database, now: datetime
) -> None:
    _answer(mail_server, "Sounds interesting, let us talk.")
    found = await _check(now)
    (match,) = found["matched"]
    assert (match["matched_by"], match["contact_id"], match["weak"]) == (
        "references",
        "dana",
        False,
    )
    stopped = await _wake(campaign)
    assert (stopped["status"], stopped["stop_reason"]) == ("stopped", "Replied")
    assert len(mail_server.list_mails(_DANA)) == 1


@pytest.mark.parametrize(
    ("text", "label", "next_action"),
    [
        ("Sounds interesting, let us talk.", "interested", "reply"),
        ("No thanks, not interested.", "not_interested", "stop"),
        ("Please take me off your list.", "unsubscribe", "suppress"),
    ],
)
async def test_a_reply_has_the_label_that_classify_reply_gives_it(
    campaign: Any,
    mail_server: MailServer,
    database: Database,
    now: datetime,
    text: str,
    label: str,
    next_action: str,
) -> None:
    _answer(mail_server, text)
    (match,) = (await _check(now))["matched"]
    assert (match["label"], match["next_action"]) == (label, next_action)
    async with database.read() as session:
        assert (await session.get_one(Message, match["message_id"])).label == label
    given = {"message_id": match["message_id"], "now": now.isoformat()}
    read = await classify_reply.ainvoke(given)
    assert (read["label"], read["next_action"]) == (label, next_action)


async def test_a_guess_is_told_and_not_kept(
    campaign: Any, mail_server: MailServer, database: Database, now: datetime
) -> None:
    _answer(mail_server, "Brilliant, do show the team next Thursday afternoon.")
    (match,) = (await _check(now))["matched"]
    assert (match["label"], match["next_action"]) == ("interested", "ask_a_person")
    async with database.read() as session:
        assert (await session.get_one(Message, match["message_id"])).label is None


async def test_a_reply_that_nobody_understands_is_left_to_a_person(
    campaign: Any, mail_server: MailServer, database: Database, now: datetime
) -> None:
    _answer(mail_server, "Hm.")
    (match,) = (await _check(now))["matched"]
    assert (match["label"], match["next_action"]) == ("unclear", "ask_a_person")
    async with database.read() as session:
        assert (await session.get_one(Message, match["message_id"])).label is None


async def test_a_label_that_came_later_stays_when_the_mail_is_read_again(
    campaign: Any, mail_server: MailServer, database: Database, now: datetime
) -> None:
    _answer(mail_server, "Sounds interesting, let us talk.")
    (match,) = (await _check(now))["matched"]
    async with database.begin() as session:
        (await session.get_one(Message, match["message_id"])).label = "not_now"
        (await session.get_one(Mailbox, "sam")).folders = {}
    (again,) = (await _check(now))["matched"]
    assert (again["label"], again["next_action"]) == ("not_now", "follow_up_later")


async def test_what_was_read_is_not_read_again_and_stays_unread(
    campaign: Any, mail_server: MailServer, database: Database, now: datetime
) -> None:
    _answer(mail_server, "Yes please.")
    first, second = await _check(now), await _check(now)
    assert (len(first["matched"]), len(second["matched"])) == (1, 0)
    assert first["last_uid"] == second["last_uid"]
    with imaplib.IMAP4(mail_server.host, mail_server.imap_port) as imap:
        imap.login(_SENDER, "any")
        imap.select("INBOX", readonly=True)
        assert imap.search(None, "UNSEEN")[1] == [b"1"]


async def test_a_folder_that_was_made_anew_is_read_again_and_nothing_happens_twice(
    campaign: Any, mail_server: MailServer, database: Database, now: datetime
) -> None:
    _answer(mail_server, "Yes please.")
    await _check(now)
    async with database.begin() as session:
        mailbox = await session.get_one(Mailbox, "sam")
        mailbox.folders = {"INBOX": {"uid_validity": 1, "last_uid": 999}}
    again = await _check(now)
    assert len(again["matched"]) == 1
    async with database.read() as session:
        assert len((await session.scalars(select(Message).filter_by(direction="in"))).all()) == 1
        assert len((await session.scalars(select(Event).filter_by(kind="replied"))).all()) == 1


async def test_at_most_so_many_are_read_and_the_rest_next_time(
    campaign: Any, mail_server: MailServer, now: datetime
) -> None:
    for number in range(3):
        _answer(mail_server, f"Answer {number}.")
    assert [len((await _check(now, max=2))["matched"]) for _ in range(3)] == [2, 1, 0]


async def test_a_new_mail_from_the_same_address_is_a_weak_match(
    campaign: Any, mail_server: MailServer, now: datetime
) -> None:
    _answer(mail_server, "Who are you?", thread=False, subject="A question")
    (match,) = (await _check(now))["matched"]
    assert (match["matched_by"], match["weak"]) == ("address", True)


async def test_mail_of_strangers_is_counted_and_left_alone(
    campaign: Any, mail_server: MailServer, database: Database, now: datetime
) -> None:
    raw = b"From: stranger@else.example\r\nSubject: Buy this\r\n\r\nHello!\r\n"
    _deliver(mail_server, raw)
    found = await _check(now)
    assert (found["matched"], found["unmatched"]) == ([], 1)
    assert (await _wake(campaign))["touch_no"] == 2


async def test_a_vacation_reply_suppresses_nobody_and_shifts_the_next_touch(
    campaign: Any, mail_server: MailServer, database: Database, now: datetime
) -> None:
    _answer(
        mail_server,
        "I am away until 7 December 2026. Please do not contact me until then.",
        Auto_Submitted="auto-generated",
        subject="Automatic reply: hello",
    )
    found = await _check(now)
    assert found["matched"] == []
    assert found["auto_replies"][0]["until"].startswith("2026-12-07")
    salt = await database.read_salt()
    async with database.read() as session:
        assert await find_suppression(session, _DANA, salt) is None
    waiting = await _wake(campaign)
    assert (waiting["status"], waiting["touch_no"]) == ("waiting", 1)
    assert waiting["wake_at"].startswith("2026-12-07")


@pytest.mark.parametrize("path", sorted(_SAMPLES.glob("auto-*.eml")), ids=lambda path: path.stem)
async def test_no_automatic_reply_stops_or_suppresses(
    campaign: Any, mail_server: MailServer, database: Database, now: datetime, path: Path
) -> None:
    _deliver(mail_server, path.read_bytes())
    assert (await _check(now))["matched"] == []
    salt = await database.read_salt()
    async with database.read() as session:
        assert await find_suppression(session, _DANA, salt) is None
        kinds = [event.kind for event in await session.scalars(select(Event))]
    assert "replied" not in kinds


@pytest.mark.parametrize(
    ("text", "headers"),
    [("Please take me off your list.", {}), ("", {"subject": "unsubscribe"})],
)
async def test_who_wants_no_more_mail_gets_none(
    campaign: Any,
    mail_server: MailServer,
    database: Database,
    now: datetime,
    text: str,
    headers: dict[str, Any],
) -> None:
    _answer(mail_server, text, **headers)
    (match,) = (await _check(now))["matched"]
    assert match["kind"] == "unsubscribe"
    salt = await database.read_salt()
    async with database.read() as session:
        assert await find_suppression(session, _DANA, salt)
    assert (await _wake(campaign))["stop_reason"] == "Unsubscribed"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send mailbox_id"),
        ({"mailbox_id": "nobody"}, "no mailbox nobody"),
        ({"mailbox_id": "sam", "max": 0}, "max is a whole number"),
    ],
)
async def test_what_is_missing_is_said(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)


async def test_a_server_that_is_away_is_told_without_the_password(
    campaign: Any, database: Database, now: datetime
) -> None:
    async with database.begin() as session:
        mailbox = await session.get_one(Mailbox, "sam")
        mailbox.imap = {**mailbox.imap, "port": 1}
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:1 cannot be read") as caught:
        await _check(now)
    assert "any" not in str(caught.value).split()
