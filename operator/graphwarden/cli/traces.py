"""`graphwarden runs` and `graphwarden trace`: what the workers of a fleet keep of their runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click
import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from graphwarden.cli import OK
from graphwarden.cli.client import Foreign, look, read_answer
from graphwarden.cli.run_tree import render_duration, render_tree

_PIPE_WIDTH = 10_000


def list_runs(url: str, filters: Mapping[str, str], output: str, api_key: str | None) -> int:
    """Print the last runs, the newest first; the exit code."""
    return look(url, api_key, "/traces", filters, lambda answer: _print_runs(answer, output))


def show_trace(url: str, trace_id: str, output: str, api_key: str | None) -> int:
    """Print one trace as a tree; the exit code."""
    path = f"/traces/{trace_id}"
    return look(url, api_key, path, {}, lambda answer: _print_trace(answer, output))


def _print_runs(answer: httpx.Response, output: str) -> int:
    told = _read(answer, "runs")
    if output == "json":
        click.echo(json.dumps(told, indent=2))
        return OK
    if not told.get("kept"):
        click.echo(
            "no worker keeps traces: set GRAPHWARDEN_TRACES_KEPT, or tracing.kept of the chart",
            err=True,
        )
        return OK
    table = Table(box=None, pad_edge=False)
    for title in ("STARTED", "ASSISTANT", "STATUS", "DURATION", "ERROR", "THREAD", "TRACE"):
        table.add_column(title, no_wrap=True)
    for run in told["runs"]:
        cells = (
            str(run["started_at"])[:19] + "Z",
            run["assistant_id"],
            run["status"],
            render_duration(run["duration_ms"]),
            run["error_type"],
            run["thread_id"],
            run["trace_id"],
        )
        table.add_row(*(Text(str(cell or "")) for cell in cells))
    console = Console()
    if not console.is_terminal:  # one run is one line, for grep
        console.width = _PIPE_WIDTH
    console.print(table)
    _tell_missing(told)
    return OK


def _print_trace(answer: httpx.Response, output: str) -> int:
    told = _read(answer, "spans")
    if output == "json":
        click.echo(json.dumps(told, indent=2))
        return OK
    click.echo(f"trace {told['trace_id']}")
    for line in render_tree(told["spans"]):
        click.echo(line)
    if told.get("left_out"):
        click.echo(f"{told['left_out']} more spans were not kept", err=True)
    _tell_missing(told)
    return OK


def _tell_missing(told: Mapping[str, Any]) -> None:
    if told.get("missing"):
        click.echo(f"not asked, as they did not answer: {', '.join(told['missing'])}", err=True)


def _read(answer: httpx.Response, wanted: str) -> dict[str, Any]:
    told = read_answer(answer)
    if not isinstance(told, dict) or not isinstance(told.get(wanted), list):
        raise Foreign(f"its {answer.request.url.path} lists no {wanted}")
    return told
