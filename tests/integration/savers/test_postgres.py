"""What only PostgreSQL can do to a saver: hang up, restart, and make one thread wait."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator

import psycopg
import pytest

from integration.savers.place import Place, open_place, running_under
from postgres_server import PostgresMissing, find_binaries, running_postgres

pytestmark = pytest.mark.integration


@pytest.fixture
async def server_of_its_own() -> AsyncIterator[Place]:
    """A saver on a server that may be restarted."""
    try:
        with running_postgres() as dsn:
            async with open_place(dsn) as place:
                yield place
    except PostgresMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs PostgreSQL: {missing}")
        pytest.skip(str(missing))


def restart(url: str) -> None:
    """Stop the server with all its connections, and start it again."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    owner = os.stat(row[0]).st_uid
    command = [str(find_binaries() / "pg_ctl"), "-D", row[0], "-w", "-m", "fast", "-l", "/dev/null"]
    subprocess.run(
        [*command, "restart"], check=True, stdout=subprocess.DEVNULL, cwd="/", user=owner
    )


async def test_runs_go_on_through_a_restart_of_the_server(server_of_its_own: Place) -> None:
    place, written = server_of_its_own, 0
    is_over = False

    async def write(thread_id: str) -> int:
        count = 0
        while not is_over:
            await place.put(thread_id, text=str(count))
            assert (await place.read(thread_id))[0] == [str(count)]
            count += 1
        return count

    writers = [asyncio.create_task(write(f"deal-{number}")) for number in range(4)]
    await asyncio.sleep(0.3)
    await asyncio.to_thread(restart, place.url)
    await asyncio.sleep(0.3)
    is_over = True
    written = sum(await asyncio.gather(*writers))
    stored = [len(await place.read(f"deal-{number}")) for number in range(4)]
    assert sum(stored) == written


async def test_connections_that_were_hung_up_on_are_not_used(postgres: Place) -> None:
    await asyncio.gather(*(postgres.put(f"deal-{number}") for number in range(4)))
    with psycopg.connect(postgres.url, autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert len(await postgres.read("deal-0")) == 1
    await postgres.put("deal-0", text="after")
    assert (await postgres.read("deal-0"))[0] == ["after"]


async def test_threads_that_wait_for_a_lock_hold_up_no_other(postgres: Place) -> None:
    fences = [await postgres.own(f"deal-{number}") for number in range(3)]
    with psycopg.connect(postgres.url) as server:
        for fence in fences:
            server.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", (fence.thread_id,)
            )
        waiting = []
        for fence in fences:
            with running_under(fence):
                waiting.append(asyncio.create_task(postgres.put(fence.thread_id)))
            await asyncio.sleep(0.1)
        await postgres.put("free", text="free")
        assert not any(task.done() for task in waiting)
        server.rollback()
    await asyncio.gather(*waiting)
    assert await postgres.read("free") == [["free"]]
