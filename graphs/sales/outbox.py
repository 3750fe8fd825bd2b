"""The outbox: one row per (campaign, contact, touch), claimed before its mail is written.

An SQLite file stands where a mail edge will be: ``written`` means the mail is in the file for
somebody to send, not that it was sent.
"""

import asyncio
import json
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
  campaign_id TEXT NOT NULL,
  contact_id TEXT NOT NULL,
  touch_no INTEGER NOT NULL,
  message_id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('claimed', 'written')),
  claims INTEGER NOT NULL DEFAULT 1,
  claimed_at TEXT NOT NULL,
  written_at TEXT,
  mail TEXT,
  UNIQUE (campaign_id, contact_id, touch_no)
)
"""


@dataclass(frozen=True)
class OutgoingMail:
    """One mail to one address. ``references`` are the thread's Message-IDs, oldest first."""

    campaign_id: str
    contact_id: str
    touch_no: int
    message_id: str
    to: str
    subject: str
    text: str
    html: str
    references: Sequence[str] = ()


def make_message_id(campaign_id: str, contact_id: str, touch_no: int, n: int, domain: str) -> str:
    """``<t{touch}.{campaign}.{contact}.{n}@{domain}>``; other characters become ``=xx`` hex."""

    def safe(text: str) -> str:
        return re.sub(r"[^A-Za-z0-9_-]", lambda m: f"={m.group().encode().hex()}", text)

    return f"<t{touch_no}.{safe(campaign_id)}.{safe(contact_id)}.{n}@{domain}>"


async def write_mail(
    path: str, mail: OutgoingMail, now: datetime
) -> Literal["written", "duplicate"]:
    """Claim the touch, then write its mail. A touch already written is left as it is."""
    return await asyncio.to_thread(_write, path, mail, now)


def _write(path: str, mail: OutgoingMail, now: datetime) -> Literal["written", "duplicate"]:
    key = (mail.campaign_id, mail.contact_id, mail.touch_no)
    where = "WHERE campaign_id = ? AND contact_id = ? AND touch_no = ?"
    with closing(sqlite3.connect(path, timeout=30)) as database:
        with database:
            database.execute(_SCHEMA)
            database.execute(
                "INSERT INTO outbox (campaign_id, contact_id, touch_no, message_id, state,"
                " claimed_at) VALUES (?, ?, ?, ?, 'claimed', ?)"
                " ON CONFLICT (campaign_id, contact_id, touch_no) DO UPDATE SET"
                " claims = claims + 1",
                (*key, mail.message_id, now.isoformat()),
            )
        # A process killed here leaves the row claimed; the next run finds it so and writes it.
        with database:
            changed = database.execute(
                "UPDATE outbox SET state = 'written', written_at = ?, mail = ? "  # noqa: S608
                f"{where} AND state = 'claimed'",
                (now.isoformat(), json.dumps(asdict(mail), ensure_ascii=False), *key),
            ).rowcount
    return "written" if changed else "duplicate"
