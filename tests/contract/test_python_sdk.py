"""What langgraph-sdk's Python client asks of a server, asked of a worker."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph.types import Command
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import (
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    UnprocessableEntityError,
)

pytestmark = [pytest.mark.contract, pytest.mark.asyncio(loop_scope="module")]

INPUT = {"foo": "x"}


async def collect(stream: Any) -> list[tuple[str, Any]]:
    return [(part.event, part.data) async for part in stream]


async def test_runs_wait_returns_the_final_state(client: LangGraphClient) -> None:
    assert await client.runs.wait(None, "echo", input=INPUT) == {"foo": "xab", "log": ["a", "b"]}


async def test_an_assistant_may_be_named_by_its_fixed_uuid(client: LangGraphClient) -> None:
    answer: Any = await client.runs.wait(None, "046b5dc7-2108-582c-9c6c-31d556d138f0", input=INPUT)
    assert answer["foo"] == "xab"


async def test_runs_wait_raises_the_graphs_error(client: LangGraphClient) -> None:
    with pytest.raises(Exception, match="ValueError: kaboom"):
        await client.runs.wait(None, "failing", input=INPUT)


async def test_runs_stream_begins_with_metadata_and_ends_with_end(
    client: LangGraphClient,
) -> None:
    events = await collect(client.runs.stream(None, "echo", input=INPUT))
    assert [event for event, _ in events] == ["metadata", "values", "values", "values", "end"]
    assert events[-2][1] == {"foo": "xab", "log": ["a", "b"]}


async def test_a_stream_tells_its_run_before_the_first_event(client: LangGraphClient) -> None:
    created: list[Any] = []
    events = await collect(
        client.runs.stream(None, "echo", input=INPUT, on_run_created=created.append)
    )
    assert created[0]["run_id"] == events[0][1]["run_id"]


@pytest.mark.parametrize(
    ("graph", "mode", "expected"),
    [
        ("echo", "updates", ["updates"] * 2),
        ("echo", "custom", ["custom"]),
        ("echo", "tasks", ["tasks"] * 4),
        ("echo", "debug", ["debug"] * 4),
        ("chat", "messages-tuple", ["messages"] * 7),
        ("chat", "messages", ["messages/metadata"] + ["messages/partial"] * 7),
    ],
)
async def test_each_stream_mode_sends_its_events(
    client: LangGraphClient, graph: str, mode: Any, expected: list[str]
) -> None:
    given: Any = {"messages": [{"role": "user", "content": "hi"}]} if graph == "chat" else INPUT
    events = await collect(client.runs.stream(None, graph, input=given, stream_mode=mode))
    assert [event for event, _ in events] == ["metadata", *expected, "end"]


async def test_events_mode_sends_langchains_events(client: LangGraphClient) -> None:
    events = await collect(client.runs.stream(None, "echo", input=INPUT, stream_mode="events"))
    kinds = [data["event"] for event, data in events if event == "events"]
    assert kinds[0] == "on_chain_start"
    assert kinds[-1] == "on_chain_end"


async def test_a_subgraphs_events_carry_its_namespace(client: LangGraphClient) -> None:
    stream = client.runs.stream(
        None, "parent", input=INPUT, stream_mode="updates", stream_subgraphs=True
    )
    names = [event for event, _ in await collect(stream)]
    assert names[2].startswith("updates|sub:")


async def test_a_graphs_error_is_an_event_of_its_stream(client: LangGraphClient) -> None:
    events = await collect(client.runs.stream(None, "failing", input=INPUT))
    assert events[-2:] == [
        ("error", {"error": "ValueError", "message": "kaboom"}),
        ("end", None),
    ]


async def test_a_thread_is_created_read_changed_found_and_deleted(
    client: LangGraphClient,
) -> None:
    mark = uuid.uuid4().hex
    thread = await client.threads.create(metadata={"mark": mark})
    assert thread["status"] == "idle"
    await client.threads.update(thread["thread_id"], metadata={"more": 1})
    found = await client.threads.search(metadata={"mark": mark})
    assert [t["thread_id"] for t in found] == [thread["thread_id"]]
    assert found[0]["metadata"] == {"mark": mark, "more": 1}
    await client.threads.delete(thread["thread_id"])
    with pytest.raises(NotFoundError):
        await client.threads.get(thread["thread_id"])


async def test_a_stable_key_names_a_thread(client: LangGraphClient) -> None:
    await client.threads.create(thread_id="campaign-7-42", if_exists="do_nothing")
    again = await client.threads.create(thread_id="campaign-7-42", if_exists="do_nothing")
    assert again["thread_id"] == "campaign-7-42"
    with pytest.raises(ConflictError):
        await client.threads.create(thread_id="campaign-7-42")


async def test_a_run_on_a_thread_leaves_state_and_history(client: LangGraphClient) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread_id, "kept", input=INPUT)
    state = await client.threads.get_state(thread_id)
    history = await client.threads.get_history(thread_id)
    assert state["values"] == {"foo": "xab", "log": ["a", "b"]}
    assert state["next"] == []
    assert [h["next"] for h in history] == [[], ["b"], ["a"], ["__start__"]]
    assert (await client.threads.get(thread_id))["metadata"]["graph_id"] == "kept"


async def test_a_fresh_thread_has_an_empty_state(client: LangGraphClient) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    assert (await client.threads.get_state(thread_id))["values"] == {}
    assert await client.threads.get_history(thread_id) == []


async def test_a_later_run_goes_on_from_the_threads_state(client: LangGraphClient) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread_id, "kept", input=INPUT)
    answer: Any = await client.runs.wait(thread_id, "kept", input={"foo": "y"})
    assert answer == {"foo": "yab", "log": ["a", "b", "a", "b"]}


async def test_an_interrupted_thread_waits_and_resumes(client: LangGraphClient) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    stopped: Any = await client.runs.wait(thread_id, "asking", input=INPUT)
    waiting = await client.threads.get(thread_id)
    ended: Any = await client.runs.wait(thread_id, "asking", command={"resume": "yes"})
    assert stopped["__interrupt__"][0]["value"] == {"q": "ok?"}
    assert waiting["status"] == "interrupted"
    assert [i["value"] for i in next(iter(waiting["interrupts"].values()))] == [{"q": "ok?"}]
    assert ended["foo"] == "xbyes"
    assert (await client.threads.get(thread_id))["status"] == "idle"


async def test_the_state_of_a_thread_can_be_edited(client: LangGraphClient) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread_id, "kept", input=INPUT)
    await client.threads.update_state(thread_id, {"foo": "edited"}, as_node="a")
    state = await client.threads.get_state(thread_id)
    assert (state["values"]["foo"], state["next"]) == ("edited", ["b"])  # type: ignore[call-overload,index]


async def test_a_state_edit_as_an_unknown_node_is_refused(client: LangGraphClient) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread_id, "kept", input=INPUT)
    with pytest.raises(BadRequestError, match="Node nobody does not exist"):
        await client.threads.update_state(thread_id, {"foo": "z"}, as_node="nobody")


async def test_a_failed_run_marks_its_thread(client: LangGraphClient) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    with pytest.raises(Exception, match="kaboom"):
        await client.runs.wait(thread_id, "kept_failing", input=INPUT)
    thread: Any = await client.threads.get(thread_id)
    assert thread["status"] == "error"
    assert thread["error"] == {"error": "ValueError", "message": "kaboom"}


async def test_a_run_may_create_its_thread(client: LangGraphClient) -> None:
    thread_id = str(uuid.uuid4())
    with pytest.raises(NotFoundError, match="Thread or assistant not found"):
        await collect(client.runs.stream(thread_id, "kept", input=INPUT))
    await client.runs.wait(thread_id, "kept", input=INPUT, if_not_exists="create")
    assert (await client.threads.get(thread_id))["status"] == "idle"


async def test_a_busy_thread_refuses_edits(client: LangGraphClient) -> None:
    thread_id = (await client.threads.create(metadata={"graph_id": "kept_slow"}))["thread_id"]
    running = asyncio.create_task(client.runs.wait(thread_id, "kept_slow", input={"foo": "0.6"}))
    while (await client.threads.get(thread_id))["status"] != "busy":
        await asyncio.sleep(0.02)
    with pytest.raises(ConflictError):
        await client.threads.update_state(thread_id, {"foo": "z"})
    await running


async def test_a_graph_that_is_not_resumable_is_refused_on_a_thread(
    client: LangGraphClient,
) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    with pytest.raises(UnprocessableEntityError, match="graph 'echo' is not resumable"):
        await collect(client.runs.stream(thread_id, "echo", input=INPUT))
    assert (await client.threads.get(thread_id))["metadata"] == {}


async def test_a_stateless_run_of_a_resumable_graph_leaves_nothing(
    client: LangGraphClient,
) -> None:
    before = await client.threads.search(limit=1000)
    await client.runs.wait(None, "kept", input=INPUT)
    assert await client.threads.search(limit=1000) == before


async def test_a_stateless_run_can_be_kept(client: LangGraphClient) -> None:
    created: list[Any] = []
    await client.runs.wait(
        None, "kept", input=INPUT, on_completion="keep", on_run_created=created.append
    )
    state = await client.threads.get_state(created[0]["thread_id"])
    assert state["values"] == {"foo": "xab", "log": ["a", "b"]}


async def test_an_unknown_graph_raises_a_typed_error_with_the_list(
    client: LangGraphClient,
) -> None:
    with pytest.raises(UnprocessableEntityError, match="One of the registered graphs: asking"):
        await collect(client.runs.stream(None, "nobody", input=INPUT))


async def test_a_graph_that_is_not_loaded_raises_a_typed_error(client: LangGraphClient) -> None:
    with pytest.raises(InternalServerError, match="BuilderFailed"):
        await collect(client.runs.stream(None, "broken", input=INPUT))


async def test_a_known_field_that_is_not_served_is_refused(client: LangGraphClient) -> None:
    stream = client.runs.stream(None, "echo", input=INPUT, feedback_keys=["liked"])
    with pytest.raises(UnprocessableEntityError, match="`feedback_keys` is not supported"):
        await collect(stream)


async def test_a_malformed_thread_id_is_refused(client: LangGraphClient) -> None:
    with pytest.raises(UnprocessableEntityError, match="Invalid thread ID: must be a UUID"):
        await client.threads.get("NOTUUID")


async def test_a_graph_can_be_drawn_and_described(client: LangGraphClient) -> None:
    drawing: Any = await client.assistants.get_graph("parent", xray=True)
    schemas = await client.assistants.get_schemas("chat")
    assert "sub:inner" in [node["id"] for node in drawing["nodes"]]
    assert schemas["graph_id"] == "chat"


async def test_remote_graph_invokes_interrupts_and_resumes(client: LangGraphClient) -> None:
    remote = RemoteGraph("asking", client=client)
    config: Any = {"configurable": {"thread_id": str(uuid.uuid4())}}
    stopped = await remote.ainvoke(INPUT, config)
    ended = await remote.ainvoke(Command(resume="yes"), config)
    state = await remote.aget_state(config)
    assert stopped["__interrupt__"][0]["value"] == {"q": "ok?"}
    assert ended["foo"] == "xbyes"
    assert state.values["foo"] == "xbyes"


async def test_the_runs_of_a_thread_are_listed_newest_first(client: LangGraphClient) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    for _ in range(2):
        await client.runs.wait(thread_id, "kept", input=INPUT)
    newest, oldest = await client.runs.list(thread_id)
    assert newest["created_at"] > oldest["created_at"]
    assert newest["status"] == oldest["status"] == "success"
    assert (await client.runs.get(thread_id, oldest["run_id"]))["run_id"] == oldest["run_id"]


async def test_a_finished_run_can_be_joined(client: LangGraphClient) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread_id, "kept", input=INPUT)
    (run,) = await client.runs.list(thread_id)
    assert (await client.runs.join(thread_id, run["run_id"]))["foo"] == "xab"


async def test_a_running_run_can_be_joined_and_cancelled(client: LangGraphClient) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    running = asyncio.create_task(client.runs.wait(thread_id, "kept_slow", input={"foo": "2"}))
    while not (runs := await client.runs.list(thread_id, status="running")):
        await asyncio.sleep(0.02)
    joined = asyncio.create_task(client.runs.join(thread_id, runs[0]["run_id"]))
    await asyncio.sleep(0.1)
    await client.runs.cancel(thread_id, runs[0]["run_id"], wait=True)
    await asyncio.gather(running, joined)
    assert (await client.runs.get(thread_id, runs[0]["run_id"]))["status"] == "interrupted"
    with pytest.raises(NotFoundError, match="No matching runs to cancel"):
        await client.runs.cancel(thread_id, runs[0]["run_id"])


async def test_a_state_schema_names_every_channel(client: LangGraphClient) -> None:
    schemas: Any = await client.assistants.get_schemas("chat")
    assert "messages" in schemas["state_schema"]["properties"]


async def test_a_state_that_is_a_typed_dict_of_typings_has_schemas(client: LangGraphClient) -> None:
    schemas: Any = await client.assistants.get_schemas("echo")
    for part in ("input_schema", "output_schema", "state_schema"):
        assert schemas[part]["properties"].keys() >= {"foo", "log"}, part
