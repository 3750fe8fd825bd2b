"""Calls to a running fleet through its router."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click
import httpx
from rich.console import Console
from rich.table import Table

from graphwarden.cli import FAILED, OK, REFUSED, UNREACHABLE

# Runs may be silent for long; the server keeps the connection alive.
_TIMEOUT = httpx.Timeout(10, read=None)


@dataclass(frozen=True)
class Call:
    """One run that the user asked for."""

    assistant: str
    graph_input: Any = None
    resume: Any = None
    thread: str | None = None
    stream: bool = False

    @property
    def path(self) -> str:
        """Where it is posted."""
        end = "stream" if self.stream else "wait"
        return f"/threads/{self.thread}/runs/{end}" if self.thread else f"/runs/{end}"

    @property
    def body(self) -> dict[str, Any]:
        """What is posted."""
        body: dict[str, Any] = {"assistant_id": self.assistant}
        if self.resume is not None:
            body["command"] = {"resume": self.resume}
        else:
            body["input"] = self.graph_input
        if self.thread:
            body["if_not_exists"] = "create"
        if self.stream:
            body["stream_mode"] = ["updates", "custom"]
        return body


class _Unreachable(Exception):
    """Nothing answers at that address, or no longer."""


def run_graph(url: str, call: Call, api_key: str | None) -> int:
    """Run a graph and print its result or its events; the exit code."""
    headers = {"x-api-key": api_key} if api_key else {}
    try:
        with _client(url, headers) as client:
            if call.stream:
                return _print_events(client, call)
            answer = client.post(call.path, json=call.body)
            if not answer.is_success:
                return _print_refusal(answer)
            return _print_result(answer)
    except _Unreachable as error:
        click.echo(str(error), err=True)
        return UNREACHABLE


def list_graphs(url: str, output: str) -> int:
    """Print the fleet behind a router; the exit code."""
    try:
        with _client(url, {}) as client:
            answer = client.get("/graphs")
    except _Unreachable as error:
        click.echo(str(error), err=True)
        return UNREACHABLE
    if not answer.is_success:
        return _print_refusal(answer)
    if output == "json":
        click.echo(json.dumps(answer.json(), indent=2))
        return OK
    table = Table(box=None, pad_edge=False)
    for title in ("ASSISTANT", "POOL", "RESUMABLE", "LOADED", "READY", "MESSAGE"):
        table.add_column(title)
    for graph in answer.json()["graphs"]:
        message = ": ".join(p for p in (graph.get("reason"), graph.get("message")) if p)
        table.add_row(
            graph["assistant_id"],
            graph["pool"],
            "yes" if graph["resumable"] else "no",
            graph["loaded"],
            "yes" if graph["ready"] else "no",
            message,
        )
    Console().print(table)
    return OK


@contextmanager
def _client(url: str, headers: dict[str, str]) -> Iterator[httpx.Client]:
    try:
        with httpx.Client(base_url=url, timeout=_TIMEOUT, headers=headers) as client:
            yield client
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise _Unreachable(f"nothing answers at {url}: is `graphwarden up` running?") from error
    except httpx.InvalidURL as error:
        raise click.UsageError(f"--url {url}: {error}") from error
    except httpx.UnsupportedProtocol as error:
        raise click.UsageError(f"--url {url}: write http:// or https:// before it") from error
    except httpx.TransportError as error:
        raise _Unreachable(f"the connection to {url} broke: {error}") from error


def _print_result(answer: httpx.Response) -> int:
    result = answer.json()
    error = result.get("__error__") if isinstance(result, dict) else None
    if error:
        click.echo(f"the run failed: {error.get('error')}: {error.get('message')}", err=True)
        click.echo(f"trace {answer.headers.get('x-trace-id', 'unknown')}", err=True)
        return FAILED
    click.echo(json.dumps(result, indent=2, ensure_ascii=False))
    return OK


def _print_refusal(answer: httpx.Response) -> int:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    detail = body.get("detail") if isinstance(body, dict) else None
    click.echo(f"{answer.status_code}: {detail or answer.reason_phrase}", err=True)
    trace = answer.headers.get("x-trace-id")
    if trace:
        click.echo(f"trace {trace}", err=True)
    return REFUSED


def _print_events(client: httpx.Client, call: Call) -> int:
    with client.stream("POST", call.path, json=call.body) as answer:
        if not answer.is_success:
            answer.read()
            return _print_refusal(answer)
        code = OK
        for event, data in read_events(answer.iter_lines()):
            click.echo(json.dumps({"event": event, "data": data}, ensure_ascii=False))
            code = FAILED if event == "error" else code
        return code


def read_events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Events of a server-sent event stream (WHATWG HTML, section 9.2); comments are left out."""
    event, data = "message", ""
    for line in lines:
        if not line:
            if data:
                yield event, json.loads(data)
            event, data = "message", ""
        elif line.startswith("event:"):
            event = line[6:].strip()
        elif line.startswith("data:"):
            data += line[5:].strip()
