"""Companies, contacts, and where each of their facts is from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from graphs.sales.data.columns import Base
from graphs.sales.data.ids import make_id


class Company(Base):
    """One organisation. `domain` is normalised and unique; `provenance` maps a field to
    `{"source", "at", "confidence"}`; `merged_into` names the row that took this one's place.
    """

    __tablename__ = "sales_companies"

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    name: Mapped[str] = mapped_column(String(300))
    domain: Mapped[str | None] = mapped_column(String(253), unique=True)
    website: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(String(2))
    industry: Mapped[str | None] = mapped_column(String(120))
    category: Mapped[str | None] = mapped_column(String(120))
    size: Mapped[str | None] = mapped_column(String(40))
    employees: Mapped[int | None]
    description: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str | None] = mapped_column(String(200))
    provenance: Mapped[dict[str, Any]] = mapped_column(default=dict)
    merged_into: Mapped[str | None] = mapped_column(String(64))
    enriched_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Contact(Base):
    """One person. `email` is normalised and unique; `provenance` as in Company.

    `basis` is the legal ground on which the data is kept (GDPR Art. 6), `consent` what was agreed
    to and when, where a country's law asks for it.
    """

    __tablename__ = "sales_contacts"

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    company_id: Mapped[str | None] = mapped_column(ForeignKey("sales_companies.id"), index=True)
    name: Mapped[str] = mapped_column(String(300), default="")
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    email_status: Mapped[str | None] = mapped_column(String(16))
    title: Mapped[str | None] = mapped_column(String(300))
    seniority: Mapped[str | None] = mapped_column(String(40))
    department: Mapped[str | None] = mapped_column(String(60))
    is_decision_maker: Mapped[bool | None]
    authority_score: Mapped[float | None]
    phone: Mapped[str | None] = mapped_column(String(40))
    profile_url: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(String(2))
    timezone: Mapped[str | None] = mapped_column(String(60))
    language: Mapped[str | None] = mapped_column(String(8))
    basis: Mapped[str] = mapped_column(String(40), default="legitimate_interest")
    consent: Mapped[dict[str, Any] | None]
    source: Mapped[str | None] = mapped_column(String(200))
    provenance: Mapped[dict[str, Any]] = mapped_column(default=dict)
    score: Mapped[float | None]
    tier: Mapped[str | None] = mapped_column(String(1))
    score_version: Mapped[str | None] = mapped_column(String(80))
    merged_into: Mapped[str | None] = mapped_column(String(64))
    enriched_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Fact(Base):
    """Something found out about a company: a technology, a problem, a signal, a page.

    `digest` tells facts of one kind apart: the same thing found again is the same row.
    `evidence` is the passage it was read from.
    """

    __tablename__ = "sales_facts"
    __table_args__ = (
        UniqueConstraint("company_id", "kind", "digest", name="sales_facts_once"),
        Index("sales_facts_by_kind", "company_id", "kind"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    company_id: Mapped[str] = mapped_column(ForeignKey("sales_companies.id"))
    kind: Mapped[str] = mapped_column(String(40))
    digest: Mapped[str] = mapped_column(String(64))
    value: Mapped[dict[str, Any]]
    source: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[str | None] = mapped_column(Text)
    confidence: Mapped[float] = mapped_column(default=1.0)
    found_at: Mapped[datetime]


class Review(Base):
    """Two rows that may be one, left for a person. `state`: open, same, different."""

    __tablename__ = "sales_reviews"
    __table_args__ = (UniqueConstraint("entity", "left_id", "right_id", name="sales_reviews_once"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=make_id)
    entity: Mapped[str] = mapped_column(String(16))
    left_id: Mapped[str] = mapped_column(String(64))
    right_id: Mapped[str] = mapped_column(String(64))
    score: Mapped[float]
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), default="open")
    created_at: Mapped[datetime]
