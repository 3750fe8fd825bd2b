"""Calls to a running fleet through its router."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import click
import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from graphwarden.cli import FAILED, OK, REFUSED, UNREACHABLE

_PIPE_WIDTH = 10_000
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
        return (
            f"/threads/{quote(self.thread, safe='')}/runs/{end}" if self.thread else f"/runs/{end}"
        )

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


class Foreign(Exception):
    """What answers there does not speak this contract."""


def run_graph(url: str, call: Call, api_key: str | None) -> int:
    """Run a graph and print its result or its events; the exit code."""

    def run(client: httpx.Client) -> int:
        if call.stream:
            return _print_events(client, call)
        answer = client.post(call.path, json=call.body)
        return print_result(answer) if answer.is_success else print_refusal(answer)

    return call_router(url, api_key, run)


def list_graphs(url: str, output: str, api_key: str | None = None) -> int:
    """Print the fleet behind a router; the exit code."""
    return look(url, api_key, "/graphs", {}, lambda answer: _print_fleet(answer, output))


def look(
    url: str,
    api_key: str | None,
    path: str,
    query: Mapping[str, str],
    show: Callable[[httpx.Response], int],
) -> int:
    """Ask a router for something and show it, or why it was refused; the exit code."""

    def ask(client: httpx.Client) -> int:
        answer = client.get(path, params=query)
        return show(answer) if answer.is_success else print_refusal(answer)

    return call_router(url, api_key, ask)


def call_router(url: str, api_key: str | None, ask: Callable[[httpx.Client], int]) -> int:
    """What `ask` gives, or the exit code of a router that cannot be asked."""
    try:
        with _client(url, make_headers(api_key)) as client:
            return ask(client)
    except _Unreachable as error:
        click.echo(str(error), err=True)
        return UNREACHABLE
    except Foreign as error:
        click.echo(f"{url} is not a Graphwarden router: {error}", err=True)
        return REFUSED


def make_headers(api_key: str | None) -> dict[str, str]:
    """What is sent with every call.

    Raises:
        click.UsageError: the key cannot stand in a header.
    """
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        raise click.UsageError("--api-key: a key has printable ASCII characters only")
    return {"x-api-key": api_key} if api_key else {}


@contextmanager
def _client(url: str, headers: dict[str, str]) -> Iterator[httpx.Client]:
    try:
        with httpx.Client(
            base_url=url, timeout=_TIMEOUT, headers=headers, trust_env=not is_loopback(url)
        ) as client:
            yield client
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise _Unreachable(f"nothing answers at {url}: is `graphwarden up` running?") from error
    except httpx.InvalidURL as error:
        raise click.UsageError(f"--url {url}: {error}") from error
    except httpx.UnsupportedProtocol as error:
        raise click.UsageError(f"--url {url}: write http:// or https:// before it") from error
    except httpx.TransportError as error:
        raise _Unreachable(f"the connection to {url} broke: {error}") from error


def is_loopback(url: str) -> bool:
    """Whether the address is this machine, which no HTTP proxy of the environment can reach."""
    host = httpx.URL(url).host
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_answer(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError) as error:
        kind = answer.headers.get("content-type", "an unknown type")
        raise Foreign(f"it answered {answer.status_code} with {kind}, not JSON") from error


def print_result(answer: httpx.Response) -> int:
    """Print what a run ended with; the exit code."""
    result = read_answer(answer)
    error = result.get("__error__") if isinstance(result, dict) else None
    if isinstance(error, dict):
        return _print_failure(error, answer)
    click.echo(json.dumps(result, indent=2, ensure_ascii=False))
    return OK


def _print_failure(error: dict[str, Any], answer: httpx.Response) -> int:
    click.echo(f"the run failed: {error.get('error')}: {error.get('message')}", err=True)
    click.echo(f"trace {answer.headers.get('x-trace-id', 'unknown')}", err=True)
    return FAILED


def _print_fleet(answer: httpx.Response, output: str) -> int:
    fleet = read_answer(answer)
    if not isinstance(fleet, dict) or not isinstance(fleet.get("graphs"), list):
        raise Foreign("its /graphs lists no graphs")
    if output == "json":
        click.echo(json.dumps(fleet, indent=2))
        return OK
    table = Table(box=None, pad_edge=False)
    for title in ("ASSISTANT", "POOL", "RESUMABLE", "LOADED", "READY", "MESSAGE"):
        table.add_column(title, no_wrap=title != "MESSAGE")
    for graph in fleet["graphs"]:
        cells = (
            graph.get("assistant_id"),
            graph.get("pool"),
            "yes" if graph.get("resumable") else "no",
            graph.get("loaded"),
            "yes" if graph.get("ready") else "no",
            ": ".join(p for p in (graph.get("reason"), graph.get("message")) if p),
        )
        # Messages are of exceptions: square brackets in them are no markup.
        table.add_row(*(Text(str(cell)) for cell in cells))
    console = Console()
    if not console.is_terminal:  # one graph is one line, for grep
        console.width = _PIPE_WIDTH
    console.print(table)
    return OK


def print_refusal(answer: httpx.Response) -> int:
    """Print why a call was refused; the exit code."""
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
            return print_refusal(answer)
        kind = answer.headers.get("content-type", "an unknown type")
        if not kind.startswith("text/event-stream"):
            raise Foreign(f"it answered {kind}, not a stream of events")
        code = OK
        for event, data in read_events(answer.iter_lines()):
            click.echo(json.dumps({"event": event, "data": data}, ensure_ascii=False))
            if event == "error":
                code = _print_failure(data if isinstance(data, dict) else {}, answer)
        return code


def read_events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Events of a server-sent event stream (WHATWG HTML, section 9.2); comments are left out.

    Data that is no JSON is given as its text.
    """
    event, data = "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield event, _parse_data("\n".join(data))
            event, data = "message", []
        elif line.startswith("event:"):
            event = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))


def _parse_data(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
