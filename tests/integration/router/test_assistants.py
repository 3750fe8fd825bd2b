"""Assistants through a router, with the vendor's client: two pools on one database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from graphwarden.api import names
from integration.router.upstream import Router, running_router
from worker_process import WorkerProcess, make_row, running_worker, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "00000000-0000-0000-0000-000000000000"


@dataclass
class Fleet:
    """Two pools with storage on one database, one without storage, one asleep."""

    router: Router
    sdk: LangGraphClient
    left: WorkerProcess
    right: WorkerProcess

    async def route(self, **asleep: dict[str, Any]) -> None:
        """Put the table in force; pools named in `asleep` lose their workers."""
        pools = {
            "left": {"endpoints": [_endpoint(self.left)], "has_storage": True},
            "right": {"endpoints": [_endpoint(self.right)], "has_storage": True},
            "bare": {},
        }
        await self.router.route(
            {name: {**pool, **asleep.get(name, {})} for name, pool in pools.items()},
            toned={"pool": "left", "context": {"tone": "warm"}, "generation": 4},
            kept={"pool": "right", "resumable": True},
            parent={"pool": "right"},
            plain={"pool": "bare"},
        )


def _endpoint(worker: WorkerProcess) -> str:
    return worker.url.removeprefix("http://")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    folder: Path = tmp_path_factory.mktemp("fleet")
    database = {"GRAPHWARDEN_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}"}
    left = [make_row("toned", context={"tone": "warm"}, generation=4)]
    right = [make_row("kept", "build_echo", resumable=True), make_row("parent")]
    async with (
        running_worker(folder / "left", left, **database) as one,
        running_worker(folder / "right", right, **database) as two,
        running_router(folder) as router,
        get_client(url=router.url) as sdk,
    ):
        fleet = Fleet(router, sdk, one, two)

        async def open_storage() -> bool:
            stored = "/assistants/count?stored_only=true"
            answers = [await worker.http.post(stored, json={}) for worker in (one, two)]
            return all(answer.is_success for answer in answers)

        await until(open_storage)
        await fleet.route()
        yield fleet


@pytest_asyncio.fixture(loop_scope="module")
async def sdk(fleet: Fleet) -> LangGraphClient:
    """The vendor's client for the fleet, in which no assistant is stored."""
    await fleet.route()
    for assistant in await fleet.sdk.assistants.search(limit=100):
        if assistant["metadata"].get("created_by") != "system":
            await fleet.sdk.assistants.delete(assistant["assistant_id"])
    return fleet.sdk


async def test_studio_finds_the_defaults_of_the_whole_fleet(fleet: Fleet) -> None:
    asleep = {"endpoints": [], "cold_start_wait_seconds": 60}
    await fleet.route(left=asleep, right=asleep)
    body = '{"limit":10,"offset":0,"metadata":{"created_by":"system"}}'
    plain = {"content-type": "text/plain"}
    got = await fleet.router.http.post("/assistants/search", content=body, headers=plain)
    assert sorted(a["graph_id"] for a in got.json()) == ["kept", "parent", "plain", "toned"]


async def test_an_assistant_is_made_changed_versioned_and_deleted(sdk: LangGraphClient) -> None:
    made = await sdk.assistants.create("toned", name="mine", context={"tone": "cold"})
    assistant_id = made["assistant_id"]
    assert await sdk.assistants.get(assistant_id) == made
    changed = await sdk.assistants.update(assistant_id, context={"tone": "dry"}, metadata={"n": 1})
    assert (changed["version"], changed["config"]) == (2, {"configurable": {"tone": "dry"}})
    versions = await sdk.assistants.get_versions(assistant_id)
    assert [version["version"] for version in versions] == [2, 1]
    back = await sdk.assistants.set_latest(assistant_id, 1)
    assert (back["version"], back["context"]) == (1, {"tone": "cold"})
    await sdk.assistants.delete(assistant_id)
    with pytest.raises(NotFoundError):
        await sdk.assistants.get(assistant_id)


async def test_a_search_merges_defaults_and_stored_ones(sdk: LangGraphClient) -> None:
    for name in ("mine", "old", "zoo"):
        await sdk.assistants.create("toned", name=name, metadata={"team": "a"})
    pages = [
        await sdk.assistants.search(
            limit=3, offset=offset, sort_by="name", sort_order="asc", response_format="object"
        )
        for offset in (0, 3, 6)
    ]
    found = [[assistant["name"] for assistant in page["assistants"]] for page in pages]
    assert found == [["kept", "mine", "old"], ["parent", "plain", "toned"], ["zoo"]]
    assert [page["next"] for page in pages] == ["3", "6", None]
    assert await sdk.assistants.count() == 7
    assert await sdk.assistants.count(graph_id="toned") == 4
    assert await sdk.assistants.count(metadata={"team": "a"}, name="O") == 2
    newest = await sdk.assistants.search(graph_id="toned", limit=1, select=["name"])
    assert newest == [{"name": "zoo"}]


async def test_a_graph_is_known_by_the_fleet_not_by_the_worker_that_stores(
    fleet: Fleet, sdk: LangGraphClient
) -> None:
    for graph in ("toned", "kept", "parent"):
        assert (await sdk.assistants.create(graph))["graph_id"] == graph
    with pytest.raises(NotFoundError, match=r"Expected one of: \['kept', 'parent', 'plain'"):
        await sdk.assistants.create("nope")
    forged = {"x-graphwarden-graph": "nope"}
    for method, path in (("POST", "/assistants"), ("PATCH", f"/assistants/{UNKNOWN}")):
        refused = await fleet.router.http.request(
            method, path, json={"graph_id": "nope"}, headers=forged
        )
        assert refused.status_code == 404


async def test_a_graph_without_storage_has_its_default_alone(sdk: LangGraphClient) -> None:
    with pytest.raises(UnprocessableEntityError, match="pool bare, which has no storage"):
        await sdk.assistants.create("plain")


async def test_defaults_are_read_only_and_name_their_graphspec(sdk: LangGraphClient) -> None:
    default = names.assistant_uuid("kept")
    assert (await sdk.assistants.get("kept"))["assistant_id"] == default
    with pytest.raises(ConflictError, match="GraphSpec with assistantID kept"):
        await sdk.assistants.update(default, name="x")
    with pytest.raises(ConflictError, match="GraphSpec with assistantID kept"):
        await sdk.assistants.delete(default)
    with pytest.raises(ConflictError, match="already exists"):
        await sdk.assistants.create("toned", assistant_id=default)
    kept = await sdk.assistants.create("toned", assistant_id=default, if_exists="do_nothing")
    assert kept["graph_id"] == "kept"
    (version,) = await sdk.assistants.get_versions(names.assistant_uuid("toned"))
    assert version["version"] == 4


async def test_a_graph_is_described_for_any_of_its_assistants(sdk: LangGraphClient) -> None:
    made = await sdk.assistants.create("parent")
    for named in ("parent", names.assistant_uuid("parent"), made["assistant_id"]):
        drawing: Any = await sdk.assistants.get_graph(named, xray=True)
        assert "sub:inner" in [node["id"] for node in drawing["nodes"]]
        assert (await sdk.assistants.get_schemas(named))["graph_id"] == "parent"
        assert list(await sdk.assistants.get_subgraphs(named, recurse=True)) == ["sub"]


async def test_nobody_is_found_under_an_id_that_nobody_has(
    fleet: Fleet, sdk: LangGraphClient
) -> None:
    run = await fleet.router.http.post("/runs/wait", json={"assistant_id": UNKNOWN})
    assert (run.status_code, run.json()["detail"]) == (404, "Thread or assistant not found.")
    for call in (
        sdk.assistants.get(UNKNOWN),
        sdk.assistants.update(UNKNOWN, name="x"),
        sdk.assistants.delete(UNKNOWN),
        sdk.assistants.get_versions(UNKNOWN),
        sdk.assistants.get_graph(UNKNOWN),
    ):
        with pytest.raises(NotFoundError):
            await call
    with pytest.raises(UnprocessableEntityError, match="must be a UUID"):
        await sdk.assistants.get("nope")


async def test_a_search_says_when_the_database_is_out_of_reach(fleet: Fleet) -> None:
    gone = {"endpoints": ["127.0.0.1:9"]}
    await fleet.route(left=gone, right=gone)
    got = await fleet.router.http.post("/assistants/search", json={})
    assert (got.status_code, got.json()["reason"]) == (503, "PoolUnavailable")


async def run(fleet: Fleet, assistant: str, **body: Any) -> str:
    asked = {"assistant_id": assistant, "input": {"foo": "x"}, **body}
    got = await fleet.router.http.post("/runs/wait", json=asked)
    assert got.is_success, got.text
    return str(got.json()["foo"])


async def test_a_run_has_the_settings_of_its_assistant_under_its_own(
    fleet: Fleet, sdk: LangGraphClient
) -> None:
    made = await sdk.assistants.create("toned", context={"tone": "cold"})
    assert await run(fleet, "toned") == "warm"
    assert await run(fleet, made["assistant_id"]) == "cold"
    assert await run(fleet, made["assistant_id"].upper(), context={"tone": "dry"}) == "dry"
    older = {"configurable": {"tone": "wet"}}
    assert await run(fleet, made["assistant_id"], config=older) == "wet"


async def test_a_change_of_an_assistant_takes_effect_with_the_next_run(
    fleet: Fleet, sdk: LangGraphClient
) -> None:
    assistant_id = (await sdk.assistants.create("toned", context={"tone": "cold"}))["assistant_id"]
    assert await run(fleet, assistant_id) == "cold"
    # Not by the router, which may have kept what it knew.
    change = {"context": {"tone": "dry"}}
    await fleet.right.http.patch(f"/assistants/{assistant_id}", json=change)
    assert await run(fleet, assistant_id) == "dry"
    vouched = {"x-graphwarden-graph": "parent"}
    await fleet.left.http.patch(
        f"/assistants/{assistant_id}", json={"graph_id": "parent"}, headers=vouched
    )
    assert await run(fleet, assistant_id) == "xab"
    await fleet.left.http.delete(f"/assistants/{assistant_id}")
    gone = await fleet.router.http.post("/runs/wait", json={"assistant_id": assistant_id})
    assert gone.status_code == 404


async def test_a_run_on_a_thread_names_its_assistant(fleet: Fleet, sdk: LangGraphClient) -> None:
    made = await sdk.assistants.create("kept", metadata={"team": "a"})
    thread_id = (await sdk.threads.create())["thread_id"]
    await sdk.runs.wait(thread_id, made["assistant_id"], input={"foo": "x"})
    (done,) = await sdk.runs.list(thread_id)
    assert done["assistant_id"] == made["assistant_id"]
    thread = await sdk.threads.get(thread_id)
    assert thread["metadata"]["assistant_id"] == made["assistant_id"]
    assert thread["metadata"]["graph_id"] == "kept"


async def test_the_threads_of_an_assistant_can_be_deleted_with_it(sdk: LangGraphClient) -> None:
    made = await sdk.assistants.create("kept")
    mine, other = [(await sdk.threads.create())["thread_id"] for _ in range(2)]
    await sdk.runs.wait(mine, made["assistant_id"], input={"foo": "x"})
    await sdk.runs.wait(other, "kept", input={"foo": "x"})
    await sdk.assistants.delete(made["assistant_id"], delete_threads=True)
    with pytest.raises(NotFoundError):
        await sdk.threads.get(mine)
    assert (await sdk.threads.get(other))["thread_id"] == other
