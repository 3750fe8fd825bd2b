"""One user action as one tree: from the router through two pools to what their nodes do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from contract.fleet import Fleet, running_fleet
from otlp_receiver import Receiver, running_receiver
from trace_trees import find, make_tree
from worker_process import make_row

TRACED, PARKING = "flows.traced", "flows.parking"
POOLS = {
    "left": [
        make_row("traced", module=TRACED, resumable=True),
        make_row("parking", "build_graph", module=PARKING, resumable=True),
        make_row("failing"),
        make_row("quoting", module=TRACED),
    ],
    "right": [make_row("kept", "build_echo", resumable=True)],
}
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = CALLER.split("-")[1]
PERSON = "ann.private@example.org"
SECRETS = (PERSON, "Dear Ann, the offer stands", "Never tell this prompt")

pytestmark = [pytest.mark.contract, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Sites:
    """Two web sites: the same server, under a name that is ours and under one that is not."""

    port: int
    heard: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def urls(self) -> str:
        return f"http://127.0.0.1:{self.port}/ours http://localhost:{self.port}/theirs?q={PERSON}"


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    sites = Sites(0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sites.heard[self.path.split("?")[0]] = {k.lower(): v for k, v in self.headers.items()}
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        sites.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield sites
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(
    receiver: Receiver, sites: Sites, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    """Two pools behind a router, all of which send their spans and keep the last traces."""
    folder = tmp_path_factory.mktemp("fleet")
    async with running_fleet(
        folder,
        POOLS,
        database_url=f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
        GRAPHWARDEN_TRACES_KEPT="100",
        GRAPHWARDEN_TRACE_HOSTS="127.0.0.1",
        GRAPHWARDEN_TESTS_SITES=sites.urls,
    ) as running:
        yield running


async def until(find_it: Callable[[], Any]) -> Any:
    """The first true value, within a generous time."""
    async with asyncio.timeout(30):
        while not (found := find_it()):
            await asyncio.sleep(0.05)
        return found


async def gather_tree(receiver: Receiver, trace: str, spans: int) -> list[str]:
    """A trace as a tree, once as many spans of it have arrived: each process sends its own."""
    with suppress(TimeoutError):
        await until(lambda: len(receiver.of(trace)) >= spans)
    return make_tree(receiver.of(trace))


async def make_thread(fleet: Fleet) -> str:
    thread = (await fleet.sdk.threads.create())["thread_id"]
    assert isinstance(thread, str)
    return thread


async def wait_for(
    fleet: Fleet, assistant: str, thread: str | None, trace: str = "", **body: Any
) -> httpx.Response:
    path = f"/threads/{thread}/runs/wait" if thread else "/runs/wait"
    headers = {"traceparent": trace} if trace else {}
    answer = await fleet.router.http.post(
        path, json={"assistant_id": assistant, **body}, headers=headers
    )
    assert answer.is_success, answer.text
    return answer


async def test_one_action_is_one_tree_over_router_pools_nodes_and_calls(
    fleet: Fleet, receiver: Receiver, sites: Sites
) -> None:
    thread = await make_thread(fleet)
    asked = await wait_for(fleet, "traced", thread, CALLER, input={"foo": PERSON})
    answer = await wait_for(fleet, "traced", thread, command={"resume": "yes"})
    resumed = answer.headers["x-trace-id"]
    assert asked.headers["x-trace-id"] == TRACE
    assert await gather_tree(receiver, TRACE, 15) == [
        "POST /threads/{id}/runs/wait",
        "  POST",
        "    POST /threads/{thread_id}/runs/wait",
        "      invoke_workflow traced",
        "        invoke_node flaky",
        "        invoke_node flaky",
        "        invoke_node lookup",
        "          SELECT contacts",
        "        invoke_node score",
        "        invoke_node score",
        "        invoke_node sub",
        "          invoke_node ask",
        "        invoke_node visit",
        "          GET",
        "          GET",
    ]
    assert await gather_tree(receiver, resumed, 14) == [
        "POST /threads/{id}/runs/wait",
        "  POST",
        "    POST /threads/{thread_id}/runs/wait",
        "      invoke_workflow traced",
        "        invoke_node far",
        "          POST",
        "            POST /threads/{id}/runs/stream",
        "              POST",
        "                POST /threads/{thread_id}/runs/stream",
        "                  invoke_workflow kept",
        "                    invoke_node a",
        "                    invoke_node b",
        "        invoke_node sub",
        "          invoke_node ask",
    ]


async def test_a_call_lasts_until_its_answer_has_been_read(
    fleet: Fleet, receiver: Receiver
) -> None:
    thread = await make_thread(fleet)
    await wait_for(fleet, "traced", thread, input={"foo": "lasts"})
    answer = await wait_for(fleet, "traced", thread, command={"resume": "yes"})
    trace = answer.headers["x-trace-id"]
    await gather_tree(receiver, trace, 14)
    (far,) = find(receiver.of(trace), "invoke_node far")
    (call,) = [s for s in receiver.of(trace) if s["parent_span_id"] == far["span_id"]]
    (called,) = find(receiver.of(trace), "invoke_workflow kept")
    assert call["name"] == "POST"
    assert call["ended_at"] >= called["ended_at"]


async def test_a_run_that_answers_an_interrupt_links_to_the_node_that_asked(
    fleet: Fleet, receiver: Receiver
) -> None:
    thread = await make_thread(fleet)
    asked = await wait_for(fleet, "traced", thread, input={"foo": "link"})
    answer = await wait_for(fleet, "traced", thread, command={"resume": "yes"})
    first, second = asked.headers["x-trace-id"], answer.headers["x-trace-id"]
    run = (await until(lambda: find(receiver.of(second), "invoke_workflow traced")))[0]
    asking = (await until(lambda: find(receiver.of(first), "invoke_node ask")))[0]
    assert run["links"] == [{"trace_id": first, "span_id": asking["span_id"]}]
    assert [event["name"] for event in asking["events"]] == ["langgraph.interrupt"]
    assert {span["status"] for span in find(receiver.of(first), "invoke_node ask")} == {"unset"}


async def test_a_thread_that_wakes_by_itself_is_a_new_trace_with_a_link(
    fleet: Fleet, receiver: Receiver, tmp_path: Path
) -> None:
    thread = await make_thread(fleet)
    given = {"due": 1, "effects": str(tmp_path / "effects")}
    parked = await wait_for(fleet, "parking", thread, input=given)

    def woken() -> list[dict[str, Any]]:
        found = find(list(receiver.spans), "invoke_workflow parking")
        return [span for span in found if span["links"]]

    (run,) = await until(woken)
    (sleep, *_) = find(receiver.of(parked.headers["x-trace-id"]), "invoke_node sleep")
    assert run["parent_span_id"] is None
    assert run["links"] == [{"trace_id": sleep["trace_id"], "span_id": sleep["span_id"]}]
    assert run["attributes"]["gen_ai.conversation.id"] == thread


async def test_a_background_run_stands_in_the_trace_of_the_request_that_asked_for_it(
    fleet: Fleet, receiver: Receiver
) -> None:
    thread = await make_thread(fleet)
    path, body = f"/threads/{thread}/runs", {"assistant_id": "kept", "input": {"foo": "x"}}
    answer = await fleet.router.http.post(path, json=body)
    trace = answer.headers["x-trace-id"]
    await fleet.sdk.runs.join(thread, answer.json()["run_id"])
    assert await gather_tree(receiver, trace, 6) == [
        "POST /threads/{id}/runs",
        "  POST",
        "    POST /threads/{thread_id}/runs",
        "      invoke_workflow kept",
        "        invoke_node a",
        "        invoke_node b",
    ]


async def test_a_batch_is_one_tree_with_a_branch_for_each_pool(
    fleet: Fleet, receiver: Receiver
) -> None:
    runs = [{"assistant_id": name, "input": {"foo": "x"}} for name in ("failing", "kept")]
    answer = await fleet.router.http.post("/runs/batch", json=runs)
    trace = answer.headers["x-trace-id"]
    tree = [
        "POST /runs/batch",
        "  POST",
        "    POST /runs/batch",
        "      invoke_workflow failing",
        "        invoke_node b",
        "        invoke_node fails",
        "  POST",
        "    POST /runs/batch",
        "      invoke_workflow kept",
        "        invoke_node a",
        "        invoke_node b",
    ]
    assert await gather_tree(receiver, trace, len(tree)) == tree
    kept = (await fleet.router.http.get(f"/traces/{trace}")).json()
    assert make_tree(kept["spans"]) == tree


async def test_a_tool_is_one_tree_and_so_is_the_list_of_tools(
    fleet: Fleet, receiver: Receiver
) -> None:
    called = await ask_for_tools(fleet, "tools/call", name="kept", arguments={"foo": "x"})
    tree = [
        "POST /mcp",
        "  POST",
        "    POST /mcp",
        "      invoke_workflow kept",
        "        invoke_node a",
        "        invoke_node b",
    ]
    assert await gather_tree(receiver, called, len(tree)) == tree
    kept = (await fleet.router.http.get(f"/traces/{called}")).json()
    assert make_tree(kept["spans"]) == tree
    listed = await ask_for_tools(fleet, "tools/list")
    tree = ["POST /mcp", *["  POST", "    POST /mcp"] * 2]
    assert await gather_tree(receiver, listed, len(tree)) == tree


async def ask_for_tools(fleet: Fleet, method: str, **params: Any) -> str:
    """The trace of a message."""
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    answer = await fleet.router.http.post("/mcp", json=message)
    assert "result" in answer.json(), answer.text
    trace = answer.headers["x-trace-id"]
    assert isinstance(trace, str)
    return trace


async def test_hosts_of_others_are_not_told_of_the_trace(fleet: Fleet, sites: Sites) -> None:
    answer = await wait_for(fleet, "traced", await make_thread(fleet), input={"foo": "sites"})
    assert sites.heard["/ours"]["traceparent"].split("-")[1] == answer.headers["x-trace-id"]
    assert "assistant_id=traced" in sites.heard["/ours"]["baggage"]
    assert not {"traceparent", "baggage"} & sites.heard["/theirs"].keys()


async def test_a_span_of_a_graph_or_a_library_is_told_whose_run_it_is_in(
    fleet: Fleet, receiver: Receiver
) -> None:
    thread, trace = await make_thread(fleet), "9" * 32
    await wait_for(fleet, "traced", thread, f"00-{trace}-{'d' * 16}-01", input={"foo": "baggage"})
    (span,) = await until(lambda: find(receiver.of(trace), "SELECT contacts"))
    whose = {"assistant_id": "traced", "thread_id": thread, "capability": "tests"}
    assert span["attributes"].items() >= whose.items()


async def test_a_graph_that_is_called_is_told_whose_run_called_it(
    fleet: Fleet, receiver: Receiver
) -> None:
    thread = await make_thread(fleet)
    await wait_for(fleet, "traced", thread, input={"foo": "far"})
    answer = await wait_for(fleet, "traced", thread, command={"resume": "yes"})
    trace, name = answer.headers["x-trace-id"], "POST /threads/{thread_id}/runs/stream"
    (span,) = await until(lambda: find(receiver.of(trace), name))
    whose = {"assistant_id": "traced", "thread_id": thread, "capability": "tests"}
    assert span["attributes"].items() >= whose.items()


async def test_baggage_of_others_is_told_to_nobody(
    fleet: Fleet, receiver: Receiver, sites: Sites
) -> None:
    trace = "f" * 32
    headers = {
        "traceparent": f"00-{trace}-{'d' * 16}-01",
        "baggage": f"email={PERSON},thread_id=deal-7,note=hush",
    }
    body = {"assistant_id": "quoting", "input": {"foo": "x"}}
    await fleet.router.http.post("/runs/wait", json=body, headers=headers)
    (span,) = await until(lambda: find(receiver.of(trace), "POST /runs/wait")[1:])
    assert span["attributes"]["thread_id"] == "deal-7"
    assert not {"email", "note"} & span["attributes"].keys()
    assert PERSON not in str(receiver.of(trace))


async def test_what_is_not_sampled_is_kept_here_and_sent_nowhere(
    fleet: Fleet, receiver: Receiver
) -> None:
    trace = "c" * 32
    caller = f"00-{trace}-{'d' * 16}-00"
    await wait_for(fleet, "failing", None, caller, input={"foo": "x"})
    await wait_for(fleet, "failing", None, CALLER, input={"foo": "x"})
    await until(lambda: find(receiver.of(TRACE), "invoke_workflow failing"))
    kept = (await fleet.router.http.get(f"/traces/{trace}")).json()
    assert "invoke_node fails" in {span["name"] for span in kept["spans"]}
    assert receiver.of(trace) == []


async def test_a_caller_nearby_may_ask_for_the_trace_of_one_call(
    fleet: Fleet, receiver: Receiver
) -> None:
    trace = "b" * 32
    headers = {"traceparent": f"00-{trace}-{'d' * 16}-00", "x-debug-trace": "1"}
    body = {"assistant_id": "failing", "input": {"foo": "x"}}
    await fleet.router.http.post("/runs/wait", json=body, headers=headers)
    assert await gather_tree(receiver, trace, 6) == [
        "POST /runs/wait",
        "  POST",
        "    POST /runs/wait",
        "      invoke_workflow failing",
        "        invoke_node b",
        "        invoke_node fails",
    ]


async def test_the_router_shows_the_runs_and_the_spans_that_all_workers_keep(fleet: Fleet) -> None:
    thread = await make_thread(fleet)
    await wait_for(fleet, "traced", thread, input={"foo": "shown"})
    answer = await wait_for(fleet, "traced", thread, command={"resume": "yes"})
    await wait_for(fleet, "failing", None, input={"foo": "x"})
    trace = answer.headers["x-trace-id"]
    query = {"thread_id": thread, "since": "1h"}
    listed = (await fleet.router.http.get("/traces", params=query)).json()
    failed = (await fleet.router.http.get("/traces", params={"status": "error"})).json()
    shown = (await fleet.router.http.get(f"/traces/{trace}")).json()
    assert [run["status"] for run in listed["runs"]] == ["success", "interrupted"]
    assert {run["error_type"] for run in failed["runs"]} == {"ValueError"}
    assert listed["missing"] == []
    assert make_tree(shown["spans"])[0] == "POST /threads/{id}/runs/wait"
    assert {"invoke_workflow traced", "invoke_workflow kept"} <= {s["name"] for s in shown["spans"]}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/traces/abc", 422, "32 hex digits"),
        (f"/traces/{'e' * 32}", 404, "no worker keeps"),
        ("/traces?since=yesterday", 422, "15m"),
        ("/traces?limit=0", 422, "1 to 1000"),
        ("/traces?status=odd", 422, "interrupted"),
    ],
)
async def test_a_look_that_cannot_be_meant_is_told_what_to_do(
    fleet: Fleet, path: str, status: int, words: str
) -> None:
    answer = await fleet.router.http.get(path)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


async def test_what_people_wrote_is_in_no_span_no_log_and_no_figure(
    fleet: Fleet, receiver: Receiver
) -> None:
    told = {"foo": " ".join(SECRETS)}
    thread = await make_thread(fleet)
    answers = [
        await wait_for(fleet, "traced", thread, input=told),
        await wait_for(fleet, "traced", thread, command={"resume": SECRETS[1]}),
        await wait_for(fleet, "quoting", None, input=told),
    ]
    assert SECRETS[2] in answers[-1].text
    traces = [answer.headers["x-trace-id"] for answer in answers]
    await until(lambda: find(receiver.of(traces[-1]), "POST /runs/wait"))
    clients = [fleet.router.http, *(w.http for pool in fleet.pools.values() for w in pool)]
    spans, figures, logs = (
        [
            receiver.text,
            *await look(fleet.router.http, "/traces", *map("/traces/{}".format, traces)),
        ],
        [text for client in clients for text in await look(client, "/metrics")],
        [path.read_bytes() for path in fleet.router.path.parent.rglob("*log") if path.is_file()],
    )
    assert (len(spans), len(figures), len(logs)) == (5, 6, 3)
    for kind in (spans, figures, logs):
        # What is searched is what there is of these runs.
        assert any(b"quoting" in text for text in kind)
        for form in (*SECRETS, *map(quote, SECRETS)):
            assert not any(form.encode() in text for text in kind), form


async def look(client: httpx.AsyncClient, *paths: str) -> list[bytes]:
    """What is served, and figures with their exemplars too."""
    asked = [(path, "*/*") for path in paths]
    asked += [(path, "application/openmetrics-text") for path in paths if path == "/metrics"]
    found = [await client.get(path, headers={"accept": accept}) for path, accept in asked]
    assert all(answer.is_success for answer in found)
    return [answer.content for answer in found]


async def test_lines_of_a_run_carry_its_trace_its_run_and_its_node(fleet: Fleet) -> None:
    answer = await wait_for(fleet, "failing", None, input={"foo": "x"})
    folder = fleet.router.path.parent
    trace = answer.headers["x-trace-id"]
    lines = [
        line
        for path in folder.rglob("log")
        for line in path.read_text().splitlines()
        if trace in line and '"node failed"' in line
    ]
    (line,) = lines
    for part in ('"node": "fails"', '"assistant_id": "failing"', '"run_id": ', '"capability": '):
        assert part in line
