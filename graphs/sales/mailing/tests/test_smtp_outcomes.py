"""What each end of an SMTP conversation makes of a touch; a server answers by a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import find_suppression
from graphs.sales.data.tables import Contact, Event, Mailbox, Touch
from graphs.sales.mailing.outbox import LEASE, Plan, Settings, claim_touch, hand_over, plan_touch
from graphs.sales.mailing.sending import MOST_ATTEMPTS, Sending, send_touch

_SETTINGS = Settings(postal_address="1 Main St")


@dataclass
class Script:
    """What the server says to each command; `drop` breaks the line instead."""

    answers: dict[str, str] = field(default_factory=dict)
    port: int = 0
    mails: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{self.answers.get('CONNECT', '220 ready')}\r\n".encode())
        while line := await reader.readline():
            word = line.split()[0].decode().upper() if line.split() else ""
            answer = self.answers.get(word, "354 go on" if word == "DATA" else "250 2.0.0 ok")
            if answer == "drop":
                break
            writer.write(f"{answer}\r\n".encode())
            if word == "DATA" and answer.startswith("354"):
                self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                end = self.answers.get("END", "250 2.0.0 queued")
                if end == "drop":
                    break
                writer.write(f"{end}\r\n".encode())
            if word == "QUIT":
                break
        writer.close()


@pytest_asyncio.fixture
async def script() -> AsyncIterator[Script]:
    script = Script()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    async with server:
        yield script


@pytest_asyncio.fixture
async def touch(database: Database, now: datetime, script: Script) -> Touch:
    smtp = {"host": "127.0.0.1", "port": script.port, "security": "none"}
    rows = {
        "mailboxes": [
            {
                "id": "sam", "address": "sam@northwind.example", "smtp": smtp,
                "min_gap_seconds": 0, "jitter_seconds": 0,
            }
        ],
        "campaigns": [{"id": "spring", "name": "Spring", "mailbox_id": "sam"}],
        "contacts": [{"id": "dana", "email": "dana@acme.example"}],
    }  # fmt: skip
    await load_rows(database, json.dumps(rows), now)
    plan = Plan(
        key="spring.dana.1", recipient="dana@acme.example", subject="Hello",
        text="Hi Dana\n1 Main St", mailbox_id="sam", campaign_id="spring", contact_id="dana",
        touch_no=1,
    )  # fmt: skip
    return await plan_touch(database, plan, now)


async def _read(database: Database, table: Any, key: str) -> Any:
    async with database.read() as session:
        return await session.get_one(table, key)


async def _send(database: Database, touch: Touch, now: datetime) -> Sending:
    return await send_touch(database, touch.id, _SETTINGS, now)


async def test_a_mail_that_was_taken_is_sent_and_told_once(
    database: Database, touch: Touch, script: Script, now: datetime
) -> None:
    done = await _send(database, touch, now)
    again = await _send(database, touch, now)
    assert (done.status, again.status) == ("sent", "duplicate")
    assert done.message_id == "<t1.spring.dana.1@northwind.example>"
    assert len(script.mails) == 1
    row = await _read(database, Touch, touch.id)
    assert (row.state, row.smtp_code, row.sent_at) == ("sent", 250, now)


@pytest.mark.parametrize("where", ["CONNECT", "MAIL", "RCPT", "DATA", "END"])
async def test_a_refusal_for_now_is_tried_again_later(
    database: Database, touch: Touch, script: Script, now: datetime, where: str
) -> None:
    script.answers = {where: "451 4.7.1 greylisted"}
    done = await _send(database, touch, now)
    assert (done.status, done.retry_at) == ("deferred", now + timedelta(minutes=5))
    script.answers = {}
    assert (await _send(database, touch, now + timedelta(minutes=4))).status == "deferred"
    assert (await _send(database, touch, now + timedelta(minutes=5))).status == "sent"


@pytest.mark.parametrize("where", ["MAIL", "RCPT", "DATA"])
async def test_a_line_that_breaks_before_the_mail_is_on_it_lost_nothing(
    database: Database, touch: Touch, script: Script, now: datetime, where: str
) -> None:
    script.answers = {where: "drop"}
    done = await _send(database, touch, now)
    assert done.status == ("unknown" if where == "DATA" else "deferred")
    assert script.mails == []


async def test_a_server_that_is_not_there_is_tried_again_later(
    database: Database, touch: Touch, now: datetime
) -> None:
    async with database.begin() as session:
        mailbox = await session.get_one(Mailbox, "sam")
        mailbox.smtp = {**mailbox.smtp, "port": 1}
    assert (await _send(database, touch, now)).status == "deferred"


async def test_pauses_grow_and_end(
    database: Database, touch: Touch, script: Script, now: datetime
) -> None:
    script.answers = {"RCPT": "450 4.2.1 later"}
    pauses = []
    for _ in range(MOST_ATTEMPTS - 1):
        done = await _send(database, touch, now)
        assert done.retry_at is not None
        pauses.append((done.retry_at - now).total_seconds() / 60)
        now = max(done.retry_at, now.replace(hour=9) + timedelta(days=1))
        while now.weekday() > 4:
            now += timedelta(days=1)
    assert pauses == [5, 10, 20, 40, 80, 160, 240]
    assert (await _send(database, touch, now)).status == "failed"


async def test_an_address_that_nobody_has_is_suppressed(
    database: Database, touch: Touch, script: Script, now: datetime
) -> None:
    script.answers = {"RCPT": "550 5.1.1 no such user"}
    assert (await _send(database, touch, now)).status == "failed"
    salt = await database.read_salt()
    async with database.read() as session:
        assert await find_suppression(session, "dana@acme.example", salt)
    assert (await _read(database, Contact, "dana")).email_status == "invalid"


async def test_a_policy_refusal_suppresses_nobody(
    database: Database, touch: Touch, script: Script, now: datetime
) -> None:
    script.answers = {"END": "554 5.7.1 looks like spam"}
    assert (await _send(database, touch, now)).status == "failed"
    salt = await database.read_salt()
    async with database.read() as session:
        assert await find_suppression(session, "dana@acme.example", salt) is None


async def test_a_line_that_breaks_after_the_mail_leaves_it_to_a_person(
    database: Database, touch: Touch, script: Script, now: datetime
) -> None:
    script.answers = {"END": "drop"}
    done = await _send(database, touch, now)
    assert done.status == "unknown"
    assert "resolve" in done.message
    script.answers = {}
    assert (await _send(database, touch, now + timedelta(days=1))).status == "unknown"
    assert len(script.mails) == 1


async def test_a_goodbye_that_breaks_changes_nothing(
    database: Database, touch: Touch, script: Script, now: datetime
) -> None:
    script.answers = {"QUIT": "drop"}
    assert (await _send(database, touch, now)).status == "sent"


async def test_a_refused_login_pauses_the_mailbox_and_blames_nobody(
    database: Database, touch: Touch, script: Script, now: datetime, monkeypatch: Any
) -> None:
    monkeypatch.setenv("SAM", "secret")
    script.answers = {"EHLO": "250-ok\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 wrong password"}
    async with database.begin() as session:
        mailbox = await session.get_one(Mailbox, "sam")
        mailbox.smtp, mailbox.password_env = {**mailbox.smtp, "username": "sam"}, "SAM"
    assert (await _send(database, touch, now)).status == "deferred"
    mailbox = await _read(database, Mailbox, "sam")
    assert mailbox.paused_at == now
    assert "secret" not in mailbox.pause_reason
    later = await _send(database, touch, now + timedelta(hours=1))
    assert (later.status, later.reason) == ("held", "MailboxPaused")


async def test_a_claim_that_died_before_the_mail_is_taken_up_again(
    database: Database, touch: Touch, script: Script, now: datetime
) -> None:
    await claim_touch(database, touch.id, _SETTINGS, now)
    during = await _send(database, touch, now + LEASE - timedelta(seconds=1))
    assert (during.status, during.reason) == ("deferred", "InProgress")
    assert (await _send(database, touch, now + LEASE)).status == "sent"


async def test_a_claim_that_died_with_the_mail_on_the_line_is_unknown(
    database: Database, touch: Touch, script: Script, now: datetime
) -> None:
    claim = await claim_touch(database, touch.id, _SETTINGS, now)
    assert await hand_over(database, claim, now)
    assert (await _send(database, touch, now + LEASE)).status == "unknown"
    assert script.mails == []


async def test_one_who_wakes_after_its_lease_sends_nothing(
    database: Database, touch: Touch, script: Script, now: datetime
) -> None:
    late = await claim_touch(database, touch.id, _SETTINGS, now)
    await claim_touch(database, touch.id, _SETTINGS, now + LEASE)
    assert not await hand_over(database, late, now + LEASE)


async def test_a_reply_that_arrives_while_the_touch_is_drafted_wins(
    database: Database, touch: Touch, script: Script, now: datetime
) -> None:
    async with database.begin() as session:
        session.add(Event(key="replied:m", kind="replied", contact_id="dana", at=now))
    done = await _send(database, touch, now)
    assert (done.status, done.reason) == ("suppressed", "Replied")
    assert script.mails == []


@pytest.mark.parametrize(("kind", "status"), [("hard", "suppressed"), ("soft", "sent")])
async def test_a_hard_bounce_ends_it_and_a_soft_one_does_not(
    database: Database, touch: Touch, script: Script, now: datetime, kind: str, status: str
) -> None:
    async with database.begin() as session:
        data = {"class": kind}
        session.add(Event(key="b", kind="bounced", contact_id="dana", data=data, at=now))
    assert (await _send(database, touch, now)).status == status
