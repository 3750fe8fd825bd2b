"""Where runs stand in traces, and threads wait in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One `traceparent` header each."""
    op.add_column("graphwarden_runs", sa.Column("traceparent", sa.String(64)))
    op.add_column("graphwarden_threads", sa.Column("waits_in", sa.String(64)))


def downgrade() -> None:
    """Undo it."""
    op.drop_column("graphwarden_threads", "waits_in")
    op.drop_column("graphwarden_runs", "traceparent")
