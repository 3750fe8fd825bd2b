"""What only SQLite can do to a saver: a full disk, a locked file, and reads beside writes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver

from graphwarden.worker.storage.fence import StorageBroken
from graphwarden.worker.storage.savers.sqlite import SqliteSaver
from integration.savers.place import Place, make_checkpoint, make_config

pytestmark = pytest.mark.integration


@pytest.fixture
def file(sqlite: Place, tmp_path: Path) -> Any:
    """Another connection to the same file."""
    with sqlite3.connect(tmp_path / "fleet.sqlite", isolation_level=None) as connection:
        yield connection
    connection.close()


async def limit_pages(saver: BaseCheckpointSaver[Any], pages: int) -> None:
    """A disk of this size."""
    await saver._writing.run(lambda c: c.execute(f"PRAGMA max_page_count={pages}").fetchone())  # type: ignore[attr-defined]


async def test_a_full_disk_reaches_the_caller_and_passes(
    sqlite: Place, file: sqlite3.Connection
) -> None:
    await sqlite.put("deal-1", text="before")
    pages = file.execute("PRAGMA page_count").fetchone()[0]
    await limit_pages(sqlite.saver, pages + 1)
    with pytest.raises(StorageBroken, match="full"):
        await sqlite.put("deal-1", text="x" * 300_000)
    assert await sqlite.read("deal-1") == [["before"]]
    await limit_pages(sqlite.saver, 1_000_000)
    await sqlite.put("deal-1", text="after")
    assert await sqlite.read("deal-1") == [["after"], ["before"]]


async def test_a_write_that_does_not_fit_harms_none_of_those_stored_with_it(
    sqlite: Place, file: sqlite3.Connection
) -> None:
    await sqlite.put("deal-0")
    pages = file.execute("PRAGMA page_count").fetchone()[0]
    await limit_pages(sqlite.saver, pages + 20)
    texts = ["small", "x" * 300_000, "small too"]
    puts = [sqlite.put(f"deal-{number}", text=text) for number, text in enumerate(texts, 1)]
    ends = await asyncio.gather(*puts, return_exceptions=True)
    assert [isinstance(end, StorageBroken) for end in ends] == [False, True, False]
    stored = [await sqlite.read(f"deal-{number}") for number in (1, 2, 3)]
    assert stored == [[["small"]], [], [["small too"]]]


async def test_reading_does_not_wait_for_a_writer(sqlite: Place, file: sqlite3.Connection) -> None:
    await sqlite.put("deal-1", text="before")
    file.execute("BEGIN IMMEDIATE")
    late = asyncio.create_task(sqlite.put("deal-1", text="late"))
    await asyncio.sleep(0.1)
    assert await sqlite.read("deal-1") == [["before"]]
    assert not late.done()
    file.execute("COMMIT")
    await late
    assert await sqlite.read("deal-1") == [["late"], ["before"]]


def read_synchronous(connection: sqlite3.Connection) -> int:
    """How carefully this connection writes: 1 is NORMAL, 2 is FULL."""
    return int(connection.execute("PRAGMA synchronous").fetchone()[0])


async def test_the_writer_syncs_as_it_is_told(tmp_path: Path) -> None:
    found = []
    for number, synchronous in enumerate(("NORMAL", "FULL")):
        path = tmp_path / str(number)
        async with aiosqlite.connect(path) as connection:
            saver = SqliteSaver(connection, path, synchronous)  # type: ignore[arg-type]
            found.append(await saver._writing.run(read_synchronous))
            await saver.aclose()
    assert found == [1, 2]


async def test_a_subgraphs_call_goes_with_the_checkpoint_it_was_made_from(sqlite: Place) -> None:
    async def put(space: str, text: str, **parents: str) -> str:
        checkpoint = make_checkpoint(text)
        config = {"configurable": {"thread_id": "deal-1", "checkpoint_ns": space}}
        await sqlite.saver.aput(config, checkpoint, {"parents": parents}, {})  # type: ignore[arg-type, typeddict-item]
        return checkpoint["id"]

    first = await put("", "first")
    await put("call:1", "old call", **{"": first})
    second = await put("", "second")
    await put("call:2", "call", **{"": second})
    await put("kept", "kept", **{"": first})
    await sqlite.saver.aprune(["deal-1"])
    config: Any = {"configurable": {"thread_id": "deal-1"}}
    found = {
        item.config["configurable"]["checkpoint_ns"]: item.checkpoint["channel_values"]["text"]
        async for item in sqlite.saver.alist(config)
    }
    assert found == {"": ["second"], "call:2": ["call"], "kept": ["kept"]}


async def test_a_thread_whose_values_need_its_history_is_not_thinned_out(
    sqlite: Place, file: sqlite3.Connection
) -> None:
    await sqlite.put("deal-1")
    await sqlite.put("deal-1")
    told = json.dumps({"counters_since_delta_snapshot": {"text": [1, 1]}}).encode()
    file.execute("UPDATE checkpoints SET metadata = ?", (told,))
    with pytest.raises(NotImplementedError, match="DeltaChannel"):
        await sqlite.saver.aprune(["deal-1"])
    found = [item async for item in sqlite.saver.alist(make_config("deal-1"))]
    assert len(found) == 2
