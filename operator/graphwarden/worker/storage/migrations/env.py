"""Alembic's entry: run the migrations on the connection that the worker hands over."""

from __future__ import annotations

from alembic import context

from graphwarden.worker.storage.migrate import VERSION_TABLE
from graphwarden.worker.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
