"""Kill a send before each of its lines, go on in fresh processes, and count the mails."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graphs.sales import data, mailing
from graphs.sales.data.database import URL, close_databases, open_database
from graphs.sales.data.load import load_rows
from graphs.sales.mailing.outbox import LEASE, Plan, Settings, plan_touch
from graphs.sales.mailing.sending import send_touch
from killpoints.lines import run_in_child, run_until_line
from killpoints.relay import Relay, start_relay
from mail_server import MailServer

SENDER = "sam@northwind.example"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_SETTINGS = Settings(postal_address="1 Main St")
_STEP = 3 * LEASE
_ANY_TIME = {"days": [0, 1, 2, 3, 4, 5, 6], "start": "00:00", "end": "23:59:59"}
FILES = frozenset(
    str(path)
    for package in (mailing, data)
    for path in Path(str(package.__file__)).parent.glob("*.py")
)


@dataclass(frozen=True)
class Death:
    """One kill: where, what state the touch ended in, and how often its mail went out."""

    number: int
    place: str
    state: str
    mails: int

    @property
    def is_good(self) -> bool:
        """At most one mail; one that is taken for sent went out; none is forgotten."""
        sent_once = self.state == "sent" and self.mails == 1
        return sent_once or (self.state == "unknown" and self.mails <= 1)


class Loop:
    """A database, a mail server that counts, and one touch per kill."""

    def __init__(self, folder: Path, sent: MailServer | None) -> None:
        self._path = folder / "sales.db"
        self._relay = Relay(sent, SENDER)
        self._controller = start_relay(self._relay)
        self._imap = sent.imap(SENDER) if sent else {}
        os.environ[URL] = f"sqlite:///{self._path}"
        os.environ["SAM_PASSWORD"] = "any"
        run_in_child(lambda: asyncio.run(self._prepare()))

    def close(self) -> None:
        """Stop the server."""
        self._controller.stop()

    def kill_at_every(self, step: int) -> Iterator[Death]:
        """Before each `step`-th line, until a send comes to its end."""
        number = 1
        while (death := self.kill_at(number)) is not None:
            yield death
            number += step

    def kill_at(self, number: int) -> Death | None:
        """None: the send ended before it came to so many lines."""
        key = f"spring.c{number}.1"
        run_in_child(lambda: asyncio.run(self._plan(key, number)))
        # Each at a time of its own: the mailbox waits between two sends.
        now = NOW + number * _STEP
        place = run_until_line(lambda: asyncio.run(self._send(key, now)), FILES, number)
        run_in_child(lambda: asyncio.run(self._send(key, now + _STEP / 2)))
        state, message_id = self._read(key)
        if place is None:
            return None
        return Death(number, place, state, self._relay.taken[message_id or ""])

    @property
    def taken(self) -> Counter[str]:
        """How often the server took each Message-ID."""
        return self._relay.taken

    def _read(self, key: str) -> tuple[str, str | None]:
        query = "SELECT state, message_id FROM sales_touches WHERE key = ?"
        with closing(sqlite3.connect(self._path)) as connection:
            row: tuple[str, str | None] = connection.execute(query, (key,)).fetchone()
        return row

    async def _prepare(self) -> None:
        smtp = {"host": "127.0.0.1", "port": self._controller.port, "security": "none"}
        mailbox: dict[str, Any] = {
            "id": "sam", "address": SENDER, "smtp": smtp, "imap": self._imap,
            "min_gap_seconds": 0, "jitter_seconds": 0, "daily_cap": 100_000,
            "password_env": "SAM_PASSWORD", "window": _ANY_TIME,
        }  # fmt: skip
        campaign = {"id": "spring", "name": "Spring", "mailbox_id": "sam"}
        rows = {"mailboxes": [mailbox], "campaigns": [campaign]}
        await load_rows(await open_database(), json.dumps(rows), NOW)
        await close_databases()

    async def _plan(self, key: str, number: int) -> None:
        database, contact = await open_database(), f"c{number}"
        address = f"{contact}@acme.example"
        rows = {"contacts": [{"id": contact, "email": address, "name": "Dana"}]}
        await load_rows(database, json.dumps(rows), NOW)
        plan = Plan(
            key=key, recipient=address, subject="Hello", text="Hi Dana\n1 Main St",
            mailbox_id="sam", campaign_id="spring", contact_id=contact, touch_no=1,
        )  # fmt: skip
        await plan_touch(database, plan, NOW)
        await close_databases()

    async def _send(self, key: str, now: datetime) -> None:
        database = await open_database()
        plan = Plan(key=key, recipient="", subject="", text="")
        touch = await plan_touch(database, plan, now)
        await send_touch(database, touch.id, _SETTINGS, now)
        await close_databases()
