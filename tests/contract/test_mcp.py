"""The official MCP client against a whole fleet: every assistant is a tool."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from mcp import Client
from mcp.shared.exceptions import MCPError

from contract.fleet import Fleet, running_fleet
from worker_process import make_row

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROWS = {
    "left": [make_row("echo"), make_row("asking", resumable=True), make_row("broken")],
    "right": [
        make_row("kept", "build_echo", resumable=True),
        make_row("failing"),
        make_row("chat"),
    ],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Two pools on SQLite behind a router."""
    folder = tmp_path_factory.mktemp("fleet")
    database = f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}"
    async with running_fleet(folder, ROWS, database_url=database) as running:
        yield running


@pytest.fixture(params=["auto", "legacy"])
def client(fleet: Fleet, request: pytest.FixtureRequest) -> Client:
    """The client, as it comes and without a look for later versions of the protocol."""
    return Client(f"{fleet.url}/mcp", mode=request.param)


async def post(fleet: Fleet, body: Any, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=fleet.url, timeout=30) as http:
        return await http.post("/mcp", json=body, headers=headers)


def ask(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


async def test_the_client_lists_the_graphs_of_all_pools(client: Client) -> None:
    async with client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert {"echo", "asking", "kept", "failing", "chat"} <= tools.keys()
    assert tools["chat"].input_schema["properties"]["messages"]["type"] == "array"
    assert "messages" in (tools["chat"].output_schema or {})["properties"]
    assert tools["echo"].description == "Two nodes; the first reports progress."


@pytest.mark.parametrize("name", ["echo", "kept"])
async def test_a_call_runs_the_graph_in_whichever_pool_it_is(client: Client, name: str) -> None:
    async with client:
        result = await client.call_tool(name, {"foo": "x"})
    assert not result.is_error
    assert result.structured_content == {"foo": "xab", "log": ["a", "b"]}
    assert json.loads(result.content[0].text) == result.structured_content


async def test_messages_come_out_as_the_schema_of_the_tool_says(client: Client) -> None:
    question = {"messages": [{"role": "user", "content": "hello"}]}
    async with client:
        await client.list_tools()
        result = await client.call_tool("chat", question)
    assert result.structured_content["messages"][-1]["content"] == "hello brave new world"


async def test_a_graph_that_fails_says_so_to_the_model(client: Client) -> None:
    async with client:
        result = await client.call_tool("failing", {"foo": "x"})
    assert result.is_error
    assert result.content[0].text == "ValueError: kaboom"


async def test_a_graph_that_asks_says_that_nobody_can_answer(client: Client) -> None:
    async with client:
        result = await client.call_tool("asking", {"foo": "x"})
    assert result.is_error
    assert "ok?" in result.content[0].text


async def test_an_unknown_tool_is_a_wrong_parameter(client: Client) -> None:
    async with client:
        with pytest.raises(MCPError, match=r"registered graphs: .*echo.*kept") as caught:
            await client.call_tool("nobody", {})
    assert caught.value.code == -32602


async def test_an_assistant_that_the_api_made_is_a_tool_of_its_own(
    fleet: Fleet, client: Client
) -> None:
    made = await fleet.sdk.assistants.create("kept", name="mine", description="Says it twice.")
    async with client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        result = await client.call_tool(made["assistant_id"], {"foo": "x"})
    tool = tools[made["assistant_id"]]
    assert (tool.title, tool.description) == ("mine", "Says it twice.")
    assert result.structured_content == {"foo": "xab", "log": ["a", "b"]}


async def test_a_pool_without_a_worker_keeps_its_tools_on_the_list(fleet: Fleet) -> None:
    await fleet.route(right={"endpoints": []})
    try:
        listed = (await post(fleet, ask("tools/list"))).json()["result"]["tools"]
    finally:
        await fleet.route()
    found = {tool["name"]: tool for tool in listed}
    assert found["chat"]["inputSchema"] == {"type": "object"}


async def test_a_call_to_a_pool_without_a_worker_is_refused_as_json_rpc(fleet: Fleet) -> None:
    await fleet.route(right={"endpoints": [], "cold_start_wait_seconds": 0.1})
    try:
        refused = await post(fleet, ask("tools/call", name="kept", arguments={}))
    finally:
        await fleet.route()
    assert (refused.status_code, refused.json()["id"]) == (503, 7)
    assert refused.json()["error"]["data"] == {"reason": "PoolUnavailable"}
    assert "retry-after" in refused.headers


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ([ask("ping")], 400, -32600),
        ({"id": 7, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": [], "method": "ping"}, 400, -32600),
        ({**ask("ping"), "params": []}, 400, -32602),
        (ask("tools/call", name=1), 200, -32602),
        (ask("tools/call", name="echo", arguments=[]), 200, -32602),
        (ask("tools/list", cursor="2"), 200, -32602),
        (ask("resources/list"), 200, -32601),
        (ask("nothing"), 200, -32601),
    ],
)
async def test_what_is_wrong_is_said_alike_by_the_router_and_by_a_worker(
    fleet: Fleet, body: Any, status: int, code: int
) -> None:
    said = await post(fleet, body)
    worker = await fleet.pools["left"][0].http.post("/mcp", json=body)
    assert (said.status_code, said.json()["error"]["code"]) == (status, code)
    assert (worker.status_code, worker.json()) == (said.status_code, said.json())


async def test_a_body_that_is_no_json_is_a_parse_error(fleet: Fleet) -> None:
    for url in (fleet.url, fleet.pools["left"][0].url):
        async with httpx.AsyncClient() as http:
            said = await http.post(f"{url}/mcp", content=b"{")
        assert (said.status_code, said.json()["error"]["code"]) == (400, -32700)


async def test_a_version_that_nobody_speaks_is_told_the_others(fleet: Fleet) -> None:
    said = await post(fleet, ask("ping"), **{"mcp-protocol-version": "2031-01-01"})
    assert (said.status_code, said.json()["error"]["code"]) == (400, -32022)
    assert "2025-06-18" in said.json()["error"]["data"]["supported"]


async def test_what_is_only_told_gets_no_answer(fleet: Fleet) -> None:
    told = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    for target in (fleet.url, fleet.pools["left"][0].url):
        async with httpx.AsyncClient() as http:
            said = await http.post(f"{target}/mcp", json=told)
        assert (said.status_code, said.content) == (202, b"")


async def test_there_are_no_streams_and_no_sessions(fleet: Fleet) -> None:
    for target in (fleet.url, fleet.pools["left"][0].url):
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{target}/mcp")).status_code == 405
            assert (await http.delete(f"{target}/mcp")).status_code == 404
