"""How a router asks a worker with storage, and what it remembers of the answer."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from integration.router.upstream import Received, Router, Script, always, answer, listening

ASSISTANT = str(uuid.uuid4())
FOUND = json.dumps({"assistant_id": ASSISTANT, "graph_id": "x"}).encode()


def knowing(found: bytes | None) -> Script:
    """A worker that knows one assistant, or none, and runs everything."""

    async def script(request: Received, _: object, writer: Any) -> None:
        asked = request.line.startswith("GET /assistants/")
        known = answer(404, b"{}") if found is None else answer(200, found)
        writer.write(known if asked else answer(200, b"{}"))

    return script


async def losing(request: Received, _: object, writer: asyncio.StreamWriter) -> None:
    """A worker that takes a request and goes away."""
    writer.close()


async def run(router: Router, assistant: str = ASSISTANT) -> int:
    got = await router.http.post("/runs/wait", json={"assistant_id": assistant})
    return got.status_code


async def test_whose_an_assistant_is_is_asked_of_storage_once(router: Router) -> None:
    async with listening(knowing(FOUND)) as storage, listening(always(200)) as worker:
        await router.route(
            {
                "s": {"endpoints": [storage.endpoint], "has_storage": True},
                "p": {"endpoints": [worker.endpoint]},
            },
            x={"pool": "p"},
        )
        assert [await run(router), await run(router, ASSISTANT.upper())] == [200, 200]
    assert [r.line for r in storage.received] == [f"GET /assistants/{ASSISTANT} HTTP/1.1"]
    assert len(worker.received) == 2


async def test_an_assistant_that_is_not_there_is_not_asked_for_by_every_call(
    router: Router,
) -> None:
    async with listening(knowing(None)) as worker:
        await router.to(worker.endpoint)
        answers = [await run(router) for _ in range(5)]
    assert answers == [404] * 5
    assert len(worker.received) < 5


async def test_an_assistant_that_was_just_made_can_be_run_at_once(router: Router) -> None:
    async def script(request: Received, _: object, writer: Any) -> None:
        missing = request.line.startswith("GET /assistants/")
        writer.write(answer(404, b"{}") if missing else answer(200, FOUND))

    async with listening(script) as worker:
        await router.to(worker.endpoint)
        assert await run(router) == 404
        assert (await router.http.post("/assistants", json={"graph_id": "x"})).is_success
        assert await run(router) == 200


async def test_an_assistant_of_a_graph_that_left_the_fleet_cannot_be_run(router: Router) -> None:
    gone = json.dumps({"assistant_id": ASSISTANT, "graph_id": "gone"}).encode()
    async with listening(knowing(gone)) as worker:
        await router.to(worker.endpoint)
        got = await router.http.post("/runs/wait", json={"assistant_id": ASSISTANT})
    assert got.status_code == 422
    assert "graph 'gone', which is not in the fleet" in got.json()["detail"]


async def test_a_worker_whose_storage_is_not_open_is_passed_over(router: Router) -> None:
    refusing = always(503, **{"x-graphwarden-not-started": "true"})
    async with listening(refusing) as starting, listening(always(200, b"7")) as ready:
        await router.to(starting.endpoint, ready.endpoint, "127.0.0.1:9")
        counts = [await router.http.post("/assistants/count", json={}) for _ in range(4)]
    assert [count.json() for count in counts] == [8] * 4


@pytest.mark.parametrize(("path", "asked"), [("/assistants", 1), ("/assistants/count", 2)])
async def test_only_a_call_that_reads_is_sent_again_after_a_loss(
    router: Router, path: str, asked: int
) -> None:
    async with listening(losing) as one, listening(losing) as two:
        await router.to(one.endpoint, two.endpoint)
        got = await router.http.post(path, json={"graph_id": "x"})
        assert got.status_code == (502 if asked == 1 else 503)
        assert len(one.received) + len(two.received) == asked


async def test_a_worker_hears_of_a_graph_from_the_router_alone(router: Router) -> None:
    async with listening(always(200, FOUND)) as worker:
        await router.to(worker.endpoint)
        forged = {"x-graphwarden-graph": "forged", "traceparent": "broken"}
        await router.http.post("/assistants", json={"graph_id": "x"}, headers=forged)
        await router.http.patch(f"/assistants/{ASSISTANT}", json={"name": "n"}, headers=forged)
    told = [r.headers.get("x-graphwarden-graph") for r in worker.received]
    assert told == ["x", None]


async def test_a_search_asks_for_no_more_than_can_stand_on_the_page(router: Router) -> None:
    async with listening(always(200, b"[]", **{"x-pagination-total": "0"})) as worker:
        await router.to(worker.endpoint)
        page = {"offset": 40, "limit": 5}
        assert (await router.http.post("/assistants/search", json=page)).json() == []
    (asked,) = worker.received
    assert asked.line == "POST /assistants/search?stored_only=true HTTP/1.1"
    assert json.loads(asked.body).items() >= {"offset": 39, "limit": 6}.items()


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_a_fleet_without_storage_describes_itself(router: Router, path: str) -> None:
    async with listening(always(200, b'"described"')) as worker:
        await router.to(worker.endpoint, has_storage=False)
        answer = await router.http.get(path)
    assert (answer.status_code, answer.json()) == (200, "described")


async def test_a_fleet_without_storage_has_its_defaults(router: Router) -> None:
    await router.route({"p": {}}, x={"pool": "p"})
    found = (await router.http.post("/assistants/search", json={})).json()
    assert [assistant["graph_id"] for assistant in found] == ["x"]
    assert (await router.http.post("/assistants/count", json={})).json() == 1
    assert (await router.http.get(f"/assistants/{ASSISTANT}")).status_code == 404
