"""What a graph is as a tool, and what a run is as the result of a call. Pure."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from graphwarden.api.registry import Row
from graphwarden.worker.encoding import dumps
from graphwarden.worker.runs import Outcome

_INTERRUPT = "__interrupt__"


def describe_row(row: Row) -> str | None:
    """What the graph's author says of it: of its builder, or else of its module."""
    module = sys.modules.get(row.module)
    builder = getattr(module, row.builder_attr or "", None)
    said = inspect.getdoc(builder) if inspect.isroutine(builder) else None
    said = said or (inspect.getdoc(module) if module is not None else None)
    return " ".join(said.split("\n\n", 1)[0].split()) if said else None


def render_outcome(outcome: Outcome) -> dict[str, Any]:
    """The result of a call: the output as text and as itself, or what went wrong."""
    if outcome.error is not None:
        return _failed(f"{outcome.error['error']}: {outcome.error['message']}")
    if outcome.status == "interrupted" and outcome.values is None:
        return _failed("the run was cancelled")
    values = outcome.values
    text = dumps(values).decode()
    if isinstance(values, dict) and _INTERRUPT in values:
        return _failed(
            "the graph stopped to ask something, and a tool call has no thread on which it could "
            f"be answered: {text}"
        )
    result: dict[str, Any] = {"content": [_text(text)], "isError": False}
    if isinstance(values, dict):
        result["structuredContent"] = values
    return result


def _failed(text: str) -> dict[str, Any]:
    return {"content": [_text(text)], "isError": True}


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}
