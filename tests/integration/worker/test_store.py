"""Items in the store, from outside and from a graph."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from langgraph_sdk import get_client

from worker_process import WorkerProcess, make_row, running_worker

pytestmark = pytest.mark.integration

ROWS = [
    make_row("once", "build_graph", module="flows.remembering"),
    make_row("kept", "build_graph", module="flows.remembering", resumable=True),
]
ITEM = {"namespace": ["a", "b"], "key": "k", "value": {"v": 1}}


@pytest_asyncio.fixture
async def worker(tmp_path: Path, database_url: str) -> AsyncIterator[WorkerProcess]:
    async with running_worker(tmp_path, ROWS, "--database-url", database_url) as running:
        yield running


async def test_an_item_is_put_read_and_deleted(worker: WorkerProcess) -> None:
    assert (await worker.http.put("/store/items", json=ITEM)).status_code == 204
    found = (await worker.http.get("/store/items?namespace=a.b&key=k")).json()
    removed = [
        (await worker.http.request("DELETE", "/store/items", json=ITEM)).status_code
        for _ in range(2)
    ]
    gone = await worker.http.get("/store/items?namespace=a.b&key=k")
    assert {name: found[name] for name in ITEM} == ITEM
    assert set(found) == {*ITEM, "created_at", "updated_at"}
    assert removed == [204, 204]
    assert (gone.status_code, gone.json()) == (200, None)


async def test_items_are_searched_by_namespace_and_value(worker: WorkerProcess) -> None:
    for number in range(3):
        item = {"namespace": ["a", f"n{number}"], "key": "k", "value": {"v": number}}
        await worker.http.put("/store/items", json=item)

    async def search(**query: Any) -> list[Any]:
        answer = await worker.http.post("/store/items/search", json=query)
        return [item["value"]["v"] for item in answer.json()["items"]]

    assert sorted(await search(namespace_prefix=["a"])) == [0, 1, 2]
    assert await search(namespace_prefix=["a", "n1"]) == [1]
    assert await search(namespace_prefix=["a"], filter={"v": 2}) == [2]
    assert len(await search(namespace_prefix=["a"], limit=2)) == 2
    assert await search(namespace_prefix=["nobody"]) == []


async def test_namespaces_are_listed_to_a_depth(worker: WorkerProcess) -> None:
    await worker.http.put("/store/items", json=ITEM)
    whole = await worker.http.post("/store/namespaces", json={"prefix": ["a"]})
    short = await worker.http.post("/store/namespaces", json={"max_depth": 1})
    assert whole.json() == {"namespaces": [["a", "b"]]}
    assert short.json() == {"namespaces": [["a"]]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({**ITEM, "namespace": ["a.b"]}, "Namespace label 'a.b'"),
        ({**ITEM, "namespace": []}, "`namespace`"),
        ({**ITEM, "namespace": ["langgraph"]}, "langgraph"),
        ({**ITEM, "key": ""}, "`key`"),
        ({**ITEM, "value": 3}, "`value`"),
        ({**ITEM, "ttl": -1}, "`ttl`"),
        ({**ITEM, "index": ["text"]}, "`index`"),
    ],
)
async def test_what_is_no_item_is_refused_with_a_reason(
    worker: WorkerProcess, body: dict[str, Any], words: str
) -> None:
    answer = await worker.http.put("/store/items", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


async def test_a_missing_key_is_a_mistake(worker: WorkerProcess) -> None:
    assert (await worker.http.get("/store/items?namespace=a.b")).status_code == 400


@pytest.mark.parametrize("graph", ["once", "kept"])
async def test_a_graph_remembers_from_run_to_run(worker: WorkerProcess, graph: str) -> None:
    counts = []
    for _ in range(2):
        body = {"assistant_id": graph, "input": {"who": "Dana"}}
        counts.append((await worker.http.post("/runs/wait", json=body)).json()["count"])
    stored = (await worker.http.get("/store/items?namespace=people&key=Dana")).json()
    assert counts == [1, 2]
    assert stored["value"] == {"count": 2}


async def test_the_sdk_reads_what_it_wrote(worker: WorkerProcess) -> None:
    async with get_client(url=worker.url) as client:
        await client.store.put_item(["a"], key="k", value={"v": 1}, ttl=60)
        item = await client.store.get_item(["a"], key="k")
        found = await client.store.search_items(["a"])
        namespaces = await client.store.list_namespaces()
        await client.store.delete_item(["a"], key="k")
    assert item["value"] == {"v": 1}
    assert [entry["key"] for entry in found["items"]] == ["k"]
    assert namespaces["namespaces"] == [["a"]]
