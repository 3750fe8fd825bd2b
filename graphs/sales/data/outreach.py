"""Products, mailboxes, campaigns, and the touches that they send."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from graphs.sales.data.columns import Base
from graphs.sales.data.ids import make_id


class Product(Base):
    """What is sold. `icp` describes the ideal customer; `facts` maps a topic to its sentence."""

    __tablename__ = "sales_products"

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    name: Mapped[str] = mapped_column(String(200))
    value_proposition: Mapped[str] = mapped_column(Text, default="")
    icp: Mapped[dict[str, Any]] = mapped_column(default=dict)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]


class Mailbox(Base):
    """An address that mail is sent from and read at. Its limits hold over all pods: they are here.

    `smtp` and `imap`: `{"host", "port", "security": "none" | "starttls" | "tls", "username"}`; the
    password is in the pool's environment, under the name in `password_env`. `window`:
    `{"days": [0..6], "start": "09:00", "end": "17:00"}` in the contact's timezone, else `timezone`.
    `folders` keeps `{"uid_validity", "last_uid"}` of each folder read.
    """

    __tablename__ = "sales_mailboxes"

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    address: Mapped[str] = mapped_column(String(254), unique=True)
    display_name: Mapped[str] = mapped_column(String(200), default="")
    bounce_domain: Mapped[str | None] = mapped_column(String(253))
    smtp: Mapped[dict[str, Any]] = mapped_column(default=dict)
    imap: Mapped[dict[str, Any]] = mapped_column(default=dict)
    password_env: Mapped[str | None] = mapped_column(String(128))
    daily_cap: Mapped[int] = mapped_column(default=50)
    min_gap_seconds: Mapped[int] = mapped_column(default=60)
    jitter_seconds: Mapped[int] = mapped_column(default=30)
    window: Mapped[dict[str, Any]] = mapped_column(default=dict)
    timezone: Mapped[str] = mapped_column(String(60), default="UTC")
    last_send_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    pause_reason: Mapped[str | None] = mapped_column(Text)
    folders: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]


class Campaign(Base):
    """A sequence of touches to many contacts; `policy` as campaign_graph reads it."""

    __tablename__ = "sales_campaigns"

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    name: Mapped[str] = mapped_column(String(200))
    product_id: Mapped[str | None] = mapped_column(ForeignKey("sales_products.id"))
    mailbox_id: Mapped[str | None] = mapped_column(ForeignKey("sales_mailboxes.id"))
    policy: Mapped[dict[str, Any]] = mapped_column(default=dict)
    paused_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Touch(Base):
    """The outbox: one mail to one address. It exists before the mail does, and is claimed first.

    `key` says which mail it is: `campaign.contact.touch_no`, or what the caller of email_send gave.
    `state`: planned -> claimed -> sent, failed or unknown; or cancelled. `fence` grows with each
    claim, and only the holder of the newest may say how it ended. `handed_at` is set just before
    the mail itself goes over the wire: a claim that ends without it sent nothing. `token` marks the
    envelope sender (VERP). `message_id` is stored before the SMTP call.
    """

    __tablename__ = "sales_touches"
    __table_args__ = (
        UniqueConstraint("campaign_id", "contact_id", "touch_no", name="sales_touches_once"),
        Index("sales_touches_by_state", "state", "retry_at"),
        Index("sales_touches_by_mailbox", "mailbox_id", "sent_at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    key: Mapped[str] = mapped_column(String(250), unique=True)
    campaign_id: Mapped[str | None] = mapped_column(ForeignKey("sales_campaigns.id"))
    contact_id: Mapped[str | None] = mapped_column(ForeignKey("sales_contacts.id"), index=True)
    touch_no: Mapped[int | None]
    recipient: Mapped[str] = mapped_column(String(254), default="")
    mailbox_id: Mapped[str | None] = mapped_column(ForeignKey("sales_mailboxes.id"))
    state: Mapped[str] = mapped_column(String(16), default="planned")
    token: Mapped[str | None] = mapped_column(String(64), unique=True)
    message_id: Mapped[str | None] = mapped_column(String(400), unique=True)
    subject: Mapped[str] = mapped_column(Text, default="")
    text: Mapped[str] = mapped_column(Text, default="")
    html: Mapped[str] = mapped_column(Text, default="")
    template: Mapped[str | None] = mapped_column(String(80))
    in_reply_to: Mapped[str | None] = mapped_column(String(400))
    references: Mapped[list[Any]] = mapped_column("refs", default=list)
    approved_by: Mapped[str | None] = mapped_column(String(200))
    attempts: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    handed_at: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    smtp_code: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
