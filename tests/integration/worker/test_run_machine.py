"""Runs are created, cancelled, rolled back, killed, resumed and deleted in any order.

A state machine drives two real workers on one database and compares every thread with a model:
what its log must hold, and whether it waits for an answer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    multiple,
    rule,
    run_state_machine_as_test,
)

from worker_process import APP_DIR, BYTECODE, free_port, make_row, write_registry

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ROW = make_row("machine", "build_graph", module="flows.machine", resumable=True)
OPEN = ("pending", "running")
SETTINGS = settings(
    max_examples=4,
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=bool(os.environ.get("CI")),
)


class Workers:
    """Two workers, of which one can be killed at a time; calls find the one that can answer."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self._database_url = database_url
        self._registry = folder / "registry.json"
        write_registry(self._registry, [ROW])
        self._http = httpx.Client(timeout=30)
        self._processes = [self._start(number) for number in range(2)]
        for _, address in self._processes:
            self._until_ready(address)

    def kill(self, number: int) -> None:
        process, _ = self._processes[number]
        process.kill()
        process.wait()
        self._processes[number] = self._start(number)
        self._until_ready(self._processes[number][1])

    def close(self) -> None:
        self._http.close()
        for process, _ in self._processes:
            process.kill()
            process.wait()

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """The answer of the first worker, or of the one it names."""
        answer = self._http.request(method, f"http://{self._processes[0][1]}{path}", json=body)
        holder = answer.headers.get("x-graphwarden-worker")
        if answer.status_code == 421 and holder is not None:
            return self._http.request(method, f"http://{holder}{path}", json=body)
        return answer

    def _start(self, number: int) -> tuple[subprocess.Popen[bytes], str]:
        port = free_port()
        with (self._folder / f"log-{number}").open("ab") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "graphwarden.worker", "--capability", "tests"),
                    *("--registry", str(self._registry), "--port", str(port)),
                    *("--app-dir", str(APP_DIR), "--database-url", self._database_url),
                ],
                env={**os.environ, **BYTECODE},
                stderr=log,
            )
        return process, f"127.0.0.1:{port}"

    def _until_ready(self, address: str) -> None:
        for _ in range(600):
            try:
                if self._http.get(f"http://{address}/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.03)
        raise AssertionError(f"the worker at {address} does not become ready")


class Machine(RuleBasedStateMachine):
    """The rules. A thread in the bundle is one that exists."""

    workers: Workers
    threads = Bundle("threads")

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, list[str]] = {}
        self.waiting: dict[str, str | None] = {}
        self.count = 0

    @rule(target=threads)
    def create(self) -> str:
        thread = str(uuid.uuid4())
        assert self.workers.call("POST", "/threads", {"thread_id": thread}).status_code == 200
        self.logs[thread], self.waiting[thread] = [], None
        return thread

    @rule(thread=threads, asks=st.booleans())
    def run_to_the_end(self, thread: str, asks: bool) -> None:
        name, run = self.start(thread, 0.0, asks=asks)
        assert self.end_of(thread, run) == "success"
        self.ran(thread, name, asks=asks)

    @rule(thread=threads, asks=st.booleans(), number=st.integers(0, 1))
    def kill_while_it_runs(self, thread: str, asks: bool, number: int) -> None:
        name, run = self.start(thread, 0.3, asks=asks)
        self.workers.kill(number)
        assert self.end_of(thread, run) == "success"
        self.ran(thread, name, asks=asks)

    @rule(thread=threads)
    def cancel_while_it_runs(self, thread: str) -> None:
        name, run = self.start(thread, 30.0, asks=False)
        self.until_begun(thread, name)
        answer = self.workers.call("POST", f"/threads/{thread}/runs/{run}/cancel?wait=1")
        assert answer.status_code == 200
        assert self.end_of(thread, run) == "interrupted"
        self.logs[thread].append(f"{name}-begin")
        # It goes on from there: the node that was cancelled is next.
        self.waiting[thread] = None

    @rule(thread=threads)
    def roll_back_while_it_runs(self, thread: str) -> None:
        before = self.waiting[thread]
        name, run = self.start(thread, 30.0, asks=False)
        self.until_begun(thread, name)
        path = f"/threads/{thread}/runs/{run}"
        answer = self.workers.call("POST", f"{path}/cancel?wait=1&action=rollback")
        assert answer.status_code == 200
        assert self.workers.call("GET", path).status_code == 404
        self.waiting[thread] = before

    @rule(thread=threads, answer=st.sampled_from(["yes", "no"]))
    def answer_what_waits(self, thread: str, answer: str) -> None:
        name = self.waiting[thread]
        if name is None:
            return
        body = {"assistant_id": "machine", "command": {"resume": answer}}
        assert self.workers.call("POST", f"/threads/{thread}/runs/wait", body).status_code == 200
        self.logs[thread].append(f"{name}-{answer}")
        self.waiting[thread] = None

    @rule(number=st.integers(0, 1))
    def kill(self, number: int) -> None:
        self.workers.kill(number)

    @rule(thread=consumes(threads))
    def delete(self, thread: str) -> None:
        assert self.workers.call("DELETE", f"/threads/{thread}").status_code == 204
        assert self.workers.call("GET", f"/threads/{thread}").status_code == 404
        del self.logs[thread], self.waiting[thread]

    @rule(target=threads, thread=threads)
    def copy(self, thread: str) -> Any:
        made = self.workers.call("POST", f"/threads/{thread}/copy").json()["thread_id"]
        self.logs[made] = list(self.logs[thread])
        self.waiting[made] = self.waiting[thread]
        return multiple(made)

    def teardown(self) -> None:
        for thread, log in self.logs.items():
            state = self.workers.call("GET", f"/threads/{thread}/state").json()
            found = self.workers.call("GET", f"/threads/{thread}").json()
            assert (state["values"] or {}).get("log", []) == log
            assert bool(state["interrupts"]) == (self.waiting[thread] is not None)
            assert found["status"] in ("idle", "interrupted")
            assert (found["values"] or {}).get("log", []) == log

    def start(self, thread: str, seconds: float, *, asks: bool) -> tuple[str, str]:
        self.count += 1
        name = f"r{self.count}"
        graph_input = {"name": name, "seconds": seconds, "asks": asks}
        body = {"assistant_id": "machine", "input": graph_input}
        answer = self.workers.call("POST", f"/threads/{thread}/runs", body)
        assert answer.status_code == 200, answer.text
        return name, answer.json()["run_id"]

    def ran(self, thread: str, name: str, *, asks: bool) -> None:
        self.logs[thread] += [f"{name}-begin", f"{name}-work"]
        if not asks:
            self.logs[thread].append(f"{name}-unasked")
        self.waiting[thread] = name if asks else None

    def end_of(self, thread: str, run: str) -> str:
        for _ in range(400):
            status = self.workers.call("GET", f"/threads/{thread}/runs/{run}").json()["status"]
            if status not in OPEN:
                return str(status)
            time.sleep(0.05)
        raise AssertionError(f"run {run} does not end")

    def until_begun(self, thread: str, name: str) -> None:
        for _ in range(400):
            state = self.workers.call("GET", f"/threads/{thread}/state").json()
            if f"{name}-begin" in (state.get("values") or {}).get("log", []):
                return
            time.sleep(0.05)
        raise AssertionError(f"{name} does not begin")


@pytest.fixture
def workers(database_url: str) -> Iterator[Workers]:
    with tempfile.TemporaryDirectory() as folder:
        running = Workers(Path(folder), database_url)
        try:
            yield running
        finally:
            running.close()


def test_threads_are_what_their_runs_made_of_them(workers: Workers) -> None:
    bound = type("BoundMachine", (Machine,), {"workers": workers})
    run_state_machine_as_test(bound, settings=SETTINGS)
