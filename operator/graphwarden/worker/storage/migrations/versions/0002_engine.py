"""Who owns a thread, what waits to run, events, assistants, crons, and webhooks."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_INSTANT = sa.DateTime(timezone=True)

# A write under a fence holds this lock until it commits, so that whoever takes the thread over
# waits for it; and it fails with SQLSTATE GW001 when the thread has been taken over before.
_FENCE = """
CREATE FUNCTION graphwarden_require_fence(wanted_thread text, wanted_fence integer)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended(wanted_thread, 7));
  IF NOT EXISTS (
    SELECT FROM graphwarden_threads WHERE thread_id = wanted_thread AND fence = wanted_fence
  ) THEN
    RAISE EXCEPTION 'thread % was taken over by another worker', wanted_thread
      USING ERRCODE = 'GW001';
  END IF;
END $$
"""


def upgrade() -> None:
    """Add to both tables, and make the new ones."""
    owning: tuple[sa.Column[Any], ...] = (
        sa.Column("owner", sa.String(36)),
        sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
        sa.Column("event_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("wake_at", _INSTANT),
        sa.Column("wake_graph", sa.String(128)),
        sa.Column("expires_at", _INSTANT),
        sa.Column("ttl", _JSON),
    )
    for column in owning:
        op.add_column("graphwarden_threads", column)
    op.create_index("graphwarden_threads_by_wake", "graphwarden_threads", ["wake_graph", "wake_at"])
    op.create_index("graphwarden_threads_by_expiry", "graphwarden_threads", ["expires_at"])
    op.create_index("graphwarden_threads_by_owner", "graphwarden_threads", ["owner"])

    # The column held the name of the graph, and an assistant is more than that.
    op.alter_column("graphwarden_runs", "assistant_id", new_column_name="graph_id")
    waiting: tuple[sa.Column[Any], ...] = (
        sa.Column("assistant_id", sa.String(36), nullable=False, server_default=""),
        sa.Column("not_before", _INSTANT),
        sa.Column("cancel", sa.String(16)),
        sa.Column("error", _JSON),
        sa.Column("started_at", _INSTANT),
        sa.Column("resumed_from", sa.String(64)),
        sa.Column("stalls", sa.Integer, nullable=False, server_default="0"),
        sa.Column("resumable", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("orphaned", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    for column in waiting:
        op.add_column("graphwarden_runs", column)
    op.create_index("graphwarden_runs_by_worker", "graphwarden_runs", ["worker"])

    op.create_table(
        "graphwarden_workers",
        sa.Column("worker_id", sa.String(36), primary_key=True),
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("capability", sa.String(63), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("heartbeat_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "graphwarden_events",
        sa.Column("thread_id", sa.String(128), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
    )
    op.create_index("graphwarden_events_by_run", "graphwarden_events", ["run_id", "seq"])
    op.create_index("graphwarden_events_by_time", "graphwarden_events", ["created_at"])
    op.create_table(
        "graphwarden_assistants",
        sa.Column("assistant_id", sa.String(36), primary_key=True),
        *_assistant_columns(),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.create_index("graphwarden_assistants_by_graph", "graphwarden_assistants", ["graph_id"])
    op.create_table(
        "graphwarden_assistant_versions",
        sa.Column("assistant_id", sa.String(36), primary_key=True),
        *_assistant_columns(in_key=True),
        sa.Column("created_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "graphwarden_crons",
        sa.Column("cron_id", sa.String(36), primary_key=True),
        sa.Column("assistant_id", sa.String(36), nullable=False),
        sa.Column("graph_id", sa.String(128), nullable=False),
        sa.Column("thread_id", sa.String(128)),
        sa.Column("schedule", sa.String(255), nullable=False),
        sa.Column("timezone", sa.String(64)),
        sa.Column("end_time", _INSTANT),
        sa.Column("payload", _JSON, nullable=False),
        sa.Column("metadata", _JSON, nullable=False),
        sa.Column("on_run_completed", sa.String(16)),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("next_run_at", _INSTANT),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.create_index("graphwarden_crons_by_due", "graphwarden_crons", ["next_run_at"])
    op.create_table(
        "graphwarden_webhooks",
        sa.Column("delivery_id", sa.String(36), primary_key=True),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("payload", _JSON, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
    )
    op.create_index("graphwarden_webhooks_by_due", "graphwarden_webhooks", ["due_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FENCE)


def downgrade() -> None:
    """Undo it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION graphwarden_require_fence(text, integer)")
    for table in ("webhooks", "crons", "assistant_versions", "assistants", "events", "workers"):
        op.drop_table(f"graphwarden_{table}")
    op.drop_index("graphwarden_runs_by_worker", "graphwarden_runs")
    for name in (
        "orphaned",
        "resumable",
        "started_at",
        "error",
        "cancel",
        "not_before",
        "assistant_id",
    ):
        op.drop_column("graphwarden_runs", name)
    op.alter_column("graphwarden_runs", "graph_id", new_column_name="assistant_id")
    for name in ("wake", "expiry", "owner"):
        op.drop_index(f"graphwarden_threads_by_{name}", "graphwarden_threads")
    for name in ("ttl", "expires_at", "wake_graph", "wake_at", "event_seq", "fence", "owner"):
        op.drop_column("graphwarden_threads", name)


def _assistant_columns(*, in_key: bool = False) -> list[sa.Column[Any]]:
    return [
        sa.Column("version", sa.Integer, primary_key=in_key, autoincrement=False, nullable=False),
        sa.Column("graph_id", sa.String(128), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("config", _JSON, nullable=False),
        sa.Column("context", _JSON, nullable=False),
        sa.Column("metadata", _JSON, nullable=False),
    ]
