"""Pods as the operator sees them: objects in the API server, and a worker that answers.

There is no kubelet here: the test makes the pods and says that they run, and a small server on a
loopback address of its own stands where the worker would: the port is always the same.
"""

from __future__ import annotations

import errno
import itertools
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from graphwarden.api.names import WORKER_PORT

_ATTEMPTS = 20


class Worker:
    """The load table that the pod answers."""

    def __init__(self) -> None:
        self.address = ""
        self.rows: list[dict[str, Any]] = []
        self.in_flight = 0

    def say(self, graph: dict[str, Any], **row: Any) -> None:
        own = {
            "assistant_id": graph["spec"]["assistantID"],
            "generation": graph["metadata"]["generation"],
        }
        self.rows = [{**own, **row}]


@contextmanager
def run_worker() -> Iterator[Worker]:
    """A worker on a loopback address that nobody else listens on."""
    worker = Worker()

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

    with _listen(Handler) as server:
        worker.address = str(server.server_address[0])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield worker
        server.shutdown()
        thread.join()


def _listen(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    for attempt in itertools.count(1):
        address = ".".join(map(str, (127, *(random.randint(1, 254) for _ in range(3)))))
        try:
            return ThreadingHTTPServer((address, WORKER_PORT), handler)
        except OSError as error:
            if attempt == _ATTEMPTS or error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError("the last attempt returns or raises")


def start_pod(api: Any, worker: Worker, name: str = "worker-1", *, ready: bool = True) -> None:
    """A pod of pool email, as its Deployment would make it, with the address of a worker."""
    template = api.get("Deployment", "graphpool-email")["spec"]["template"]
    meta = {"name": name, "labels": template["metadata"]["labels"]}
    # The namespace enforces the restricted Pod Security standard.
    api.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]})
    status = {
        "phase": "Running",
        "podIP": worker.address,
        "podIPs": [{"ip": worker.address}],
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
    }
    api.patch("Pod", name, {"status": status}, subresource="/status")
