"""Pods as the operator sees them: objects in the API server, and a worker that answers.

There is no kubelet here: the test makes the pods and says that they run, and a small server on a
loopback address stands where the worker would.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ADDRESS = "127.83.119.4"


class Worker:
    """The load table that the pod answers."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.rows: list[dict[str, Any]] = []
        self.in_flight = 0

    def say(self, graph: dict[str, Any], **row: Any) -> None:
        own = {
            "assistant_id": graph["spec"]["assistantID"],
            "generation": graph["metadata"]["generation"],
        }
        self.rows = [{**own, **row}]


@contextmanager
def run_worker(address: str = ADDRESS) -> Iterator[Worker]:
    worker = Worker(address)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(
                {
                    "version": 1,
                    "capability": "email",
                    "in_flight": worker.in_flight,
                    "graphs": worker.rows,
                }
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer((address, 8000), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield worker
        server.shutdown()
        thread.join()


def start_pod(
    api: Any, name: str = "worker-1", *, ready: bool = True, address: str = ADDRESS
) -> None:
    """A pod of pool email, as its Deployment would make it."""
    template = api.get("Deployment", "graphpool-email")["spec"]["template"]
    meta = {"name": name, "labels": template["metadata"]["labels"]}
    # The namespace enforces the restricted Pod Security standard.
    api.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]})
    status = {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
    }
    api.patch("Pod", name, {"status": status}, subresource="/status")
