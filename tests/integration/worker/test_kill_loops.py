"""Kill loops in short: workers die in every way there is, and no run is lost or repeated.

`make chaos` is the long form.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from chaos.campaign import Round, play

# Minutes only where the machine has other work.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

DYING = {"kill": 2, "commit-kill": 2, "drain": 1, "client-gone": 1}
FAILING = {
    "sqlite": {"disk-full": 1, "kill": 1, "commit-kill": 1, "stop": 1},
    "postgresql": {"restart": 1, "kill": 1, "commit-kill": 1, "stop": 1},
}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_runs_outlive_workers_that_are_killed_or_drained(
    database: str, request: pytest.FixtureRequest
) -> None:
    await play_without_fault(database, "sync", DYING, request)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_runs_outlive_a_database_that_fails_and_a_worker_that_wakes_after_its_lease(
    database: str, request: pytest.FixtureRequest
) -> None:
    await play_without_fault(database, "async", FAILING[database], request)


async def play_without_fault(
    database: str, durability: str, faults: Mapping[str, int], request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("postgres_server") if database == "postgresql" else None
    report = await play(Round(database, durability, faults, workers=2), server)
    print(report)
    assert report.problems == ()
    assert report.kills >= 2
