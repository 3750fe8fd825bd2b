"""What the operator does with what pods and workers say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.control.pods import Worker, run_worker, start_pod

pytestmark = pytest.mark.integration

REVISION = "graphwarden.dev/registry-revision"


@pytest.fixture
def worker() -> Iterator[Worker]:
    with run_worker() as worker:
        yield worker


@pytest.fixture
def graph(api: Any, operator: Any, make_graph: Any, eventually: Any) -> dict[str, Any]:
    applied: dict[str, Any] = api.apply(make_graph("a"))
    eventually(lambda: api.find("Deployment", "graphpool-email"))
    return applied


def _condition(api: Any, kind: str) -> tuple[str, str, str]:
    conditions = api.get("GraphSpec", "a").get("status", {}).get("conditions", [])
    found = next((c for c in conditions if c["type"] == kind), None)
    return (found["status"], found["reason"], found["message"]) if found else ("", "", "")


def test_workers_of_two_tests_at_once_have_each_an_address_of_their_own() -> None:
    with run_worker() as one, run_worker() as other:
        assert one.address != other.address


def test_a_graph_that_the_workers_loaded_is_ready(
    api: Any, graph: Any, worker: Worker, eventually: Any
) -> None:
    worker.say(graph, loaded=False, reason="Pending")
    start_pod(api, worker)
    eventually(lambda: _condition(api, "Ready")[1] == "Pending")
    worker.say(graph, loaded=True)
    eventually(lambda: _condition(api, "Loaded")[:2] == ("True", "Loaded"))
    assert _condition(api, "Ready")[:2] == ("True", "Ready")
    assert api.get("GraphSpec", "a")["status"]["loaded"] == "1/1"


def test_a_graph_that_fails_to_load_says_what_the_worker_says(
    api: Any, graph: Any, worker: Worker, eventually: Any
) -> None:
    worker.say(graph, loaded=False, reason="ImportError", message="No module named 'jinja3'")
    start_pod(api, worker, ready=False)
    expected = ("False", "ImportError", "No module named 'jinja3'")
    eventually(lambda: _condition(api, "Loaded") == expected)
    assert _condition(api, "Ready") == expected
    notes = eventually(lambda: [e for e in api.list("Event") if e["reason"] == "ImportError"])
    assert [(e["type"], e["note"]) for e in notes] == [("Warning", "No module named 'jinja3'")]


def test_a_new_row_touches_the_pod_and_restarts_nothing(
    api: Any, graph: Any, worker: Worker, make_graph: Any, eventually: Any
) -> None:
    def revision() -> str:
        found = api.get("Pod", "worker-1")["metadata"].get("annotations", {}).get(REVISION, "")
        return str(found)

    worker.say(graph, loaded=True)
    start_pod(api, worker)
    before = eventually(revision)
    template = api.get("Deployment", "graphpool-email")["spec"]["template"]
    api.apply(make_graph("b"))
    eventually(lambda: revision() not in ("", before))
    assert api.get("Deployment", "graphpool-email")["spec"]["template"] == template
