"""Caps and gaps hold over everybody who sends from one mailbox at once, on both databases."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.mailing.outbox import Plan, Settings, plan_touch
from graphs.sales.mailing.sending import send_touch
from mail_server import MailServer

pytestmark = pytest.mark.integration
_SETTINGS = Settings(postal_address="1 Main St")
_CONTACTS = 12


@pytest.fixture(params=["database", "postgres_database"])
def either(request: pytest.FixtureRequest) -> Database:
    """SQLite, then PostgreSQL."""
    found: Database = request.getfixturevalue(request.param)
    return found


async def _plan(database: Database, now: datetime, server: MailServer, **limits: Any) -> list[str]:
    mailbox = {
        "id": "sam", "address": "sam@northwind.example", "smtp": server.smtp,
        "min_gap_seconds": 0, "jitter_seconds": 0, **limits,
    }  # fmt: skip
    names = [f"c{number}" for number in range(_CONTACTS)]
    rows = {
        "mailboxes": [mailbox],
        "campaigns": [{"id": "spring", "name": "Spring", "mailbox_id": "sam"}],
        "contacts": [{"id": name, "email": f"{name}@acme.example"} for name in names],
    }
    await load_rows(database, json.dumps(rows), now)
    plans = [
        Plan(
            key=f"spring.{name}.1", recipient=f"{name}@acme.example", subject="Hello",
            text="Hi\n1 Main St", mailbox_id="sam", campaign_id="spring", contact_id=name,
            touch_no=1,
        )
        for name in names
    ]  # fmt: skip
    return [(await plan_touch(database, plan, now)).id for plan in plans]


async def _send_all(database: Database, touches: list[str], now: datetime) -> Counter[str]:
    several = (send_touch(database, touch, _SETTINGS, now) for touch in touches)
    return Counter(sending.status for sending in await asyncio.gather(*several))


async def test_no_more_than_the_cap_go_out_in_a_day(
    either: Database, now: datetime, mail_server: MailServer
) -> None:
    touches = await _plan(either, now, mail_server, daily_cap=5)
    assert await _send_all(either, touches, now) == {"sent": 5, "deferred": _CONTACTS - 5}


async def test_of_many_at_once_one_goes_out_and_the_others_keep_the_gap(
    either: Database, now: datetime, mail_server: MailServer
) -> None:
    touches = await _plan(either, now, mail_server, min_gap_seconds=60)
    assert await _send_all(either, touches, now) == {"sent": 1, "deferred": _CONTACTS - 1}


async def test_one_touch_that_many_want_to_send_goes_out_once(
    either: Database, now: datetime, mail_server: MailServer
) -> None:
    touch = (await _plan(either, now, mail_server))[0]
    found = await _send_all(either, [touch] * 8, now)
    assert found["sent"] == 1
    assert len(mail_server.list_mails("c0@acme.example")) == 1
