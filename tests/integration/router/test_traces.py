"""`/traces` of a router: what all workers keep, as far as the caller's key goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from graphwarden.router.access import make_key, render_key
from integration.router.upstream import Received, Router, Script, answer, listening, running_router

pytestmark = pytest.mark.integration
ALL, SOME = make_key(), make_key()
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def make_span(number: int, parent: int | None, assistant: str = "") -> dict[str, Any]:
    return {
        "span_id": f"{number:016x}",
        "parent_span_id": f"{parent:016x}" if parent is not None else None,
        "name": f"span {number}",
        "started_at": f"2026-11-30T09:00:0{number}.000000Z",
        "attributes": {"graphspec.assistant_id": assistant} if assistant else {},
    }


def make_run(assistant: str, second: int) -> dict[str, Any]:
    started = f"2026-11-30T09:00:{second:02d}.000000Z"
    return {"assistant_id": assistant, "started_at": started, "trace_id": TRACE}


def keeping(runs: list[dict[str, Any]], spans: list[dict[str, Any]]) -> Script:
    async def script(
        asked: Received, _: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        path = asked.line.split()[1]
        found: dict[str, Any] = {"kept": True, "runs": runs}
        if path.startswith("/traces/"):
            found = {"trace_id": TRACE, "spans": spans, "left_out": 1}
        writer.write(answer(200, json.dumps(found).encode()))

    return script


async def drop(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


OUTER = keeping(
    [make_run("outer", 1), make_run("outer", 3)],
    [make_span(1, None, "outer"), make_span(2, 1), make_span(3, 2)],
)
INNER = keeping([make_run("inner", 2)], [make_span(4, 3, "inner"), make_span(5, 4)])


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[Router]:
    """In front of a pool with a run of `outer`, which calls `inner` of another pool."""
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "all").write_text(render_key(ALL))
    (folder / "some").write_text(render_key(SOME, ["inner"]))
    async with AsyncExitStack() as stack:
        flags = ("--auth=keys", f"--keys={folder}")
        running = await stack.enter_async_context(running_router(tmp_path, *flags))
        pools = {}
        for name, script in {"left": OUTER, "right": INNER, "gone": drop}.items():
            worker = await stack.enter_async_context(listening(script))
            pools[name] = {"endpoints": [worker.endpoint]}
        await running.route(pools, outer={"pool": "left"}, inner={"pool": "right"})
        yield running


async def look(router: Router, path: str, key: str) -> dict[str, Any]:
    got = await router.http.get(path, headers={"x-api-key": key})
    assert got.is_success, got.text
    found = got.json()
    assert isinstance(found, dict)
    return found


async def test_the_runs_of_all_workers_are_one_list_and_who_did_not_answer_is_named(
    router: Router,
) -> None:
    found = await look(router, "/traces?limit=2", ALL)
    assert [(run["assistant_id"], run["started_at"][17:19]) for run in found["runs"]] == [
        ("outer", "03"),
        ("inner", "02"),
    ]
    assert found["missing"] == ["gone"]
    assert found["kept"]


async def test_the_spans_of_all_workers_are_one_trace(router: Router) -> None:
    found = await look(router, f"/traces/{TRACE.upper()}", ALL)
    assert [span["name"] for span in found["spans"]] == [f"span {n}" for n in range(1, 6)]
    assert (found["trace_id"], found["left_out"]) == (TRACE, 2)


async def test_a_key_for_one_assistant_sees_its_runs_and_its_part_of_a_trace(
    router: Router,
) -> None:
    runs = await look(router, "/traces", SOME)
    trace = await look(router, f"/traces/{TRACE}", SOME)
    assert {run["assistant_id"] for run in runs["runs"]} == {"inner"}
    assert [span["name"] for span in trace["spans"]] == ["span 4", "span 5"]


@pytest.mark.parametrize("path", ["/traces", f"/traces/{TRACE}"])
async def test_without_a_key_nothing_is_shown(router: Router, path: str) -> None:
    assert (await router.http.get(path)).status_code == 401
    assert (await router.http.post(path, headers={"x-api-key": ALL})).status_code == 405
