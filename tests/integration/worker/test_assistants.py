"""API-made assistants on both databases, by way of a real worker."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from graphwarden.api import names
from postgres_fixtures import make_database
from worker_process import WorkerProcess, make_row, running_worker, until

ROWS = [
    make_row("echo", generation=3, context={"tone": "warm"}),
    make_row("chat"),
    make_row("parent"),
]
STORED = "/assistants/search?stored_only=true"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def worker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WorkerProcess]:
    """One worker on each database for all tests of this module."""
    folder = tmp_path_factory.mktemp("worker")
    url = f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}"
    if request.param == "postgresql":
        url = make_database(request.getfixturevalue("postgres_server"))
    async with running_worker(folder, ROWS, GRAPHWARDEN_DATABASE_URL=url) as running:

        async def open_storage() -> bool:
            return (await running.http.post("/assistants/search", json={})).is_success

        await until(open_storage)
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def http(worker: WorkerProcess) -> httpx.AsyncClient:
    """The worker, without any stored assistant."""
    everything = {"limit": 1000}
    for made in (await worker.http.post(STORED, json=everything)).json():
        await worker.http.delete(f"/assistants/{made['assistant_id']}")
    return worker.http


async def make(http: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    got = await http.post("/assistants", json={"graph_id": "echo", **body})
    assert got.status_code == 200, got.text
    made: dict[str, Any] = got.json()
    return made


async def test_a_new_assistant_is_read_back_as_it_was_answered(http: httpx.AsyncClient) -> None:
    made = await make(http, name="mine", config={"configurable": {"k": 1}}, metadata={"m": 1})
    assert made["config"] == {"configurable": {"k": 1}}
    assert made["context"] == {"k": 1}
    assert (made["version"], made["description"]) == (1, None)
    assert (await http.get(f"/assistants/{made['assistant_id']}")).json() == made


async def test_an_id_is_given_once(http: httpx.AsyncClient) -> None:
    given = str(uuid.uuid4())
    made = await make(http, assistant_id=given, name="first")
    again = {"graph_id": "echo", "assistant_id": given.upper(), "name": "second"}
    refused = await http.post("/assistants", json=again)
    assert refused.status_code == 409
    assert refused.json()["detail"] == f"Assistant {given} already exists"
    assert await make(http, **again, if_exists="do_nothing") == made


async def test_a_change_makes_a_version_and_merges_metadata(http: httpx.AsyncClient) -> None:
    made = await make(http, name="mine", context={"k": 1}, metadata={"m": 1})
    change = {"name": "mine2", "context": {"who": "x"}, "metadata": {"n": 2}}
    got = (await http.patch(f"/assistants/{made['assistant_id']}", json=change)).json()
    assert (got["version"], got["name"]) == (2, "mine2")
    assert got["config"] == {"configurable": {"who": "x"}}
    assert (got["context"], got["metadata"]) == ({"who": "x"}, {"m": 1, "n": 2})
    assert got["created_at"] == made["created_at"] < got["updated_at"]


async def test_versions_are_listed_newest_first_and_can_be_gone_back_to(
    http: httpx.AsyncClient,
) -> None:
    made = await make(http, name="one", context={"k": 1}, metadata={"kind": "a"})
    path = f"/assistants/{made['assistant_id']}"
    await http.patch(path, json={"name": "two", "context": {"k": 2}, "metadata": {"kind": "b"}})
    versions = (await http.post(f"{path}/versions", json={})).json()
    assert [(v["version"], v["name"]) for v in versions] == [(2, "two"), (1, "one")]
    found = (await http.post(f"{path}/versions", json={"metadata": {"kind": "a"}})).json()
    assert [v["version"] for v in found] == [1]
    back = (await http.post(f"{path}/latest", json={"version": 1})).json()
    assert (back["version"], back["name"], back["context"]) == (1, "one", {"k": 1})
    assert (await http.get(path)).json() == back
    assert (await http.patch(path, json={"name": "three"})).json()["version"] == 3
    assert (await http.post(f"{path}/latest", json={"version": 9})).status_code == 404


async def test_a_deleted_assistant_is_gone(http: httpx.AsyncClient) -> None:
    path = f"/assistants/{(await make(http))['assistant_id']}"
    gone = await http.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    for refused in (
        await http.get(path),
        await http.delete(path),
        await http.patch(path, json={}),
        await http.post(f"{path}/versions", json={}),
        await http.post(f"{path}/latest", json={"version": 1}),
    ):
        assert refused.status_code == 404
        assert refused.json()["detail"] == f"Assistant with ID {path[12:]} not found"


async def test_the_default_assistant_belongs_to_its_graphspec(http: httpx.AsyncClient) -> None:
    default = names.assistant_uuid("echo")
    shown = (await http.get(f"/assistants/{default}")).json()
    assert shown["metadata"]["created_by"] == "system"
    assert (shown["version"], shown["context"]) == (3, {"tone": "warm"})
    assert (await http.get("/assistants/echo")).json() == shown
    for refused in (
        await http.patch(f"/assistants/{default}", json={"name": "x"}),
        await http.delete("/assistants/echo"),
        await http.post(f"/assistants/{default}/latest", json={"version": 1}),
    ):
        assert refused.status_code == 409
        assert "GraphSpec with assistantID echo" in refused.json()["detail"]
    taken = await http.post("/assistants", json={"graph_id": "chat", "assistant_id": default})
    assert taken.status_code == 409
    (version,) = (await http.post(f"/assistants/{default}/versions", json={})).json()
    assert version["version"] == 3


async def test_a_search_finds_both_kinds_in_one_order(http: httpx.AsyncClient) -> None:
    for name in ("Delta", "alpha", "éclair"):
        await make(http, name=name, metadata={"team": {"id": 7, "on": True}})
    by_name = {"sort_by": "name", "sort_order": "asc", "select": ["name"]}
    got = await http.post("/assistants/search", json=by_name)
    assert [a["name"] for a in got.json()] == ["Delta", "alpha", "chat", "echo", "parent", "éclair"]
    page = await http.post("/assistants/search", json={**by_name, "limit": 2, "offset": 1})
    assert [a["name"] for a in page.json()] == ["alpha", "chat"]
    assert page.headers["x-pagination-total"] == "6"
    assert page.headers["x-pagination-next"] == "3"
    last = await http.post("/assistants/search", json={**by_name, "limit": 2, "offset": 5})
    assert [a["name"] for a in last.json()] == ["éclair"]
    assert "x-pagination-next" not in last.headers


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 5),
        ({"metadata": {"created_by": "system"}}, 3),
        ({"metadata": {"team": {"id": 7}}}, 1),
        ({"metadata": {"n": 1}}, 1),
        ({"metadata": {"n": None}}, 0),
        ({"metadata": {"flag": True}}, 1),
        ({"graph_id": "echo"}, 3),
        ({"name": "LPH"}, 1),
        ({"name": "%"}, 0),
        ({"graph_id": "none"}, 0),
    ],
)
async def test_a_count_counts_what_a_search_finds(
    http: httpx.AsyncClient, query: dict[str, Any], found: int
) -> None:
    await make(http, name="Alpha", metadata={"team": {"id": 7}})
    await make(http, name="Beta", metadata={"n": 1, "flag": True})
    assert (await http.post("/assistants/count", json=query)).json() == found
    assert len((await http.post("/assistants/search", json=query)).json()) == found


async def test_the_stored_ones_alone_can_be_asked_for(http: httpx.AsyncClient) -> None:
    made = await make(http)
    (only,) = (await http.post(STORED, json={})).json()
    assert only == made
    assert (await http.post("/assistants/count?stored_only=true", json={})).json() == 1


async def test_a_router_may_vouch_for_a_graph_of_another_pool(http: httpx.AsyncClient) -> None:
    body = {"graph_id": "elsewhere"}
    refused = await http.post("/assistants", json=body)
    assert refused.status_code == 404
    expected = "Graph 'elsewhere' not found. Expected one of: ['chat', 'echo', 'parent']"
    assert refused.json()["detail"] == expected
    vouched = {"x-graphwarden-graph": "elsewhere"}
    made = await http.post("/assistants", json=body, headers=vouched)
    assert made.json()["graph_id"] == "elsewhere"
    drawing = await http.get(f"/assistants/{made.json()['assistant_id']}/graph")
    assert (drawing.status_code, drawing.headers["x-graphwarden-assistant"]) == (421, "elsewhere")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/assistants", {}, 422),
        ("POST", "/assistants", {"graph_id": 5}, 422),
        ("POST", "/assistants", {"graph_id": "echo", "assistant_id": "me"}, 422),
        ("POST", "/assistants", {"graph_id": "echo", "if_exists": "replace"}, 422),
        ("POST", "/assistants", {"graph_id": "echo", "name": "n" * 256}, 422),
        ("POST", "/assistants", {"graph_id": "echo", "name": "a\0b"}, 422),
        ("POST", "/assistants", {"graph_id": "echo", "metadata": {"created_by": "system"}}, 422),
        (
            "POST",
            "/assistants",
            {"graph_id": "echo", "config": {"configurable": {"a": 1}}, "context": {"b": 1}},
            400,
        ),
        ("GET", "/assistants/nope", None, 422),
        ("GET", "/assistants/00000000-0000-0000-0000-000000000000", None, 404),
        ("POST", "/assistants/search", {"sort_by": "colour"}, 422),
        ("POST", "/assistants/search", {"limit": 1001}, 422),
        ("POST", "/assistants/search", {"name": "a\0b"}, 422),
        ("GET", "/assistants/00000000-0000-0000-0000-000000000000/graph", None, 404),
        ("GET", "/assistants/nope/schemas", None, 422),
    ],
)
async def test_a_call_that_makes_no_sense_is_refused(
    http: httpx.AsyncClient, method: str, path: str, body: Any, status: int
) -> None:
    got = await http.request(method, path, json=body)
    assert got.status_code == status, got.text
    assert got.json()["detail"]


async def test_subgraphs_are_described_by_node(http: httpx.AsyncClient) -> None:
    made = await make(http, graph_id="parent")
    for named in ("parent", names.assistant_uuid("parent"), made["assistant_id"]):
        found = (await http.get(f"/assistants/{named}/subgraphs")).json()
        assert found["sub"]["context_schema"] is None
        assert "foo" in found["sub"]["state_schema"]["properties"]
        below = (await http.get(f"/assistants/{named}/subgraphs/sub?recurse=true")).json()
        assert below == found
        assert (await http.get(f"/assistants/{named}/subgraphs/zzz")).json() == {}
    assert (await http.get("/assistants/parent/subgraphs?recurse=maybe")).status_code == 422


async def test_an_assistant_shows_the_graph_it_is_of(http: httpx.AsyncClient) -> None:
    made = await make(http, graph_id="parent")
    path = f"/assistants/{made['assistant_id']}"
    nodes = (await http.get(f"{path}/graph?xray=true")).json()["nodes"]
    assert "sub:inner" in [node["id"] for node in nodes]
    assert (await http.get(f"{path}/schemas")).json()["graph_id"] == "parent"


async def test_a_worker_without_a_database_has_its_defaults(tmp_path: Path) -> None:
    async with running_worker(tmp_path, ROWS) as bare:
        found = (await bare.http.post("/assistants/search", json={})).json()
        assert sorted(assistant["graph_id"] for assistant in found) == ["chat", "echo", "parent"]
        assert (await bare.http.post("/assistants/count", json={})).json() == 3
        unknown = f"/assistants/{uuid.uuid4()}"
        assert (await bare.http.get(unknown)).status_code == 404
        assert (await bare.http.get(f"{unknown}/schemas")).status_code == 404
        refused = await bare.http.post("/assistants", json={"graph_id": "echo"})
        assert (refused.status_code, refused.json()["reason"]) == (503, "StorageMissing")
