"""email_send on a real mail server."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from graphs.email_send_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import suppress_address
from mail_server import MailServer

pytestmark = pytest.mark.integration
_MESSAGE = {"to": "dana@acme.example", "subject": "Re: Your question", "text": "Yes, it does.\n"}


async def _prepare(database: Database, now: datetime, server: MailServer, **more: Any) -> None:
    mailbox = {
        "id": "sam", "address": "sam@northwind.example", "display_name": "Sam Lee",
        "smtp": server.smtp, "min_gap_seconds": 0, "jitter_seconds": 0, **more,
    }  # fmt: skip
    await load_rows(database, json.dumps({"mailboxes": [mailbox]}), now)


async def _send(now: datetime, key: str = "answer-1", **message: Any) -> dict[str, Any]:
    given = {"message": {**_MESSAGE, **message}, "mailbox_id": "sam", "idempotency_key": key}
    answer: dict[str, Any] = await graph.ainvoke({**given, "now": now.isoformat()})
    return answer


async def test_a_mail_goes_out_once_however_often_it_is_asked_for(
    database: Database, now: datetime, mail_server: MailServer
) -> None:
    await _prepare(database, now, mail_server)
    first, second = await _send(now), await _send(now)
    assert (first["status"], second["status"]) == ("sent", "duplicate")
    (mail,) = mail_server.list_mails("dana@acme.example")
    assert mail["Message-ID"] == first["message_id"] == second["message_id"]
    assert mail["From"] == "Sam Lee <sam@northwind.example>"
    assert mail["List-Unsubscribe"] is None


async def test_an_answer_stands_in_its_thread(
    database: Database, now: datetime, mail_server: MailServer
) -> None:
    await _prepare(database, now, mail_server)
    await _send(now, in_reply_to="<b@x>", references=["<a@x>", "<b@x>"])
    (mail,) = mail_server.list_mails("dana@acme.example")
    assert (mail["In-Reply-To"], mail["References"]) == ("<b@x>", "<a@x> <b@x>")


async def test_a_suppressed_address_gets_nothing(
    database: Database, now: datetime, mail_server: MailServer
) -> None:
    await _prepare(database, now, mail_server)
    salt = await database.read_salt()
    async with database.begin() as session:
        await suppress_address(session, "DANA@acme.example", salt, reason="objected", now=now)
    answer = await _send(now)
    assert (answer["status"], answer["reason"]) == ("suppressed", "Suppressed")
    assert mail_server.list_mails("dana@acme.example") == []


async def test_a_gap_and_a_cap_put_the_mail_off(
    database: Database, now: datetime, mail_server: MailServer
) -> None:
    await _prepare(database, now, mail_server, min_gap_seconds=60, daily_cap=2)
    assert (await _send(now, "1"))["status"] == "sent"
    early = await _send(now + timedelta(seconds=30), "2")
    assert (early["status"], early["reason"]) == ("deferred", "Gap")
    assert early["retry_at"] == (now + timedelta(seconds=60)).isoformat()
    later = now + timedelta(seconds=61)
    assert (await _send(later, "2"))["status"] == "sent"
    third = await _send(later + timedelta(hours=1), "3")
    assert (third["status"], third["reason"]) == ("deferred", "DailyCap")
    assert third["retry_at"] == "2026-11-24T00:00:00+00:00"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send touch_id, or message"),
        ({"touch_id": "nosuch"}, "no touch nosuch"),
        ({"message": {"to": "a@b.c"}, "mailbox_id": "m", "idempotency_key": "k"}, "subject and t"),
        ({"message": _MESSAGE, "mailbox_id": "sam", "idempotency_key": "k" * 201}, "at most 200"),
    ],
)
async def test_what_is_missing_is_said(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)


async def test_a_mailbox_without_its_password_says_where_it_belongs(
    database: Database, now: datetime, mail_server: MailServer
) -> None:
    smtp = {**mail_server.smtp, "username": "sam"}
    await _prepare(database, now, mail_server, smtp=smtp, password_env="SAM_PASSWORD")
    with pytest.raises(ValueError, match="no password in SAM_PASSWORD"):
        await _send(now)
