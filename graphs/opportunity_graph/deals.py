"""An opportunity's row, and the mail that it hears."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from graphs.opportunity_graph.policy import Move
from graphs.sales.data import Database
from graphs.sales.data.happenings import record_event
from graphs.sales.data.history import Message, Opportunity
from graphs.sales.data.once import insert_once
from graphs.sales.data.outreach import Campaign
from graphs.sales.data.people import Contact
from graphs.sales.mail import Inbound, parse_mail

# Kinds of events that learning reads.
_TOLD = frozenset({"meeting", "won", "lost"})


async def open_deal(
    database: Database, opportunity_id: str, given: Mapping[str, str], now: datetime
) -> Opportunity:
    """The opportunity's row; made of what was given where there is none.

    Args:
        given: contact_id, campaign_id, product_id, owner; empty where it is not known.

    Raises:
        ValueError: it is not there, and nobody said whose it is; or it names what is not there.
    """
    async with database.begin() as session:
        row = await session.get(Opportunity, opportunity_id)
        if row is not None:
            return row
        contact = await session.get(Contact, given["contact_id"]) if given["contact_id"] else None
        if contact is None:
            raise ValueError(
                f"No opportunity {opportunity_id} is in the database: send contact_id, a contact "
                "of the database, and it is opened."
            )
        campaign = None
        if given["campaign_id"]:
            campaign = await session.get(Campaign, given["campaign_id"])
            if campaign is None:
                raise ValueError(f"No campaign {given['campaign_id']} is in the database.")
        product_id = given["product_id"] or (campaign.product_id if campaign else None)
        await insert_once(
            session, Opportunity, id=opportunity_id, company_id=contact.company_id,
            contact_id=contact.id, campaign_id=campaign.id if campaign else None,
            product_id=product_id, stage="new", owner=given["owner"] or None, data={},
            created_at=now, updated_at=now,
        )  # fmt: skip
        return await session.get_one(Opportunity, opportunity_id)


async def find_reply(database: Database, message_id: str) -> tuple[str, Inbound] | None:
    """A mail that came in, by its row's id or its Message-ID: the row's id and the mail."""
    either = (Message.id == message_id) | (Message.message_id == message_id)
    async with database.read() as session:
        row = await session.scalar(select(Message).where(either, Message.direction == "in"))
    return (row.id, parse_mail(row.raw)) if row is not None else None


async def store_move(
    database: Database,
    opportunity_id: str,
    move: Move,
    kind: str,
    task: Mapping[str, Any] | None,
    reply: tuple[str, Inbound] | None,
    now: datetime,
) -> None:
    """Write where the deal stands, and append what happened, once each."""
    async with database.begin() as session:
        row = await session.get_one(Opportunity, opportunity_id, with_for_update=True)
        row.stage, row.next_step, row.wake_at = move.stage, move.next_step or None, move.wake_at
        row.owner_task, row.updated_at = dict(task) if task else None, now
        if reply is not None:
            row.message_id, mail = reply
            told = {"last_message_id": mail.message_id, "last_subject": mail.subject}
            row.data = {**(row.data or {}), **told}
        told_kind = "lost" if move.stage == "lost" else kind
        if told_kind in _TOLD:
            await record_event(
                session, f"{told_kind}:{opportunity_id}:{_suffix(told_kind, move)}", told_kind,
                now=now, contact_id=row.contact_id, company_id=row.company_id,
                campaign_id=row.campaign_id, opportunity_id=opportunity_id,
            )  # fmt: skip


def _suffix(kind: str, move: Move) -> str:
    """A deal ends once, and may have many meetings."""
    return move.wake_at.isoformat() if kind == "meeting" and move.wake_at else "once"
