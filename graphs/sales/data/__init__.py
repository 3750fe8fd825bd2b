"""The sales database: companies, contacts, campaigns, mail, events. SQLite or PostgreSQL."""

from graphs.sales.data.database import Database, DatabaseMissing, open_database
from graphs.sales.data.ids import make_id

__all__ = ["Database", "DatabaseMissing", "make_id", "open_database"]
