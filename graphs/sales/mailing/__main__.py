"""`python -m graphs.sales.mailing`: what a person decides about mails."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from graphs.sales.data.database import DatabaseMissing, close_databases, open_database
from graphs.sales.data.outreach import Mailbox, Touch
from graphs.sales.mailing.outbox import finish, forget_attempt


class Refused(ValueError):
    """What was asked for cannot be done; the text says why."""


async def _list_unknown(options: argparse.Namespace) -> Mapping[str, Any]:
    del options
    async with (await open_database()).read() as session:
        touches = await session.scalars(select(Touch).where(Touch.state == "unknown"))
        return {
            "unknown": [
                {
                    "touch": touch.id,
                    "campaign": touch.campaign_id,
                    "contact": touch.contact_id,
                    "message_id": touch.message_id,
                    "at": touch.handed_at.isoformat() if touch.handed_at else None,
                }
                for touch in touches
            ]
        }


async def _resolve(options: argparse.Namespace) -> Mapping[str, Any]:
    database, now = await open_database(), datetime.now(UTC)
    async with database.read() as session:
        touch = await session.get(Touch, options.touch)
    if touch is None:
        raise Refused(f"no touch {options.touch}")
    if touch.state != "unknown":
        raise Refused(f"touch {touch.id} is {touch.state}: only an unknown one is to be resolved")
    if options.how == "sent":
        done = await finish(database, touch, "unknown", touch.handed_at or now, None)
    else:
        done = await forget_attempt(database, touch, now)
    if not done:
        raise Refused(f"touch {touch.id} changed meanwhile: look again")
    return {"touch": touch.id, "state": "sent" if options.how == "sent" else "planned"}


async def _resume(options: argparse.Namespace) -> Mapping[str, Any]:
    async with (await open_database()).begin() as session:
        mailbox = await session.get(Mailbox, options.mailbox)
        if mailbox is None:
            raise Refused(f"no mailbox {options.mailbox}")
        mailbox.paused_at = mailbox.pause_reason = None
    return {"mailbox": options.mailbox, "paused": False}


def make_parser() -> argparse.ArgumentParser:
    """Commands and their arguments."""
    parser = argparse.ArgumentParser(prog="python -m graphs.sales.mailing", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("unknown", help="list touches of which nobody knows the end")
    command.set_defaults(run=_list_unknown)
    command = commands.add_parser("resolve", help="say what became of an unknown touch")
    command.add_argument("touch", help="the touch's id")
    command.add_argument("how", choices=("sent", "not-sent"), help="not-sent plans it again")
    command.set_defaults(run=_resolve)
    command = commands.add_parser("resume", help="let a paused mailbox send again")
    command.add_argument("mailbox", help="the mailbox's id")
    command.set_defaults(run=_resume)
    return parser


async def _run(options: argparse.Namespace) -> int:
    try:
        print(json.dumps(await options.run(options), indent=1))
    except (DatabaseMissing, Refused) as error:
        print(f"error: {error.args[0]}", file=sys.stderr)
        return 1
    finally:
        await close_databases()
    return 0


def main() -> int:
    """0, or 1 with one line that says what was wrong."""
    return asyncio.run(_run(make_parser().parse_args()))


if __name__ == "__main__":
    sys.exit(main())
