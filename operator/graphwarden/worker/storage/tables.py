"""The tables, as SQLAlchemy sees them. `migrations/` makes them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Boolean, Column, DateTime, Index, Integer, MetaData, String, Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import JSON, TypeDecorator


class Instant(TypeDecorator[datetime]):
    """A point in time with its offset; SQLite alone would hand it back without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC."""
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """With its offset."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


metadata = MetaData()
_JSON = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

threads = Table(
    "graphwarden_threads",
    metadata,
    Column("thread_id", String(128), primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("state_updated_at", Instant, nullable=False),
    Column("metadata", _JSON, nullable=False, key="thread_metadata"),
    Column("status", String(16), nullable=False),
    Column("config", _JSON, nullable=False),
    Column("values", _JSON, key="thread_values"),
    Column("interrupts", _JSON, nullable=False),
    Column("error", _JSON),
    Index("graphwarden_threads_by_creation", "created_at"),
)

runs = Table(
    "graphwarden_runs",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("thread_id", String(128), nullable=False),
    Column("assistant_id", String(128), nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker", String(255)),
    Column("kwargs", _JSON, nullable=False),
    Column("kwargs_digest", String(64), nullable=False),
    Column("metadata", _JSON, nullable=False, key="run_metadata"),
    Column("multitask_strategy", String(16), nullable=False),
    Column("temporary", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("graphwarden_runs_by_thread", "thread_id", "created_at"),
    Index("graphwarden_runs_by_status", "status"),
)
