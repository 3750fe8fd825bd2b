"""Threads and runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "graphwarden_threads",
        sa.Column("thread_id", sa.String(128), primary_key=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("state_updated_at", _INSTANT, nullable=False),
        sa.Column("metadata", _JSON, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("config", _JSON, nullable=False),
        sa.Column("values", _JSON),
        sa.Column("interrupts", _JSON, nullable=False),
        sa.Column("error", _JSON),
    )
    op.create_index("graphwarden_threads_by_creation", "graphwarden_threads", ["created_at"])
    op.create_table(
        "graphwarden_runs",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("thread_id", sa.String(128), nullable=False),
        sa.Column("assistant_id", sa.String(128), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(255)),
        sa.Column("kwargs", _JSON, nullable=False),
        sa.Column("kwargs_digest", sa.String(64), nullable=False),
        sa.Column("metadata", _JSON, nullable=False),
        sa.Column("multitask_strategy", sa.String(16), nullable=False),
        sa.Column("temporary", sa.Boolean, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.create_index("graphwarden_runs_by_thread", "graphwarden_runs", ["thread_id", "created_at"])
    op.create_index("graphwarden_runs_by_status", "graphwarden_runs", ["status"])


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("graphwarden_runs")
    op.drop_table("graphwarden_threads")
