"""Settings from the command line and the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphwarden.worker.settings import parse_settings
from graphwarden.worker.storage.database import normalise_url


def test_the_environment_gives_what_the_command_line_does_not() -> None:
    environment = {
        "GRAPHWARDEN_REGISTRY": "/r.json",
        "GRAPHWARDEN_CAPABILITY": "email",
        "GRAPHWARDEN_PORT": "9000",
        "GRAPHWARDEN_DRAIN_SECONDS": "1.5",
        "GRAPHWARDEN_MAX_BODY_BYTES": "100",
        "GRAPHWARDEN_LOG_FORMAT": "text",
    }
    settings = parse_settings([], environment)
    assert settings.registry == Path("/r.json")
    assert (settings.port, settings.drain_seconds, settings.max_body_bytes) == (9000, 1.5, 100)
    assert settings.log_format == "text"


def test_the_command_line_wins() -> None:
    environment = {"GRAPHWARDEN_REGISTRY": "/r.json", "GRAPHWARDEN_CAPABILITY": "email"}
    assert parse_settings(["--capability", "other"], environment).capability == "other"


def test_a_missing_registry_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_settings(["--capability", "email"], {})
    assert "--registry" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u:p@h/db", "postgresql+psycopg://u:p@h/db"),
        ("postgresql://h/db?sslmode=require", "postgresql+psycopg://h/db?sslmode=require"),
        ("postgresql+psycopg://h/db", "postgresql+psycopg://h/db"),
        ("sqlite:////tmp/f", "sqlite+aiosqlite:////tmp/f"),
        ("sqlite+aiosqlite:///f", "sqlite+aiosqlite:///f"),
    ],
)
def test_the_usual_spellings_of_a_database_are_taken(given: str, used: str) -> None:
    assert normalise_url(given) == used
