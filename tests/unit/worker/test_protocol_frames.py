"""Stored events as frames of the thread protocol."""

from __future__ import annotations

from typing import Any

import pytest

from graphwarden.worker.channel import END_OF_RUN
from graphwarden.worker.protocol.channels import Subscription
from graphwarden.worker.protocol.frames import ROOM, Frame, Framer

SUB = "sub:1f3c"


def frame_all(*events: tuple[str, Any]) -> list[Frame]:
    framer = Framer()
    framer.name("run-1", "chat")
    found: list[Frame] = []
    for seq, (event, data) in enumerate(events, 1):
        found += framer.frame(seq, "run-1", event, data, 0)
    return found


def tell(frames: list[Frame]) -> list[str]:
    return [
        f"{frame.method}{'@' if frame.namespace else ''} {frame.data.get('event', '')}".strip()
        for frame in frames
    ]


def chunk(text: str, **other: Any) -> list[Any]:
    return [{"type": "AIMessageChunk", "id": "m1", "content": text, **other}, {}]


def test_a_run_begins_and_ends_with_its_life() -> None:
    frames = frame_all(
        ("metadata", {"run_id": "run-1", "attempt": 1}),
        ("values", {"foo": 1}),
        (END_OF_RUN, {"status": "success", "interrupts": [], "error": None}),
    )
    assert tell(frames) == ["lifecycle running", "values", "lifecycle completed"]
    assert frames[0].data["graph_name"] == "chat"


def test_a_failed_run_tells_its_error() -> None:
    error = {"error": "ValueError", "message": "kaboom"}
    frames = frame_all((END_OF_RUN, {"status": "error", "interrupts": [], "error": error}))
    assert frames[-1].data == {"event": "failed", "graph_name": "chat", "error": "kaboom"}


def test_an_interrupt_is_asked_before_the_end() -> None:
    asked = [{"id": "i1", "value": {"q": 1}}]
    frames = frame_all((END_OF_RUN, {"status": "success", "interrupts": asked, "error": None}))
    assert tell(frames) == ["input.requested", "lifecycle interrupted"]
    assert frames[0].data == {"interrupt_id": "i1", "payload": {"q": 1}, "value": {"q": 1}}


def test_a_message_is_started_grown_and_finished() -> None:
    frames = frame_all(
        ("messages", chunk("hello ")), ("messages", chunk("world", chunk_position="last"))
    )
    assert [frame.data["event"] for frame in frames] == [
        "message-start",
        "content-block-start",
        "content-block-delta",
        "content-block-delta",
        "content-block-finish",
        "message-finish",
    ]
    assert frames[4].data["content"] == {"type": "text", "text": "hello world"}


def test_a_message_that_was_never_finished_is_finished_with_its_run() -> None:
    frames = frame_all(
        ("messages", chunk("hello")),
        (END_OF_RUN, {"status": "success", "interrupts": [], "error": None}),
    )
    assert tell(frames)[-3:] == [
        "messages content-block-finish",
        "messages message-finish",
        "lifecycle completed",
    ]


def test_a_message_that_was_streamed_is_not_told_again_as_a_whole() -> None:
    whole = [{"type": "ai", "id": "m1", "content": "hello"}, {}]
    frames = frame_all(("messages", chunk("hello", chunk_position="last")), ("messages", whole))
    assert len(frames) == 5


def test_a_subgraph_lives_inside_its_graph() -> None:
    frames = frame_all(
        (f"values|{SUB}", {"foo": 1}),
        (END_OF_RUN, {"status": "success", "interrupts": [], "error": None}),
    )
    assert tell(frames) == [
        "lifecycle@ started",
        "values@",
        "lifecycle@ completed",
        "lifecycle completed",
    ]


def test_numbers_grow_and_names_differ() -> None:
    frames = frame_all(
        ("metadata", {"attempt": 1}), ("messages", chunk("a")), ("messages", chunk("b"))
    )
    seqs = [frame.seq for frame in frames]
    assert seqs == sorted(set(seqs))
    assert len({frame.event_id for frame in frames}) == len(frames)


@pytest.mark.parametrize(
    ("subscription", "seen"),
    [
        (Subscription(frozenset({"values"})), 2),
        (Subscription(frozenset({"values"}), depth=0), 1),
        (Subscription(frozenset({"values"}), namespaces=((SUB,),)), 1),
        (Subscription(frozenset({"values"}), namespaces=(("other:1",),)), 0),
        (Subscription(frozenset({"values"}), namespaces=(("sub",),)), 1),
        (Subscription(frozenset({"values"}), namespaces=((),), depth=0), 1),
        (Subscription(frozenset({"values"}), since=ROOM * 2 + 1), 0),
        (Subscription(frozenset({"custom"})), 0),
    ],
)
def test_a_reader_sees_what_it_asked_for(subscription: Subscription, seen: int) -> None:
    frames = frame_all(("values", {"foo": 1}), (f"values|{SUB}", {"foo": 2}))
    assert sum(subscription.takes(frame) for frame in frames) == seen


END = (END_OF_RUN, {"status": "success", "interrupts": [], "error": None})


def test_the_end_of_a_run_is_told_however_much_goes_before() -> None:
    many = 70_000
    asked = [{"id": f"i{n}", "value": n} for n in range(many)]
    frames = frame_all((END_OF_RUN, {"status": "success", "interrupts": asked, "error": None}))
    assert frames[-1].data == {"event": "interrupted", "graph_name": "chat"}
    assert frames[-1].seq < 2 * ROOM


def test_a_subgraph_ends_with_its_task() -> None:
    result = {"id": "1f3c", "name": "sub", "result": {}, "error": None, "interrupts": []}
    frames = frame_all((f"values|{SUB}", {"foo": 1}), ("tasks", result), ("values", {}), END)
    assert tell(frames) == [
        "lifecycle@ started",
        "values@",
        "tasks",
        "lifecycle@ completed",
        "values",
        "lifecycle completed",
    ]


def test_a_subgraph_that_failed_says_why() -> None:
    result = {"id": "1f3c", "name": "sub", "result": {}, "error": "kaboom", "interrupts": []}
    frames = frame_all((f"values|{SUB}", {"foo": 1}), ("tasks", result))
    assert frames[-1].data == {"event": "failed", "graph_name": "sub", "error": "kaboom"}


def test_a_message_of_a_lost_worker_is_given_up_when_the_run_goes_on() -> None:
    frames = frame_all(
        ("metadata", {"attempt": 1}),
        ("messages", chunk("half")),
        ("metadata", {"attempt": 2}),
        END,
    )
    assert tell(frames)[-3:] == ["messages error", "lifecycle running", "lifecycle completed"]


def test_a_run_that_was_stopped_is_interrupted_without_a_question() -> None:
    stopped = {"status": "interrupted", "interrupts": [], "error": None}
    assert tell(frame_all((END_OF_RUN, stopped))) == ["lifecycle interrupted"]


def test_a_checkpoint_has_the_fields_of_both_clients() -> None:
    data = {
        "config": {"configurable": {"checkpoint_id": "c2"}},
        "parent_config": {"configurable": {"checkpoint_id": "c1"}},
        "metadata": {"step": 1, "source": "loop"},
    }
    told = frame_all(("checkpoints", data))[0].data
    assert {"id": "c2", "parent_id": "c1", "step": 1, "source": "loop", **data} == told


def test_frames_do_not_depend_on_earlier_runs() -> None:
    framer = Framer()
    framer.name("run-0", "other")
    framer.frame(1, "run-0", "messages", chunk("before"), 0)
    framer.name("run-1", "chat")
    after = framer.frame(2, "run-1", "messages", chunk("hello"), 0)
    alone = Framer()
    alone.name("run-1", "chat")
    assert after == alone.frame(2, "run-1", "messages", chunk("hello"), 0)
