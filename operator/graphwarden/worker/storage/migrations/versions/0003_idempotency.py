"""One run for all calls with one `Idempotency-Key`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keys of runs, each once."""
    op.add_column("graphwarden_runs", sa.Column("idempotency_key", sa.String(64)))
    op.create_index("graphwarden_runs_by_key", "graphwarden_runs", ["idempotency_key"], unique=True)


def downgrade() -> None:
    """Undo it."""
    op.drop_index("graphwarden_runs_by_key", "graphwarden_runs")
    op.drop_column("graphwarden_runs", "idempotency_key")
