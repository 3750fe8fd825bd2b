"""The tables, as SQLAlchemy sees them. `migrations/` makes them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
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
    # Who may write: the worker's id, and a number that grows with each change of hands.
    Column("owner", String(36)),
    Column("fence", Integer, nullable=False, default=0),
    Column("event_seq", BigInteger, nullable=False, default=0),
    Column("wake_at", Instant),
    Column("wake_graph", String(128)),
    # The span that waits for an answer, as a `traceparent` header.
    Column("waits_in", String(64)),
    Column("expires_at", Instant),
    Column("ttl", _JSON),
    Index("graphwarden_threads_by_creation", "created_at"),
    Index("graphwarden_threads_by_wake", "wake_graph", "wake_at"),
    Index("graphwarden_threads_by_expiry", "expires_at"),
    Index("graphwarden_threads_by_owner", "owner"),
)

runs = Table(
    "graphwarden_runs",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("thread_id", String(128), nullable=False),
    Column("graph_id", String(128), nullable=False),
    Column("assistant_id", String(36), nullable=False),
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
    Column("not_before", Instant),
    Column("cancel", String(16)),
    Column("error", _JSON),
    Column("started_at", Instant),
    # The checkpoint that the last attempt went on from, and how many began there in vain.
    Column("resumed_from", String(64)),
    Column("stalls", Integer, nullable=False, default=0),
    # Whether a lost worker's run goes on from its checkpoint, or cannot be repeated.
    Column("resumable", Boolean, nullable=False, default=True),
    # Its caller went away with a worker: the result is for whoever asks the same again.
    Column("orphaned", Boolean, nullable=False, default=False),
    # The digest of the caller's `Idempotency-Key`.
    Column("idempotency_key", String(64)),
    # The request that asked for it, as a `traceparent` header.
    Column("traceparent", String(64)),
    Index("graphwarden_runs_by_thread", "thread_id", "created_at"),
    Index("graphwarden_runs_by_status", "status"),
    Index("graphwarden_runs_by_worker", "worker"),
    Index("graphwarden_runs_by_key", "idempotency_key", unique=True),
)

workers = Table(
    "graphwarden_workers",
    metadata,
    Column("worker_id", String(36), primary_key=True),
    Column("address", String(255), nullable=False),
    Column("capability", String(63), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("heartbeat_at", Instant, nullable=False),
)

events = Table(
    "graphwarden_events",
    metadata,
    Column("thread_id", String(128), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("run_id", String(36), nullable=False),
    Column("event", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("graphwarden_events_by_run", "run_id", "seq"),
    Index("graphwarden_events_by_time", "created_at"),
)

assistants = Table(
    "graphwarden_assistants",
    metadata,
    Column("assistant_id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("graph_id", String(128), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("config", _JSON, nullable=False),
    Column("context", _JSON, nullable=False),
    Column("metadata", _JSON, nullable=False, key="assistant_metadata"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("graphwarden_assistants_by_graph", "graph_id"),
)

assistant_versions = Table(
    "graphwarden_assistant_versions",
    metadata,
    Column("assistant_id", String(36), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("graph_id", String(128), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("config", _JSON, nullable=False),
    Column("context", _JSON, nullable=False),
    Column("metadata", _JSON, nullable=False, key="assistant_metadata"),
    Column("created_at", Instant, nullable=False),
)

crons = Table(
    "graphwarden_crons",
    metadata,
    Column("cron_id", String(36), primary_key=True),
    Column("assistant_id", String(36), nullable=False),
    Column("graph_id", String(128), nullable=False),
    Column("thread_id", String(128)),
    Column("schedule", String(255), nullable=False),
    Column("timezone", String(64)),
    Column("end_time", Instant),
    Column("payload", _JSON, nullable=False),
    Column("metadata", _JSON, nullable=False, key="cron_metadata"),
    Column("on_run_completed", String(16)),
    Column("enabled", Boolean, nullable=False),
    Column("next_run_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("graphwarden_crons_by_due", "next_run_at"),
)

webhooks = Table(
    "graphwarden_webhooks",
    metadata,
    Column("delivery_id", String(36), primary_key=True),
    Column("run_id", String(36), nullable=False),
    Column("url", Text, nullable=False),
    Column("payload", _JSON, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("graphwarden_webhooks_by_due", "due_at"),
)
