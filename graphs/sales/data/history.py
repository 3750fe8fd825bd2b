"""What happened: mails, events, suppressions; and what was learned from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from graphs.sales.data.columns import Base
from graphs.sales.data.ids import make_id


class Message(Base):
    """A mail that came in or went out. `key` is its Message-ID, or a hash where it has none.

    `kind`: touch, answer, reply, auto_reply, bounce, complaint, other; `matched_by`: references,
    token, address (weak) or nothing. `label` is what a reply says, by reply_check or, later,
    classify_reply.
    """

    __tablename__ = "sales_messages"
    __table_args__ = (Index("sales_messages_by_contact", "contact_id", "at"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    key: Mapped[str] = mapped_column(String(400), unique=True)
    direction: Mapped[str] = mapped_column(String(3))
    kind: Mapped[str] = mapped_column(String(16))
    mailbox_id: Mapped[str | None] = mapped_column(ForeignKey("sales_mailboxes.id"))
    contact_id: Mapped[str | None] = mapped_column(ForeignKey("sales_contacts.id"))
    campaign_id: Mapped[str | None] = mapped_column(ForeignKey("sales_campaigns.id"))
    touch_id: Mapped[str | None] = mapped_column(ForeignKey("sales_touches.id"))
    message_id: Mapped[str | None] = mapped_column(String(400), index=True)
    in_reply_to: Mapped[str | None] = mapped_column(String(400))
    references: Mapped[list[Any]] = mapped_column("refs", default=list)
    matched_by: Mapped[str | None] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(Text, default="")
    raw: Mapped[str] = mapped_column(Text, default="")
    label: Mapped[str | None] = mapped_column(String(24))
    at: Mapped[datetime]


class Suppression(Base):
    """Nobody writes here again. An address (as a keyed hash) or a domain; `scope` is `all` or a
    campaign's id.
    """

    __tablename__ = "sales_suppressions"
    __table_args__ = (UniqueConstraint("kind", "value", "scope", name="sales_suppressions_once"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    kind: Mapped[str] = mapped_column(String(8))
    value: Mapped[str] = mapped_column(String(253))
    scope: Mapped[str] = mapped_column(String(64), default="all")
    reason: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]


class Event(Base):
    """Something that happened once: `key` makes telling it twice the same as once.

    `kind`: sent, replied, auto_replied, bounced, complained, unsubscribed, meeting, won, lost, ...
    """

    __tablename__ = "sales_events"
    __table_args__ = (
        Index("sales_events_by_contact", "contact_id", "kind"),
        Index("sales_events_by_kind", "kind", "at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[str] = mapped_column(String(24))
    contact_id: Mapped[str | None] = mapped_column(String(64))
    company_id: Mapped[str | None] = mapped_column(String(64))
    campaign_id: Mapped[str | None] = mapped_column(String(64))
    touch_id: Mapped[str | None] = mapped_column(String(64))
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime]


class Opportunity(Base):
    """A conversation that may become a sale. `stage` as opportunity_graph has it."""

    __tablename__ = "sales_opportunities"

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    company_id: Mapped[str | None] = mapped_column(ForeignKey("sales_companies.id"), index=True)
    contact_id: Mapped[str | None] = mapped_column(ForeignKey("sales_contacts.id"), index=True)
    campaign_id: Mapped[str | None] = mapped_column(ForeignKey("sales_campaigns.id"))
    product_id: Mapped[str | None] = mapped_column(ForeignKey("sales_products.id"))
    message_id: Mapped[str | None] = mapped_column(ForeignKey("sales_messages.id"))
    stage: Mapped[str] = mapped_column(String(24))
    next_step: Mapped[str | None] = mapped_column(Text)
    wake_at: Mapped[datetime | None]
    owner: Mapped[str | None] = mapped_column(String(200))
    owner_task: Mapped[dict[str, Any] | None]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Model(Base):
    """Weights that were learned, as JSON, with what they were worth on held-out data."""

    __tablename__ = "sales_models"
    __table_args__ = (UniqueConstraint("name", "version", name="sales_models_once"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    name: Mapped[str] = mapped_column(String(80))
    version: Mapped[str] = mapped_column(String(80))
    weights: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    promoted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Setting(Base):
    """Values of the database itself, such as the salt of address hashes."""

    __tablename__ = "sales_settings"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
