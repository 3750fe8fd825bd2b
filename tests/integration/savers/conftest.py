"""Savers on real databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.savers.place import Place, open_place


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Place]:
    """A saver on an empty SQLite file."""
    async with open_place(f"sqlite+aiosqlite:///{tmp_path / 'fleet.sqlite'}") as place:
        yield place


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Place]:
    """A saver on an empty PostgreSQL database."""
    async with open_place(postgres_url) as place:
        yield place


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the two."""
    found: Place = request.getfixturevalue(request.param)
    return found
