"""Alembic's migrations of the threads and runs tables."""
