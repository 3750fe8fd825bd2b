"""Graphs that are pages: open to everybody, at a router that asks all others for a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contract.fleet import endpoint_of
from envoy_process import Envoy, find_envoy, running_envoy
from graphwarden.api.table import AssistantRoute, PoolRoute
from graphwarden.router.access import make_key, render_key
from integration.router.upstream import running_router
from worker_process import WorkerProcess, make_row, running_worker

pytestmark = [pytest.mark.contract, pytest.mark.asyncio(loop_scope="module")]

_BOTH = ["GET", "POST"]
_ROWS = [
    make_row("page", module="flows.pages", page_methods=_BOTH),
    make_row("posted", "build_page", module="flows.pages", page_methods=["POST"]),
    make_row("nonsense", module="flows.pages", page_methods=_BOTH),
    make_row("failing_page", module="flows.pages", page_methods=_BOTH),
    make_row("echo"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    async with running_worker(tmp_path_factory.mktemp("worker"), _ROWS) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["router", "envoy"])
async def front(
    request: pytest.FixtureRequest,
    worker: WorkerProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[httpx.AsyncClient]:
    folder = tmp_path_factory.mktemp("front")
    pool = PoolRoute(endpoints=[endpoint_of(worker)])
    routes = {
        row["assistant_id"]: AssistantRoute(pool="p", page_methods=row.get("page_methods"))
        for row in _ROWS
    }
    if request.param == "router":
        keys = folder / "keys"
        keys.mkdir()
        (keys / "one").write_text(render_key(make_key()))
        async with running_router(folder, "--auth=keys", f"--keys={keys}") as router:
            dumped = {name: route.model_dump() for name, route in routes.items()}
            await router.route({"p": pool.model_dump()}, **dumped)
            yield router.http
        return
    envoy = Envoy(folder / "envoy")
    envoy.route({"p": pool}, **routes)
    async with running_envoy(find_envoy(), folder, envoy):
        await envoy.until(lambda answer: answer.is_success, assistant_id="echo", input={})
        yield envoy.http


async def test_everybody_may_open_a_page(front: httpx.AsyncClient) -> None:
    answer = await front.get("/pages/page?a=1&b=%C3%BC&a=2")
    assert (answer.status_code, answer.text) == (201, "GET {'a': '2', 'b': 'ü'} {}")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


async def test_a_form_reaches_the_graph(front: httpx.AsyncClient) -> None:
    answer = await front.post("/pages/page?t=x", data={"List-Unsubscribe": "One-Click"})
    assert answer.text == "POST {'t': 'x'} {'List-Unsubscribe': 'One-Click'}"


async def test_another_kind_of_body_is_no_form(front: httpx.AsyncClient) -> None:
    answer = await front.post("/pages/page", json={"a": 1})
    assert answer.text == "POST {} {}"


async def test_a_page_has_its_methods_and_no_others(front: httpx.AsyncClient) -> None:
    for method, name in (("GET", "posted"), ("DELETE", "page"), ("PUT", "page")):
        answer = await front.request(method, f"/pages/{name}")
        assert answer.status_code == 405, (method, name)
    assert (await front.post("/pages/posted")).status_code == 201


@pytest.mark.parametrize("name", ["nonsense", "failing_page"])
async def test_a_page_that_cannot_be_made_says_nothing_of_why(
    front: httpx.AsyncClient, name: str
) -> None:
    answer = await front.get(f"/pages/{name}")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["trace_id"]


async def test_a_body_that_is_too_large_is_refused(front: httpx.AsyncClient) -> None:
    answer = await front.post("/pages/page", content=b"x" * 70_000)
    assert (answer.status_code, answer.json()["reason"]) == (413, "BodyTooLarge")


async def test_too_many_fields_are_refused(front: httpx.AsyncClient) -> None:
    answer = await front.get("/pages/page?" + "&".join(f"f{n}=1" for n in range(101)))
    assert answer.status_code == 400


async def test_a_graph_that_is_no_page_is_none(front: httpx.AsyncClient, worker: Any) -> None:
    for name in ("echo", "nobody"):
        assert (await front.get(f"/pages/{name}")).status_code in (401, 404, 503)
        assert (await worker.http.get(f"/pages/{name}")).status_code == 404


async def test_everything_else_needs_a_key_as_before(
    front: httpx.AsyncClient, request: pytest.FixtureRequest
) -> None:
    # The twin asks nobody for a key, here or elsewhere.
    asks = request.node.callspec.params["front"] == "router"
    run = {"assistant_id": "echo", "input": {"foo": "x"}}
    assert (await front.post("/runs/wait", json=run)).status_code == (401 if asks else 200)
    assert (await front.get("/pages/page/x")).status_code != 201
