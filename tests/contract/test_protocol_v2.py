"""The thread protocol, version 2, through a router over two pools."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import httpx
import pytest

from contract.fleet import Fleet

pytestmark = [pytest.mark.contract, pytest.mark.asyncio(loop_scope="module")]


async def command(fleet: Fleet, thread: str, method: str, **params: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=fleet.url, timeout=30) as client:
        body = {"id": 7, "method": method, "params": params}
        answer = await client.post(f"/threads/{thread}/commands", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["id"] == 7
    return found


async def read(
    fleet: Fleet, thread: str, last: str, *, times: int = 1, **body: Any
) -> list[dict[str, Any]]:
    """The frames until the root's lifecycle event `last` has come so many times."""
    frames: list[dict[str, Any]] = []
    async with (
        asyncio.timeout(20),
        httpx.AsyncClient(base_url=fleet.url, timeout=30) as client,
        client.stream("POST", f"/threads/{thread}/stream/events", json=body) as answer,
    ):
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        async for line in answer.aiter_lines():
            if not line.startswith("data: "):
                continue
            frame = json.loads(line.removeprefix("data: "))
            frames.append(frame)
            if name_of(frame) == f"lifecycle {last}" and not frame["params"]["namespace"]:
                times -= 1
                if not times:
                    break
    return frames


def name_of(frame: dict[str, Any]) -> str:
    data = frame["params"]["data"]
    return (
        f"{frame['method']} {data['event']}" if frame["method"] == "lifecycle" else frame["method"]
    )


async def test_a_stream_that_is_opened_first_sees_the_whole_run(fleet: Fleet) -> None:
    thread = str(uuid.uuid4())
    channels = ["values", "lifecycle", "input"]
    reading = asyncio.create_task(read(fleet, thread, "interrupted", channels=channels))
    await asyncio.sleep(0.5)
    started = await command(fleet, thread, "run.start", assistant_id="asking", input={"foo": "x"})
    frames = await reading
    assert started["type"] == "success"
    names = [name_of(frame) for frame in frames if frame["method"] != "values"]
    assert names == ["lifecycle running", "input.requested", "lifecycle interrupted"]
    values = [frame["params"]["data"] for frame in frames if frame["method"] == "values"]
    assert values[-1] == {"foo": "xb", "log": ["b"]}
    assert frames[0]["params"]["data"] == {"event": "running", "graph_name": "asking"}
    asked = frames[-2]["params"]["data"]
    assert asked["payload"] == asked["value"] == {"q": "ok?"}
    seqs = [frame["seq"] for frame in frames]
    assert seqs == sorted(set(seqs))
    assert len({frame["event_id"] for frame in frames}) == len(frames)


async def test_an_interrupt_is_answered_and_the_stream_goes_on(fleet: Fleet) -> None:
    thread = str(uuid.uuid4())
    channels = ["values", "lifecycle", "input"]
    await command(fleet, thread, "run.start", assistant_id="asking", input={"foo": "x"})
    frames = await read(fleet, thread, "interrupted", channels=channels)
    name = next(f for f in frames if f["method"] == "input.requested")["params"]["data"]
    wrong = await command(fleet, thread, "input.respond", interrupt_id="zzz", response="yes")
    done = await command(
        fleet, thread, "input.respond", interrupt_id=name["interrupt_id"], response="yes"
    )
    more = await read(fleet, thread, "completed", channels=channels, since=frames[-1]["seq"])
    assert (wrong["type"], wrong["error"]) == ("error", "no_such_interrupt")
    assert done["result"] == {}
    assert more[-2]["params"]["data"] == {"foo": "xbyes", "log": ["b", "asked"]}


async def test_what_was_seen_is_numbered_alike_again(fleet: Fleet) -> None:
    thread = str(uuid.uuid4())
    await command(fleet, thread, "run.start", assistant_id="kept", input={"foo": "x"})
    channels = ["values", "updates", "custom", "lifecycle"]
    once = await read(fleet, thread, "completed", channels=channels)
    again = await read(fleet, thread, "completed", channels=channels, since=once[2]["seq"])
    assert again == once[3:]


async def test_a_run_of_the_first_protocol_is_seen_too(fleet: Fleet) -> None:
    thread = (await fleet.sdk.threads.create())["thread_id"]
    run = await fleet.sdk.runs.create(
        thread, "kept", input={"foo": "x"}, stream_resumable=True, stream_mode=["values"]
    )
    frames = await read(fleet, thread, "completed", channels=["values", "lifecycle"])
    assert run["run_id"] in frames[0]["event_id"]
    assert frames[-2]["params"]["data"]["foo"] == "xab"


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("run.start", {}, "invalid_argument"),
        ("run.start", {"assistant_id": "nobody"}, "invalid_argument"),
        ("bogus", {}, "unknown_command"),
        ("state.get", {"namespace": []}, "unknown_command"),
        ("agent.getTree", {"namespace": []}, "no_such_run"),
    ],
)
async def test_a_command_that_cannot_be_done_says_so_in_its_answer(
    fleet: Fleet, method: str, params: dict[str, Any], error: str
) -> None:
    thread = str(uuid.uuid4())
    async with httpx.AsyncClient(base_url=fleet.url, timeout=30) as client:
        body = {"id": 7, "method": method, "params": params}
        answer = await client.post(f"/threads/{thread}/commands", json=body)
    if answer.status_code == 200:
        assert answer.json()["error"] == error
    else:
        # The router knows the graphs of the fleet, and refuses others by itself.
        assert (answer.status_code, params) == (422, {"assistant_id": "nobody"})


async def test_a_malformed_command_is_a_bad_request(fleet: Fleet) -> None:
    async with httpx.AsyncClient(base_url=fleet.url, timeout=30) as client:
        answer = await client.post(f"/threads/{uuid.uuid4()}/commands", json={"method": "x"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_argument")


async def test_a_channel_that_is_none_is_refused(fleet: Fleet) -> None:
    async with httpx.AsyncClient(base_url=fleet.url, timeout=30) as client:
        place = f"/threads/{uuid.uuid4()}/stream/events"
        answer = await client.post(place, json={"channels": ["gossip"]})
    assert answer.status_code == 422


async def test_the_sdk_streams_a_thread(fleet: Fleet) -> None:
    async with fleet.sdk.threads.stream(assistant_id="kept") as thread:
        await thread.run.start(input={"foo": "x"})
        values = [value async for value in thread.values]
        output = await thread.output
    assert output["foo"] == "xab"
    assert values[-1]["foo"] == "xab"
