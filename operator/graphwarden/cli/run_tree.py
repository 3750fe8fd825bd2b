"""A trace as a tree for a terminal. Pure.

POST /threads/{id}/runs/wait                       412 ms
└─ POST 127.0.0.1:8000                             411 ms
   └─ invoke_workflow email_outreach               409 ms  interrupted
      ├─ invoke_node lookup_contact                 12 ms
      ├─ invoke_node draft (attempt 1)              80 ms  ERROR ConnectionError
      └─ invoke_node wait                            1 ms  waits until 2026-12-01T09:00
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Span = Mapping[str, Any]

_INTERRUPT = "langgraph.interrupt"


def render_tree(spans: Sequence[Span]) -> list[str]:
    """One line per span, below the one that it is of; those whose parent is not there come first.

    Args:
        spans: as `/traces/{trace_id}` tells them.
    """
    rows = list(_walk(_sort_below(spans), None, ""))
    width = max((len(label) for label, _ in rows), default=0)
    return [f"{label.ljust(width)}  {told}".rstrip() for label, told in rows]


def _sort_below(spans: Sequence[Span]) -> Mapping[str | None, list[Span]]:
    known = {span["span_id"] for span in spans}
    below: defaultdict[str | None, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda one: (str(one["started_at"]), str(one["span_id"]))):
        parent = span.get("parent_span_id")
        below[parent if parent in known and parent != span["span_id"] else None].append(span)
    return below


def _walk(
    below: Mapping[str | None, list[Span]], parent: str | None, margin: str
) -> Iterator[tuple[str, str]]:
    children = below.get(parent, [])
    for number, span in enumerate(children):
        last = number == len(children) - 1
        # Roots stand at the margin, one below the other.
        branch, indent = ("", "") if parent is None else _choose_branch(last)
        yield margin + branch + make_label(span), make_remark(span)
        yield from _walk(below, span["span_id"], margin + indent)


def _choose_branch(last: bool) -> tuple[str, str]:
    return ("└─ ", "   ") if last else ("├─ ", "│  ")


def make_label(span: Span) -> str:
    """The name of a span, with what tells it from its brothers and sisters."""
    told = span["attributes"]
    label = str(span["name"])
    if span["kind"] == "client" and "server.address" in told:
        port = told.get("server.port")
        label += f" {told['server.address']}" + (f":{port}" if port else "")
    if "langgraph.task.index" in told:
        label += f" #{told['langgraph.task.index']}"
    if told.get("langgraph.task.attempt", 1) > 1 or span["error_type"]:
        attempt = told.get("langgraph.task.attempt")
        label += f" (attempt {attempt})" if attempt else ""
    return label


def make_remark(span: Span) -> str:
    """How long a span took, and how it ended."""
    words = [render_duration(span["duration_ms"])]
    if span["status"] == "error":
        words.append(f"ERROR {span['error_type'] or ''}".rstrip())
        place, line = (span["attributes"].get(f"code.{k}") for k in ("file.path", "line.number"))
        words += [f"{place}:{line}"] if place else []
    for event in span["events"]:
        if event["name"] == _INTERRUPT:
            due = event["attributes"].get("wake_at")
            words.append(f"waits until {due}" if due else "waits for an answer")
    outcome = span["attributes"].get("graphwarden.outcome")
    if outcome in ("interrupted", "cancelled", "timeout") and not span["events"]:
        words.append(str(outcome))
    if span["links"]:
        words.append(f"goes on from trace {span['links'][0]['trace_id']}")
    return "  ".join(words)


def render_duration(milliseconds: float | None) -> str:
    """Eight characters: `412 ms`, `1.3 s`, `2 min`; a span at work is `...`."""
    if milliseconds is None:
        text = "..."
    elif milliseconds < 9.95:
        text = f"{milliseconds:.1f} ms"
    elif milliseconds < 1000:
        text = f"{milliseconds:.0f} ms"
    elif milliseconds < 120_000:
        text = f"{milliseconds / 1000:.1f} s"
    else:
        text = f"{milliseconds / 60_000:.0f} min"
    return text.rjust(8)
