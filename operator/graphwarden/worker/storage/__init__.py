"""Threads, runs and checkpoints in SQLite or PostgreSQL, and who owns a thread."""
