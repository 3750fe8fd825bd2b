"""What a worker is told about its checkpoint savers."""

from __future__ import annotations

from graphwarden.worker.settings import Settings, parse_settings

NEEDED = {"GRAPHWARDEN_REGISTRY": "/r.json", "GRAPHWARDEN_CAPABILITY": "email"}


def find(**environment: str) -> tuple[int, str]:
    settings: Settings = parse_settings([], {**NEEDED, **environment})
    return settings.database_pool_size, settings.sqlite_synchronous


def test_savers_have_ten_connections_and_sqlite_awaits_no_disk_unless_told() -> None:
    assert find() == (10, "NORMAL")


def test_the_environment_says_how_many_connections_and_how_careful() -> None:
    told = find(GRAPHWARDEN_DATABASE_POOL_SIZE="25", GRAPHWARDEN_SQLITE_SYNCHRONOUS="FULL")
    assert told == (25, "FULL")
