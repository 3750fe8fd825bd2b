"""The spans of runs and nodes, over graphs of every kind: their places, and what is told."""

from __future__ import annotations

import asyncio
import operator
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, RetryPolicy, Send, TimeoutPolicy, interrupt
from opentelemetry import trace
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from graphwarden.api.registry import Row
from graphwarden.telemetry.pipeline import Tracing, make_tracing
from graphwarden.telemetry.settings import TracingSettings
from graphwarden.worker.executor import Call, execute
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.metrics import Metrics
from graphwarden.worker.observer import Observer, Origin, Subject
from graphwarden.worker.requests import RunRequest
from graphwarden.worker.runs import Outcome
from graphwarden.worker.spans import Spans
from trace_trees import find, make_tree

SECRET = "ann@example.org wrote: please keep this to yourselves"


class State(TypedDict, total=False):
    text: str
    log: Annotated[list[str], operator.add]


@dataclass
class Watched:
    """Runs graphs under watch, and tells of the last trace."""

    tracing: Tracing
    observer: Observer

    async def run(
        self, graph: Any, given: Any = None, *, stream: bool = False, **more: Any
    ) -> Outcome:
        row = Row.model_validate({"assistant_id": "flow", "module": "m", "resumable": True})
        request = RunRequest(assistant_id="flow", stream_modes=("values", "messages"))

        async def emit(event: str, data: Any) -> None:
            assert event != "error", data

        given = {"text": SECRET} if given is None else given
        more = {"thread_id": str(uuid.uuid4()), **more}
        call = Call(LoadedGraph(row, graph), request, given, str(uuid.uuid4()), **more)
        return await execute(call, self.observer, emit if stream else None)

    def last(self) -> list[dict[str, Any]]:
        assert self.tracing.store is not None
        newest = self.tracing.store.list_runs()[-1]
        return self.tracing.store.find(newest["trace_id"])[0]

    def tree(self) -> list[str]:
        return make_tree(self.last())


@pytest.fixture
def watched() -> Iterator[Watched]:
    tracing = make_tracing(TracingSettings(kept_traces=100), "tests", "email")
    yield Watched(tracing, Observer(Metrics("email"), Spans(tracing, "email")))
    tracing.close()


@pytest.fixture
def inner(watched: Watched) -> Callable[[str], Any]:
    """A span that a node makes of itself."""
    return watched.tracing.tracer.start_as_current_span


def chain(*, checkpointer: Any = None, **nodes: Any) -> Any:
    graph = StateGraph(State)
    before = START
    for name, node in nodes.items():
        options = node if isinstance(node, dict) else {"action": node}
        graph.add_node(name, **options)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph.compile(checkpointer=checkpointer)


def sync_node(inner: Callable[[str], Any], name: str) -> Callable[[State], State]:
    def node(state: State) -> State:
        with inner(name):
            return {"log": [name]}

    return node


def async_node(inner: Callable[[str], Any], name: str) -> Callable[[State], Any]:
    async def node(state: State) -> State:
        with inner(name):
            await asyncio.sleep(0)
            return {"log": [name]}

    return node


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_node_does_hangs_below_it_in_tasks_and_in_threads(
    watched: Watched, inner: Callable[[str], Any], stream: bool
) -> None:
    graph = chain(first=sync_node(inner, "SELECT"), second=async_node(inner, "smtp send"))
    await watched.run(graph, stream=stream)
    assert watched.tree() == [
        "invoke_workflow flow",
        "  invoke_node first",
        "    SELECT",
        "  invoke_node second",
        "    smtp send",
    ]


async def test_branches_of_a_fan_out_stand_side_by_side(
    watched: Watched, inner: Callable[[str], Any]
) -> None:
    graph = StateGraph(State)
    graph.add_node("spread", lambda state: {})
    graph.add_node("one", async_node(inner, "lookup"))
    graph.add_edge(START, "spread")
    graph.add_conditional_edges("spread", lambda state: [Send("one", {}) for _ in range(2)])
    await watched.run(graph.compile())
    assert watched.tree() == [
        "invoke_workflow flow",
        "  invoke_node one",
        "    lookup",
        "  invoke_node one",
        "    lookup",
        "  invoke_node spread",
    ]
    indexes = [
        s["attributes"]["langgraph.task.index"] for s in find(watched.last(), "invoke_node one")
    ]
    assert sorted(indexes) == [0, 1]


@pytest.mark.parametrize("by_hand", [False, True])
async def test_nodes_of_a_subgraph_hang_below_the_node_that_it_is(
    watched: Watched, inner: Callable[[str], Any], by_hand: bool
) -> None:
    deep = chain(deep=sync_node(inner, "SELECT"))

    def call(state: State) -> Any:
        return deep.invoke({"text": ""})

    await watched.run(chain(sub=call if by_hand else deep, after=async_node(inner, "x")))
    assert watched.tree() == [
        "invoke_workflow flow",
        "  invoke_node after",
        "    x",
        "  invoke_node sub",
        "    invoke_node deep",
        "      SELECT",
    ]


async def test_each_attempt_of_a_node_is_a_span_and_the_failed_ones_are_errors(
    watched: Watched,
) -> None:
    calls = []

    async def flaky(state: State) -> State:
        calls.append(1)
        if len(calls) < 3:
            raise ConnectionError(SECRET)
        return {}

    policy = RetryPolicy(initial_interval=0.001, max_attempts=5, jitter=False)
    outcome = await watched.run(chain(flaky={"action": flaky, "retry_policy": policy}))
    attempts = find(watched.last(), "invoke_node flaky")
    assert outcome.status == "success"
    assert [s["attributes"]["langgraph.task.attempt"] for s in attempts] == [1, 2, 3]
    assert [s["status"] for s in attempts] == ["error", "error", "unset"]
    assert attempts[0]["error_type"] == "ConnectionError"
    assert attempts[0]["attributes"]["code.file.path"].endswith("test_nodes.py")
    (run,) = find(watched.last(), "invoke_workflow flow")
    assert run["status"] == "unset"


async def test_a_failed_run_is_an_error_by_its_type_and_no_message_is_told(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(state: State) -> State:
        raise KeyError(SECRET)

    outcome = await watched.run(chain(fail=fail))
    assert outcome.status == "error"
    for name in ("invoke_workflow flow", "invoke_node fail"):
        (span,) = find(watched.last(), name)
        assert (span["status"], span["error_type"]) == ("error", "KeyError")
    assert "ann@" not in str(watched.last())
    assert "ann@" not in caplog.text


async def test_a_node_that_is_too_slow_for_its_own_limit_is_an_error(watched: Watched) -> None:
    async def slow(state: State) -> State:
        await asyncio.sleep(30)
        return {}

    node = {"action": slow, "timeout": TimeoutPolicy(run_timeout=0.05)}
    await watched.run(chain(slow=node))
    (span,) = find(watched.last(), "invoke_node slow")
    assert (span["status"], span["error_type"]) == ("error", "NodeTimeoutError")


async def test_a_node_that_is_given_up_because_its_sister_failed_is_none(watched: Watched) -> None:
    began = asyncio.Event()

    async def fail(state: State) -> State:
        await began.wait()
        raise ValueError

    async def wait(state: State) -> State:
        began.set()
        await asyncio.sleep(30)
        return {}

    graph = StateGraph(State)
    for name, node in {"fail": fail, "wait": wait}.items():
        graph.add_node(name, node)
        graph.add_edge(START, name)
    await watched.run(graph.compile())
    (span,) = find(watched.last(), "invoke_node wait")
    assert (span["status"], span["attributes"]["graphwarden.outcome"]) == ("unset", "cancelled")


def ask(state: State) -> State:
    return {"text": interrupt({"question": SECRET, "wake_at": "2026-12-01T09:00:00+00:00"})}


async def test_an_interrupt_is_an_event_of_the_node_that_asks_and_no_error(
    watched: Watched,
) -> None:
    outcome = await watched.run(chain(sub=chain(ask=ask), checkpointer=InMemorySaver()))
    spans = watched.last()
    (node,), (around,), (run,) = (
        find(spans, name) for name in ("invoke_node ask", "invoke_node sub", "invoke_workflow flow")
    )
    (event,) = node["events"]
    assert event["name"] == "langgraph.interrupt"
    assert event["attributes"]["wake_at"] == "2026-12-01T09:00:00+00:00"
    assert [span["status"] for span in (node, around, run)] == ["unset"] * 3
    assert around["events"] == []
    assert run["attributes"]["graphwarden.outcome"] == "interrupted"
    assert outcome.waits_in == f"00-{node['trace_id']}-{node['span_id']}-01"
    assert "ann@" not in str(spans)


async def test_a_run_that_brings_an_answer_is_a_trace_of_its_own_with_a_link_to_who_waited(
    watched: Watched,
) -> None:
    graph, thread = chain(ask=ask, checkpointer=InMemorySaver()), str(uuid.uuid4())
    waiting = await watched.run(graph, thread_id=thread)
    (node,) = find(watched.last(), "invoke_node ask")
    origin = Origin(waited_in=waiting.waits_in)
    await watched.run(graph, Command(resume="yes"), thread_id=thread, origin=origin)
    (run,) = find(watched.last(), "invoke_workflow flow")
    assert run["trace_id"] != node["trace_id"]
    assert run["links"] == [{"trace_id": node["trace_id"], "span_id": node["span_id"]}]
    assert run["attributes"]["gen_ai.conversation.id"] == thread


async def test_a_run_begun_after_its_request_stands_in_the_trace_of_the_request(
    watched: Watched,
) -> None:
    asked = f"00-{'a' * 32}-{'b' * 16}-01"
    await watched.run(chain(a=lambda state: {}), origin=Origin(asked_in=asked))
    (run,) = find(watched.last(), "invoke_workflow flow")
    assert (run["trace_id"], run["parent_span_id"]) == ("a" * 32, "b" * 16)


async def test_a_command_to_the_graph_around_is_no_error(watched: Watched) -> None:
    def leave(state: State) -> Command[Any]:
        return Command(graph=Command.PARENT, goto="after")

    outer = StateGraph(State)
    outer.add_node("sub", chain(leave=leave))
    outer.add_node("after", lambda state: {})
    outer.add_edge(START, "sub")
    outcome = await watched.run(outer.compile())
    assert outcome.status == "success"
    assert {span["status"] for span in watched.last()} == {"unset"}


async def test_tasks_of_the_functional_api_hang_below_their_entrypoint(
    watched: Watched, inner: Callable[[str], Any]
) -> None:
    @task
    async def lookup(number: int) -> int:
        with inner("SELECT"):
            return number

    @entrypoint()
    async def flow(given: Any) -> Any:
        return sum([await lookup(1), await lookup(2)])

    await watched.run(flow, {"n": 1})
    assert watched.tree() == [
        "invoke_workflow flow",
        "  invoke_node flow",
        "    invoke_node lookup",
        "      SELECT",
        "    invoke_node lookup",
        "      SELECT",
    ]


async def test_nothing_of_a_run_is_current_after_it(watched: Watched) -> None:
    await watched.run(chain(a=lambda state: {}))
    assert not trace.get_current_span().get_span_context().is_valid


async def test_without_tracing_a_run_is_only_counted() -> None:
    metrics = Metrics("email")
    seen = []

    def look(state: State) -> State:
        seen.append(trace.get_current_span().get_span_context().is_valid)
        return {}

    watched = Watched(None, Observer(metrics))  # type: ignore[arg-type]
    await watched.run(chain(look=look))
    figures = metrics.render()[0].decode()
    assert seen == [False]
    node = '{assistant_id="flow",node="look",outcome="success"}'
    assert f"graphwarden_node_duration_seconds_count{node} 1.0" in figures
    run = '{error_type="",gen_ai_workflow_name="flow"}'
    assert f"gen_ai_workflow_duration_seconds_count{run} 1.0" in figures


async def test_statements_of_a_node_are_spans_without_their_values(watched: Watched) -> None:
    database = create_async_engine("sqlite+aiosqlite://")

    async def query(state: State) -> State:
        async with database.begin() as connection:
            await connection.execute(text("CREATE TABLE contacts (address TEXT)"))
            insert = text("INSERT INTO contacts VALUES (:address)")
            await connection.execute(insert, {"address": SECRET})
            found = await connection.execute(text(f"SELECT * FROM contacts WHERE '{SECRET}' = ''"))
            return {"log": [str(len(found.all()))]}

    await watched.run(chain(query=query))
    await database.dispose()
    assert watched.tree() == [
        "invoke_workflow flow",
        "  invoke_node query",
        "    CREATE contacts",
        "    INSERT contacts",
        "    SELECT contacts",
    ]
    (span,) = find(watched.last(), "SELECT contacts")
    assert span["attributes"]["db.system.name"] == "sqlite"
    assert "ann@" not in str(watched.last())


async def test_a_statement_that_fails_is_an_error_by_its_type(watched: Watched) -> None:
    database = create_engine("sqlite://")

    def query(state: State) -> State:
        with database.connect() as connection:
            connection.execute(text("SELECT * FROM nowhere"))
        return {}

    await watched.run(chain(query=query))
    database.dispose()
    (span,) = find(watched.last(), "SELECT nowhere")
    assert (span["status"], span["error_type"]) == ("error", "OperationalError")


async def test_threads_runs_and_texts_add_no_series(watched: Watched) -> None:
    graph = chain(a=lambda state: {})
    await watched.run(graph)
    before = watched.observer.metrics.render()[0].count(b"\n")
    for number in range(20):
        await watched.run(graph, {"text": f"text {number}"}, thread_id=f"thread-{number}")
    row = Row.model_validate({"assistant_id": "flow", "module": "m", "resumable": True})
    for number in range(1000):
        # What a run tells of itself, without the time that its graph would take.
        with watched.observer.watch(Subject(row, f"run-{number}", f"thread-{number}")) as watch:
            watched.observer.end_run(watch, Outcome("success"), 0.0)
    assert watched.observer.metrics.render()[0].count(b"\n") == before


async def test_nodes_without_end_share_one_series() -> None:
    metrics = Metrics("email")
    for number in range(2000):
        metrics.node_ended("flow", f"node{number}", "success", 0.1, None)
    figures = metrics.render()[0].decode()
    counts = [line for line in figures.splitlines() if "node_duration_seconds_count" in line]
    assert len(counts) == 501
    other = '{assistant_id="flow",node="other",outcome="success"}'
    assert f"graphwarden_node_duration_seconds_count{other} 1500.0" in figures


async def test_a_figure_leads_to_the_trace_of_a_case(watched: Watched) -> None:
    await watched.run(chain(a=lambda state: {}))
    figures = watched.observer.metrics.render("application/openmetrics-text; version=1.0.0")
    (span,) = find(watched.last(), "invoke_node a")
    assert f'trace_id="{span["trace_id"]}"'.encode() in figures[0]
    assert f'span_id="{span["span_id"]}"'.encode() in figures[0]


async def test_content_stands_in_spans_where_it_was_asked_for_and_is_redacted() -> None:
    tracing = make_tracing(TracingSettings(kept_traces=5, content=True), "tests", "email")
    watched = Watched(tracing, Observer(Metrics("email"), Spans(tracing, "email")))

    def answer(state: State) -> State:
        return {"text": "call +44 20 7946 0958 at nine", "log": ["x" * 10_000]}

    await watched.run(chain(answer=answer), {"text": SECRET})
    tracing.close()
    (span,) = find(watched.last(), "invoke_node answer")
    given, gave = (span["attributes"][f"langgraph.node.{side}"] for side in ("input", "output"))
    assert given.startswith('{"text":"[mail] wrote: please keep this to yourselves"')
    assert "call [number] at nine" in gave
    assert len(gave) == 4096
