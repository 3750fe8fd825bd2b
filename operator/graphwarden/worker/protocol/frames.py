"""From the stored events of a thread to the frames of the protocol. Pure.

Each stored event has a number on its thread and becomes at most `ROOM` frames, numbered from
there: every worker, at any time, numbers the frames of a thread alike. What the frames of a run
are follows from its own events alone, so that a reader may begin with any run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphwarden.worker.channel import END_OF_RUN
from graphwarden.worker.protocol.messages import Messages, Told

# Numbers stay whole in JavaScript for 2**37 events of a thread.
ROOM = 2**16
_PLAIN = frozenset({"updates", "custom", "tools"})


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `namespace` is the path of the subgraph, empty for the graph itself."""

    seq: int
    event_id: str
    method: str
    namespace: tuple[str, ...]
    timestamp: int
    data: Any
    node: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The wire shape of a frame."""
        params = {
            "namespace": list(self.namespace),
            "timestamp": self.timestamp,
            "data": self.data,
        }
        if self.node is not None:
            params["node"] = self.node
        return {
            "type": "event",
            "event_id": self.event_id,
            "seq": self.seq,
            "method": self.method,
            "params": params,
        }


@dataclass(frozen=True, slots=True)
class _Step:
    """A frame without its number; `name` where its id does not follow from the number."""

    method: str
    namespace: tuple[str, ...]
    data: Any
    name: str = ""
    node: str | None = None


@dataclass(slots=True)
class _Run:
    """What has been told of one run."""

    graph: str
    messages: Messages = field(default_factory=Messages)
    subgraphs: dict[tuple[str, ...], bool] = field(default_factory=dict)


class Framer:
    """Turns a thread's events, in order and from the first of a run on, into frames."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    def knows(self, run_id: str) -> bool:
        """Whether this run's graph has been named."""
        return run_id in self._runs

    def name(self, run_id: str, graph: str) -> None:
        """The graph of a run, before its first event."""
        self._runs[run_id] = _Run(graph)

    def frame(self, seq: int, run_id: str, event: str, data: Any, timestamp: int) -> list[Frame]:
        """The frames of one stored event."""
        mode, *path = event.split("|")
        steps = list(_tell(self._runs[run_id], mode, tuple(path), data))
        if event == END_OF_RUN:
            del self._runs[run_id]
        if len(steps) > ROOM:
            # The last one is the run's own end: nobody may wait for it in vain.
            steps = [*steps[: ROOM - 1], steps[-1]]
        return [
            Frame(
                seq * ROOM + offset,
                f"synth:{run_id}:{step.name}" if step.name else f"{seq}-{offset}",
                step.method,
                step.namespace,
                timestamp,
                step.data,
                step.node,
            )
            for offset, step in enumerate(steps)
        ]


def find_event(seq: int) -> int:
    """The number of the stored event that a frame came from."""
    return seq // ROOM


def _tell(run: _Run, mode: str, namespace: tuple[str, ...], data: Any) -> Iterator[_Step]:
    if namespace and namespace not in run.subgraphs:
        run.subgraphs[namespace] = True
        started = _start_subgraph(namespace)
        yield _Step("lifecycle", namespace, started, _name_life(namespace, "started"))
    match mode:
        case "metadata":
            yield from _tell_start(run, data)
        case "values":
            yield _Step("values", namespace, _without_interrupts(data))
        case "updates" if isinstance(data, Mapping) and "__interrupt__" in data:
            return
        case "messages":
            yield from _frame_messages(run.messages.take(namespace, data))
        case "checkpoints":
            yield _Step("checkpoints", namespace, _describe_checkpoint(data))
        case "tasks":
            yield _Step("tasks", namespace, data)
            yield from _close_subgraphs(run, namespace, data)
        case _ if mode in _PLAIN:
            yield _Step(mode, namespace, data)
        case _ if mode == END_OF_RUN:
            yield from _tell_end(run, data)


def _tell_start(run: _Run, data: Any) -> Iterator[_Step]:
    attempt = data.get("attempt", 1) if isinstance(data, Mapping) else 1
    yield from _frame_messages(run.messages.break_off())
    name = _name_life((), "running") + ("" if attempt == 1 else f"|{attempt}")
    yield _Step("lifecycle", (), {"event": "running", "graph_name": run.graph}, name)


def _tell_end(run: _Run, data: Mapping[str, Any]) -> Iterator[_Step]:
    interrupts, error = data.get("interrupts") or [], data.get("error")
    event = "interrupted" if interrupts else "completed"
    if data.get("status") == "interrupted":
        event = "interrupted"
    elif error:
        event = "failed"
    ended_well = event != "failed" and data.get("status") != "interrupted"
    yield from _frame_messages(run.messages.finish() if ended_well else run.messages.break_off())
    for namespace in [name for name, is_open in run.subgraphs.items() if is_open][::-1]:
        yield _end_subgraph(run, namespace, event)
    for interrupt in interrupts:
        name, value = interrupt.get("id"), interrupt.get("value")
        # One client reads the payload, the other the value.
        asked = {"interrupt_id": name, "payload": value, "value": value}
        yield _Step("input.requested", (), asked, f"input||{name}")
    last: dict[str, Any] = {"event": event, "graph_name": run.graph}
    if error:
        last["error"] = error.get("message") if isinstance(error, Mapping) else str(error)
    yield _Step("lifecycle", (), last, _name_life((), event))


def _frame_messages(told: Iterable[Told]) -> Iterator[_Step]:
    for item in told:
        yield _Step("messages", item.namespace, item.data, node=item.node)


def _start_subgraph(namespace: tuple[str, ...]) -> dict[str, Any]:
    name, _, call = namespace[-1].partition(":")
    return {
        "event": "started",
        "namespace": list(namespace),
        "graph_name": name,
        "trigger_call_id": call,
    }


def _close_subgraphs(run: _Run, namespace: tuple[str, ...], data: Any) -> Iterator[_Step]:
    """The ends of the subgraphs that a task ran, when the task has a result."""
    if not isinstance(data, Mapping) or "result" not in data:
        return
    event = "failed" if data.get("error") else "completed"
    if data.get("interrupts"):
        event = "interrupted"
    child = (*namespace, f"{data.get('name')}:{data.get('id')}")
    if run.subgraphs.get(child):
        error = str(data["error"]) if event == "failed" else None
        yield _end_subgraph(run, child, event, error)


def _end_subgraph(
    run: _Run, namespace: tuple[str, ...], event: str, error: str | None = None
) -> _Step:
    run.subgraphs[namespace] = False
    told = {"event": event, "graph_name": namespace[-1].partition(":")[0]}
    if error is not None:
        told["error"] = error
    return _Step("lifecycle", namespace, told, _name_life(namespace, event))


def _name_life(namespace: tuple[str, ...], event: str) -> str:
    return f"lc|{'/'.join(namespace)}|{event}"


def _without_interrupts(data: Any) -> Any:
    if isinstance(data, Mapping) and "__interrupt__" in data:
        return {name: value for name, value in data.items() if name != "__interrupt__"}
    return data


def _describe_checkpoint(data: Any) -> Any:
    """LangGraph's own shape, as Python reads it, with the protocol's four fields beside it."""
    if not isinstance(data, Mapping):
        return data
    metadata = data.get("metadata") or {}
    described = {
        "id": _find_checkpoint(data.get("config")),
        "parent_id": _find_checkpoint(data.get("parent_config")),
        "step": metadata.get("step"),
        "source": metadata.get("source"),
    }
    return {**data, **{name: value for name, value in described.items() if value is not None}}


def _find_checkpoint(config: Any) -> Any:
    place = config.get("configurable") if isinstance(config, Mapping) else None
    return place.get("checkpoint_id") if isinstance(place, Mapping) else None
