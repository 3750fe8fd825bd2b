"""What every test may use."""

from __future__ import annotations

from hypothesis import settings

from postgres_fixtures import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

# Examples are the same on every run, and slow machines fail no property by the clock.
settings.register_profile("graphwarden", deadline=None, derandomize=True)
settings.load_profile("graphwarden")
