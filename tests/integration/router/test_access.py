"""A router that asks who calls."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from graphwarden.router.access import make_key, render_key
from integration.router.upstream import Router, always, listening, running_router

pytestmark = pytest.mark.integration
ALL, SOME = make_key(), make_key()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "all").write_text(render_key(ALL))
    (folder / "some").write_text(render_key(SOME, ["y*"]))
    return folder


@pytest.fixture
async def guarded(tmp_path: Path, keys: Path) -> AsyncIterator[Router]:
    flags = ("--auth=keys", f"--keys={keys}", "--cors-origin=https://a.example")
    async with running_router(tmp_path, *flags) as running:
        yield running


async def run(router: Router, assistant: str = "x", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await router.http.post("/runs/wait", json={"assistant_id": assistant}, headers=named)


async def route(router: Router, endpoint: str) -> None:
    pool: dict[str, Any] = {"endpoints": [endpoint], "has_storage": True}
    await router.route({"p": pool}, x={"pool": "p"}, yes={"pool": "p"})


async def test_a_call_needs_a_key_that_is_known(guarded: Router) -> None:
    async with listening(always(200)) as worker:
        await route(guarded, worker.endpoint)
        for headers in ({}, {"x_api_key": "gw_wrong"}, {"authorization": "Basic abc"}):
            refused = await run(guarded, **headers)
            assert (refused.status_code, refused.json()["reason"]) == (401, "Unauthenticated")
            assert refused.headers["www-authenticate"].startswith("Bearer")
        # The first opens a connection to the worker, the others find it there.
        for headers in ({"x_api_key": ALL}, {"x_api_key": ALL}, {"authorization": f"Bearer {ALL}"}):
            assert (await run(guarded, **headers)).status_code == 200
    assert len(worker.received) == 3
    for seen in worker.received:
        assert not {"x-api-key", "authorization"} & seen.headers.keys()


async def test_probes_need_no_key(guarded: Router) -> None:
    await guarded.route({})
    for path in ("/ok", "/live", "/ready", "/metrics"):
        assert (await guarded.http.get(path)).status_code == 200
    assert (await guarded.http.get("/info")).status_code == 401


async def test_a_key_may_run_what_it_is_for(guarded: Router) -> None:
    async with listening(always(200)) as worker:
        await route(guarded, worker.endpoint)
        for _ in range(2):
            assert (await run(guarded, "yes", x_api_key=SOME)).status_code == 200
            refused = await run(guarded, "x", x_api_key=SOME)
            assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")
        key = {"x-api-key": SOME}
        thread = await guarded.http.get("/threads/deal-1/state", headers=key)
        batch = [{"assistant_id": "yes"}, {"assistant_id": "x"}]
        together = await guarded.http.post("/runs/batch", json=batch, headers=key)
    assert (thread.status_code, together.status_code) == (403, 403)
    assert len(worker.received) == 2


async def test_keys_are_replaced_without_a_restart(guarded: Router, keys: Path) -> None:
    fresh = make_key()

    async def until(key: str, status: int) -> None:
        async with asyncio.timeout(10):
            while (
                await guarded.http.get("/info", headers={"x-api-key": key})
            ).status_code != status:
                await asyncio.sleep(0.05)

    await until(ALL, 200)
    (keys / "all").write_text(render_key(ALL) + render_key(fresh))
    await until(fresh, 200)
    (keys / "all").write_text("nonsense")
    await asyncio.sleep(1.5)
    await until(ALL, 200)
    (keys / "all").write_text(render_key(fresh))
    await until(ALL, 401)
    await until(fresh, 200)


async def test_the_vendors_client_brings_its_key(guarded: Router) -> None:
    async with listening(always(200, b'{"a":1}')) as worker:
        await route(guarded, worker.endpoint)
        async with get_client(url=guarded.url, api_key=ALL) as sdk:
            assert await sdk.runs.wait(None, "x", input={}) == {"a": 1}


async def test_no_key_is_written_to_the_log(guarded: Router, tmp_path: Path) -> None:
    await guarded.route({}, x={"pool": "p"})
    await run(guarded, x_api_key=ALL)
    await run(guarded, authorization="Bearer gw_secret")
    await asyncio.sleep(0.3)
    text = (tmp_path / "router.log").read_text()
    assert ALL not in text
    assert "gw_secret" not in text


async def test_a_page_of_another_origin_is_told_nothing(guarded: Router) -> None:
    ours, other = {"origin": "https://a.example"}, {"origin": "https://b.example"}
    asked = await guarded.http.options("/runs/wait", headers=ours)
    assert asked.headers["access-control-allow-origin"] == "https://a.example"
    assert "access-control-allow-methods" in asked.headers
    refused = await guarded.http.options("/runs/wait", headers=other)
    assert not [name for name in refused.headers if name.startswith("access-control")]


async def test_a_router_on_a_public_address_must_be_told_who_may_call(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "graphwarden.router", "--host=0.0.0.0", f"--table={tmp_path}/t"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, text = await process.communicate()
    assert process.returncode == 2
    assert b"--auth is needed to listen on 0.0.0.0" in text
