"""The console, over HTTP and in a browser, at a router that asks for keys."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from contract.fleet import endpoint_of
from graphwarden.router.access import make_key, render_key
from integration.router.upstream import Router, running_router
from node_packages import install_packages, run_node
from worker_process import make_row, running_worker

pytestmark = [pytest.mark.contract, pytest.mark.asyncio(loop_scope="module")]

_BROWSER = Path(__file__).parents[1] / "browser"
_ROWS = [make_row(name) for name in ("echo", "slow", "failing", "broken")]
_KEY = make_key()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def router(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Router]:
    folder = tmp_path_factory.mktemp("console")
    keys = folder / "keys"
    keys.mkdir()
    (keys / "one").write_text(render_key(_KEY))
    async with (
        running_worker(folder / "worker", _ROWS, GRAPHWARDEN_TRACES_KEPT="100") as worker,
        running_router(folder, "--console", "--auth=keys", f"--keys={keys}") as running,
    ):
        pool = {"endpoints": [endpoint_of(worker)]}
        await running.route({"p": pool}, **{row["assistant_id"]: {"pool": "p"} for row in _ROWS})
        yield running


async def test_the_page_is_open_and_runs_nothing_of_others(router: Router) -> None:
    moved = await router.http.get("/console")
    assert (moved.status_code, moved.headers["location"]) == (308, "console/")
    page = await router.http.get("/console/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_every_file_of_the_page_is_its_own(router: Router) -> None:
    names, seen = ["index.html"], set[str]()
    while names:
        name = names.pop()
        seen.add(name)
        answer = await router.http.get(f"/console/{name}")
        assert answer.is_success, name
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", answer.text) == [], name
        linked = re.findall(r'(?:src|href)="([\w.]+)"|from "\./([\w.]+)"', answer.text)
        names += [other for other in map("".join, linked) if other not in seen]
    assert {"console.css", "icon.svg", "fleet.js", "runs.js", "drawing.js"} < seen


async def test_a_file_that_a_browser_has_is_not_sent_again(router: Router) -> None:
    first = await router.http.get("/console/console.js")
    again = await router.http.get(
        "/console/console.js", headers={"if-none-match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert (await router.http.head("/console/console.js")).content == b""


async def test_what_is_not_there_is_not_served(router: Router) -> None:
    for path in ("nothing.js", "../assets.py", "%2e%2e/assets.py", "", "page/index.html"):
        answer = await router.http.get(f"/console/x/{path}")
        assert answer.status_code == 404, path
    assert (await router.http.post("/console/")).status_code == 405
    assert (await router.http.post("/console/events")).status_code in (401, 405)


async def test_what_the_fleet_does_is_for_those_with_a_key(router: Router) -> None:
    assert (await router.http.get("/console/events")).status_code == 401
    async with router.http.stream("GET", "/console/events", headers={"x-api-key": _KEY}) as told:
        assert told.headers["content-type"] == "text/event-stream; charset=utf-8"
        lines = told.aiter_lines()
        assert await anext(lines) == "event: fleet"
        fleet = json.loads((await anext(lines)).removeprefix("data: "))
    assert [graph["assistant_id"] for graph in fleet["graphs"]] == [
        *("broken", "echo", "failing", "slow")
    ]
    [pool] = fleet["pools"]
    assert (pool["name"], pool["endpoints"], pool["tripped"]) == ("p", 1, 0)


async def test_too_many_pages_are_refused_and_places_come_back(router: Router) -> None:
    headers = {"x-api-key": _KEY}

    leave = asyncio.Event()
    signs = [asyncio.Event() for _ in range(50)]
    async with httpx.AsyncClient(base_url=router.url, headers=headers, timeout=60) as http:

        async def read(opened: asyncio.Event) -> int:
            async with http.stream("GET", "/console/events") as told:
                opened.set()
                await leave.wait()
                return told.status_code

        async with asyncio.TaskGroup() as tasks:
            pages = [tasks.create_task(read(sign)) for sign in signs]
            await asyncio.gather(*(sign.wait() for sign in signs))
            refused = await router.http.get("/console/events", headers=headers)
            leave.set()
    assert {page.result() for page in pages} == {200}
    assert (refused.status_code, refused.json()["reason"]) == (429, "TooManyConnections")
    async with asyncio.timeout(30):
        while True:
            async with router.http.stream("GET", "/console/events", headers=headers) as told:
                if told.status_code == 200:
                    return
            await asyncio.sleep(0.05)


async def test_a_router_has_no_console_unless_it_is_told_to(tmp_path: Path) -> None:
    async with running_router(tmp_path) as plain:
        assert (await plain.http.get("/console/")).status_code == 404


async def test_an_open_page_does_not_keep_a_router_from_its_end(tmp_path: Path) -> None:
    async with running_router(tmp_path, "--console") as ending:
        await ending.route({})
        async with ending.http.stream("GET", "/console/events") as told:
            lines = told.aiter_lines()
            assert await anext(lines) == "event: fleet"
            assert ending.process is not None
            ending.process.terminate()
            async for _ in lines:
                pass
        assert await asyncio.wait_for(ending.process.wait(), 30) == 0


@pytest.mark.timeout(900)
async def test_the_console_is_used_by_keyboard_in_a_browser(router: Router) -> None:
    install_packages(_BROWSER)
    await run_node("console.mjs", router.url, _KEY, cwd=_BROWSER)
