"""What a person decides about mails, on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from typing import Any

import pytest

from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.tables import Mailbox, Touch

pytestmark = pytest.mark.integration


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "graphs.sales.mailing", *arguments]
    return subprocess.run(command, env={**os.environ}, capture_output=True, text=True, check=False)


async def _make(database: Database, now: datetime, state: str) -> None:
    await load_rows(database, "mailboxes: [{id: sam, address: sam@northwind.example}]", now)
    touch = Touch(
        id="t1", key="mail:1", state=state, mailbox_id="sam", recipient="dana@acme.example",
        message_id="<1@northwind.example>", handed_at=now, created_at=now, updated_at=now,
    )  # fmt: skip
    async with database.begin() as session:
        session.add(touch)


async def _read(database: Database, table: Any, key: str) -> Any:
    async with database.read() as session:
        return await session.get_one(table, key)


@pytest.mark.parametrize(("how", "state"), [("sent", "sent"), ("not-sent", "planned")])
async def test_an_unknown_touch_is_resolved(
    database: Database, now: datetime, how: str, state: str
) -> None:
    await _make(database, now, "unknown")
    listed = json.loads(_run("unknown").stdout)["unknown"]
    assert [each["touch"] for each in listed] == ["t1"]
    done = _run("resolve", "t1", how)
    assert json.loads(done.stdout) == {"touch": "t1", "state": state}
    assert (await _read(database, Touch, "t1")).state == state


async def test_what_is_not_unknown_stays_as_it_is(database: Database, now: datetime) -> None:
    await _make(database, now, "sent")
    done = _run("resolve", "t1", "not-sent")
    assert (done.returncode, "only an unknown one" in done.stderr) == (1, True)
    assert (await _read(database, Touch, "t1")).state == "sent"


async def test_a_paused_mailbox_may_send_again(database: Database, now: datetime) -> None:
    await _make(database, now, "planned")
    async with database.begin() as session:
        mailbox = await session.get_one(Mailbox, "sam")
        mailbox.paused_at, mailbox.pause_reason = now, "blocked"
    assert _run("resume", "sam").returncode == 0
    assert (await _read(database, Mailbox, "sam")).paused_at is None


def test_what_is_not_there_is_said_in_one_line(database: Database) -> None:
    for arguments in (("resolve", "nosuch", "sent"), ("resume", "nosuch")):
        done = _run(*arguments)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "no" in done.stderr
