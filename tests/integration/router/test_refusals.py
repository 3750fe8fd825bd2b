"""Bad input, each with its clear answer, and requests that two servers could read differently."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from graphwarden.api import names
from integration.router.upstream import Router, always, listening

pytestmark = pytest.mark.integration


def problem_of(got: httpx.Response) -> tuple[int, str]:
    body = got.json()
    assert body["trace_id"] == got.headers["x-trace-id"]
    return got.status_code, body["reason"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"assistant_id": "nope"}', (422, "UnknownAssistant")),
        (json.dumps({"assistant_id": names.assistant_uuid("nope")}), (404, "UnknownAssistant")),
        (b'{"input": {}}', (422, "MissingAssistantID")),
        (b'{"assistant_id": 7}', (422, "MissingAssistantID")),
        (b"[]", (422, "MissingAssistantID")),
        (b'{"assistant_id": "x", }', (400, "InvalidJSON")),
        (b"", (400, "InvalidJSON")),
        (b'{"assistant_id": "x", "input": "' + b"y" * 100_000 + b'"}', (413, "BodyTooLarge")),
    ],
)
async def test_a_body_that_cannot_be_routed_is_refused_with_a_reason(
    router: Router, body: Any, problem: tuple[int, str]
) -> None:
    await router.to("127.0.0.1:9", has_storage=False)
    assert problem_of(await router.http.post("/runs/wait", content=body)) == problem


async def test_an_unknown_graph_is_told_with_those_there_are(router: Router) -> None:
    await router.to("127.0.0.1:9")
    got = await router.http.post("/runs/wait", json={"assistant_id": "nope"})
    assert got.json()["detail"] == (
        "Invalid assistant: 'nope'. Must be either:\n- A valid assistant UUID, or\n"
        "- One of the registered graphs: x"
    )


@pytest.mark.parametrize(
    ("method", "path", "problem"),
    [
        ("GET", "/nothing", (404, "NotFound")),
        ("DELETE", "/ok", (405, "MethodNotAllowed")),
        ("GET", "/runs/wait", (405, "MethodNotAllowed")),
        ("GET", "/assistants/nope", (422, "InvalidRequest")),
        ("GET", "/assistants/nope/schemas", (422, "UnknownAssistant")),
    ],
)
async def test_a_path_or_method_that_is_not_there_is_told(
    router: Router, method: str, path: str, problem: tuple[int, str]
) -> None:
    await router.to("127.0.0.1:9")
    assert problem_of(await router.http.request(method, path)) == problem


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ({"suspended": True, "ready": False, "reason": "Suspended"}, (503, "GraphSuspended")),
        ({"ready": False, "reason": "ImportError", "message": "no m"}, (503, "GraphNotReady")),
    ],
)
async def test_a_graph_that_cannot_run_is_told_with_its_condition(
    router: Router, route: dict[str, Any], problem: tuple[int, str]
) -> None:
    await router.route({"p": {"endpoints": ["127.0.0.1:9"]}}, x={"pool": "p", **route})
    got = await router.run()
    assert problem_of(got) == problem
    assert str(route["reason"]) in got.json()["detail"]
    assert "retry-after" in got.headers


async def test_threads_without_any_storage_are_told(router: Router) -> None:
    await router.to("127.0.0.1:9", has_storage=False)
    assert problem_of(await router.http.post("/threads", json={})) == (503, "StorageMissing")


async def test_a_router_without_a_table_is_not_ready(router: Router) -> None:
    assert (await router.http.get("/ready")).status_code == 503
    assert (await router.http.get("/live")).status_code == 200
    assert (await router.run()).status_code == 503


async def test_a_broken_table_leaves_the_last_good_one(router: Router) -> None:
    async with listening(always(200)) as worker:
        await router.to(worker.endpoint)
        router.path.write_text("{broken")
        assert (await router.run()).status_code == 200


BODY = b'{"assistant_id": "x"}'
HOST = b"host: a\r\n"
POST = b"POST /runs/wait HTTP/1.1\r\nhost: a\r\n"
OLD_POST = b"POST /runs/wait HTTP/1.0\r\nhost: a\r\n"
UPGRADE = b"upgrade: websocket\r\nconnection: upgrade\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"POST /runs/wait HTTP/1.1\r\ncontent-length: 21\r\n\r\n" + BODY, 400),
        (b"GET /ok HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET http://evil/ok HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (
            POST + b"content-length: 5\r\n"
            b"transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /threads/x HTTP/1.1\r\n\r\n",
            400,
        ),
        (
            b"POST /runs/wait HTTP/1.1\r\n"
            + HOST
            + b"content-length: 5\r\ncontent-length: 6\r\n\r\n",
            400,
        ),
        (POST + b"content-length: -1\r\n\r\n", 400),
        (POST + b"transfer-encoding: xchunked\r\n\r\n", 400),
        (POST + b"transfer-encoding : chunked\r\n\r\n", 400),
        (
            OLD_POST + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"GET /ok HTTP/1.1\r\n" + HOST + b"a: b\r\n c: d\r\n\r\n", 400),
        (b"GET /ok HTTP/1.1\r\n" + HOST + b"a\x00: b\r\n\r\n", 400),
        (b"GET /ok HTTP/1.1\n" + b"host: a\n\n", 400),
        (b"NONSENSE\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (
            b"GET /ok HTTP/1.1\r\n" + HOST + UPGRADE,
            501,
        ),
        (b"GET /ok HTTP/1.1\r\n" + HOST + b"a: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /ok HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 101 + b"\r\n", 431),
        (POST + b"content-length: 100001\r\n\r\n", 413),
    ],
)
async def test_a_request_of_two_meanings_is_refused_and_reaches_no_worker(
    router: Router, data: bytes, status: int
) -> None:
    async with listening(always(200)) as worker:
        await router.to(worker.endpoint)
        got = await router.send(data)
        assert worker.received == []
    found = int(got.split(b" ", 2)[1])
    assert found == status or (status, found) in {(400, 501), (501, 400)}
    assert b"connection: close" in got


async def test_requests_on_one_connection_are_answered_in_order(router: Router) -> None:
    async with listening(always(200, b"[1]")) as worker:
        await router.to(worker.endpoint)
        run = b"POST /runs/wait HTTP/1.1\r\nhost: a\r\ncontent-length: 21\r\n\r\n" + BODY
        last = b"GET /ok HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        got = await router.send(run + run + last)
    assert got.count(b"HTTP/1.1 200") == 3
    assert got.endswith(b'{"ok":true,"services":{}}')
    assert len(worker.received) == 2


async def test_a_client_of_http_1_0_gets_an_answer_without_chunks(router: Router) -> None:
    async def script(_: object, __: object, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n")

    async with listening(script) as worker:
        await router.to(worker.endpoint)
        got = await router.send(b"POST /runs/wait HTTP/1.0\r\ncontent-length: 21\r\n\r\n" + BODY)
    assert got.endswith(b"\r\n\r\n[]")


async def test_the_assistants_of_the_table_are_listed_as_clients_expect(router: Router) -> None:
    await router.route({"p": {}}, x={"pool": "p"}, y={"pool": "p", "resumable": True})
    query = {"metadata": {"created_by": "system"}, "limit": 1, "sort_by": "name"}
    got = await router.http.post("/assistants/search", json=query)
    assert [assistant["graph_id"] for assistant in got.json()] == ["y"]
    assert (got.headers["x-pagination-total"], got.headers["x-pagination-next"]) == ("2", "1")
    one = await router.http.get(f"/assistants/{names.assistant_uuid('x')}")
    assert one.json()["graph_id"] == "x"
    assert (await router.http.post("/assistants/count", json={"graph_id": "x"})).json() == 1


async def test_the_fleet_view_counts_what_the_workers_tell(router: Router) -> None:
    table = {"graphs": [{"assistant_id": "x", "loaded": True, "reason": None, "in_flight": 2}]}
    async with listening(always(200, json.dumps(table).encode())) as worker:
        await router.to(worker.endpoint, "127.0.0.1:9")
        (line,) = (await router.http.get("/graphs")).json()["graphs"]
    assert (line["loaded"], line["ready"], line["in_flight"]) == ("1/2", True, 2)


@pytest.mark.parametrize(
    ("path", "body", "problem"),
    [
        ("/runs/wait", b'{"input": ' + b"[" * 20_000, (400, "InvalidJSON")),
        ("/runs/wait", b'{"assistant_id": "\xff"}', (400, "InvalidJSON")),
        ("/assistants/search", b'{"metadata": ' + b"[" * 20_000, (400, "InvalidJSON")),
        ("/assistants/search", b'{"sort_by": []}', (422, "InvalidRequest")),
        ("/assistants/search", b"\xff", (400, "InvalidJSON")),
    ],
)
async def test_a_hostile_body_is_refused_like_any_other(
    router: Router, path: str, body: bytes, problem: tuple[int, str]
) -> None:
    await router.to("127.0.0.1:9")
    assert problem_of(await router.http.post(path, content=body)) == problem


async def test_a_thread_in_a_body_nested_too_deeply_is_the_workers_to_judge(router: Router) -> None:
    async with listening(always(400)) as worker:
        await router.to(worker.endpoint)
        body = b'{"metadata": ' + b"[" * 20_000
        assert (await router.http.post("/threads", content=body)).status_code == 400
    assert worker.received[0].body == body


async def test_a_graph_without_a_pool_is_unavailable(router: Router) -> None:
    await router.route({}, x={"pool": "p"})
    assert problem_of(await router.run()) == (503, "PoolUnavailable")
