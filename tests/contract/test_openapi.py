"""Calls made up from the OpenAPI document: no odd input brings a worker or the router to a 500.

The inputs are the same in each run. Where a call names something, it often names what there is.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from contract.fleet import running_fleet
from graphwarden.worker.app import list_routes
from graphwarden.worker.openapi import make_document
from worker_process import make_row

ROWS = [
    make_row("echo"),
    make_row("chat"),
    make_row("failing"),
    make_row("asking", resumable=True),
    make_row("kept", "build_echo", resumable=True),
]
THREADS = ["thread-of-kept", "thread-of-asking", "thread-of-nothing"]
# These stay open until somebody leaves.
ENDLESS = {"GET /threads/{thread_id}/stream", "POST /threads/{thread_id}/stream/events"}
KNOWN = {
    "assistant_id": [row["assistant_id"] for row in ROWS],
    "graph_id": [row["assistant_id"] for row in ROWS],
    "thread_id": THREADS,
    "schedule": ["0 9 * * 1"],
    "timezone": ["Europe/Paris"],
    "goto": ["b", "__end__"],
    "as_node": ["b"],
}
load_all_checks()
CHECKED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    ]
)


def name_what_is_there(schema: Any) -> Any:
    """The schema with names that lead somewhere, and without waits."""
    if isinstance(schema, list):
        return [name_what_is_there(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: name_what_is_there(value) for key, value in schema.items()}
    properties = changed.get("properties", {})
    if schema.get("in") == "path" and schema["name"] in KNOWN:
        properties, changed["schema"] = {}, choose(schema["name"], changed["schema"])
    for name in KNOWN.keys() & properties.keys():
        properties[name] = choose(name, properties[name])
    for name in {"after_seconds", "webhook"} & properties.keys():
        # Runs that are due in a year, and hosts that are looked up.
        properties[name] = {"enum": [0, 0.1] if name == "after_seconds" else ["http://127.0.0.1:1"]}
    return changed


def choose(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"enum": KNOWN[name]}, schema]}


DOCUMENT = make_document(list_routes(), "tests")
SCHEMA = schemathesis.openapi.from_dict(name_what_is_there(copy.deepcopy(DOCUMENT)))
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
# What takes away comes last.
LABELS = sorted(
    OPERATIONS.keys() - ENDLESS, key=lambda label: ("DELETE" in label or "prune" in label, label)
)
CALLS = [
    *((label, GenerationMode.POSITIVE) for label in LABELS),
    # Nothing can be wrong where nothing is taken.
    *(
        (label, GenerationMode.NEGATIVE)
        for label in LABELS
        if OPERATIONS[label].body or OPERATIONS[label].query
    ),
]


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A worker, and the router in front of it, with threads of every kind."""
    folder = tmp_path_factory.mktemp("fleet")
    database = f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}"
    with asyncio.Runner() as runner:
        fleet = running_fleet(folder, {"only": ROWS}, database_url=database)
        running = runner.run(fleet.__aenter__())
        for thread in THREADS:
            httpx.post(f"{running.url}/threads", json={"thread_id": thread}).raise_for_status()
            graph = thread.removeprefix("thread-of-")
            if graph != "nothing":
                run = {"assistant_id": graph, "input": {"foo": "x"}}
                made = httpx.post(f"{running.url}/threads/{thread}/runs/wait", json=run)
                made.raise_for_status()
        yield {"worker": running.pools["only"][0].url, "router": running.url}
        runner.run(fleet.__aexit__(None, None, None))


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("label", "mode"), CALLS)
def test_a_call_is_answered_as_documented(
    urls: dict[str, str], label: str, mode: GenerationMode
) -> None:
    @settings(
        max_examples=15,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[label].as_strategy(mode))
    def call(case: Case) -> None:
        for url in urls.values():
            answer = case.call(base_url=url, timeout=20)
            case.validate_response(answer, checks=CHECKED)

    call()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/threads/thread-of-kept/state", {"values": {}, "as_node": {}}),
        ("/threads/thread-of-kept/state", {"values": {}, "checkpoint_id": [[]]}),
        ("/threads/thread-of-kept/state/checkpoint", {"checkpoint": {"checkpoint_id": {}}}),
        ("/threads/thread-of-kept/history", {"metadata": {'a"b': 1}}),
        ("/threads/thread-of-kept/history", {"before": {"checkpoint_id": 5}}),
        ("/threads/thread-of-kept/runs/wait", {"assistant_id": "kept", "checkpoint_id": [1]}),
        ("/threads/search", {"metadata": {"\0": "\0"}}),
        ("/threads/count", {"values": {"a": 2**64 - 1}}),
        ("/assistants/search", {"metadata": {"\0": 1}}),
        ("/assistants/count", {"metadata": {"a": ["\0"]}}),
        ("/runs/crons/search", {"metadata": {"a": {"b": 2**63}}}),
    ],
)
def test_what_no_database_can_look_for_is_told(
    urls: dict[str, str], path: str, body: dict[str, Any]
) -> None:
    if path.startswith("/threads/thread-of"):
        started = {"assistant_id": "kept", "input": {"foo": "x"}, "if_not_exists": "create"}
        httpx.post(f"{urls['worker']}/threads/thread-of-kept/runs/wait", json=started)
    answer = httpx.post(f"{urls['worker']}{path}", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (422, "InvalidRequest")
