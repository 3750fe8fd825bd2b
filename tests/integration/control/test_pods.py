"""Pods as the operator sees them: objects in the API server, and a worker that answers.

There is no kubelet here: the test makes the pods and says that they run, and a small server on a
loopback address stands where the worker would.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ADDRESS = "127.83.119.4"
REVISION = "graphwarden.dev/registry-revision"


class Worker:
    """The load table that the pod answers."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def say(self, graph: dict[str, Any], **row: Any) -> None:
        own = {
            "assistant_id": graph["spec"]["assistantID"],
            "generation": graph["metadata"]["generation"],
        }
        self.rows = [{**own, **row}]


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"version": 1, "capability": "email", "graphs": worker.rows}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer((ADDRESS, 8000), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield worker
        server.shutdown()
        thread.join()


@pytest.fixture
def graph(api: Any, operator: Any, make_graph: Any, eventually: Any) -> dict[str, Any]:
    applied: dict[str, Any] = api.apply(make_graph("a"))
    eventually(lambda: api.find("Deployment", "graphpool-email"))
    return applied


def _start_pod(api: Any, *, ready: bool = True) -> None:
    template = api.get("Deployment", "graphpool-email")["spec"]["template"]
    meta = {"name": "worker-1", "labels": template["metadata"]["labels"]}
    # The namespace enforces the restricted Pod Security standard.
    api.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]})
    status = {
        "phase": "Running",
        "podIP": ADDRESS,
        "podIPs": [{"ip": ADDRESS}],
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
    }
    api.patch("Pod", "worker-1", {"status": status}, subresource="/status")


def _condition(api: Any, kind: str) -> tuple[str, str, str]:
    conditions = api.get("GraphSpec", "a").get("status", {}).get("conditions", [])
    found = next((c for c in conditions if c["type"] == kind), None)
    return (found["status"], found["reason"], found["message"]) if found else ("", "", "")


def test_a_graph_that_the_workers_loaded_is_ready(
    api: Any, graph: Any, worker: Worker, eventually: Any
) -> None:
    worker.say(graph, loaded=False, reason="Pending")
    _start_pod(api)
    eventually(lambda: _condition(api, "Ready")[1] == "Pending")
    worker.say(graph, loaded=True)
    eventually(lambda: _condition(api, "Loaded")[:2] == ("True", "Loaded"))
    assert _condition(api, "Ready")[:2] == ("True", "Ready")
    assert api.get("GraphSpec", "a")["status"]["loaded"] == "1/1"


def test_a_graph_that_fails_to_load_says_what_the_worker_says(
    api: Any, graph: Any, worker: Worker, eventually: Any
) -> None:
    worker.say(graph, loaded=False, reason="ImportError", message="No module named 'jinja3'")
    _start_pod(api, ready=False)
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
    _start_pod(api)
    before = eventually(revision)
    template = api.get("Deployment", "graphpool-email")["spec"]["template"]
    api.apply(make_graph("b"))
    eventually(lambda: revision() not in ("", before))
    assert api.get("Deployment", "graphpool-email")["spec"]["template"] == template
