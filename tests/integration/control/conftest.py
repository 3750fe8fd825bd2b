"""The operator as a process of its own, against a real API server, in a namespace of the test."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from integration.control.apiserver import (
    Api,
    count_figures,
    fetch_page,
    find_free_port,
    require_programs,
    run_api_server,
)

Value = TypeVar("Value")
_counter = itertools.count()


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cluster that GRAPHWARDEN_TEST_KUBECONFIG names, or an API server of our own."""
    given = os.environ.get("GRAPHWARDEN_TEST_KUBECONFIG")
    if given:
        with Api(Path(given)) as api:
            api.apply_crds()
        yield Path(given)
        return
    with run_api_server(tmp_path_factory.mktemp("api"), require_programs()) as path:
        yield path


@pytest.fixture
def api(kubeconfig: Path) -> Iterator[Api]:
    namespace = f"control-{uuid.uuid4().hex[:8]}"
    with Api(kubeconfig, namespace) as api:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        meta = {"name": namespace, "labels": labels}
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        yield api


class OperatorProcess:
    """`python -m graphwarden.control` in the test's namespace."""

    def __init__(self, kubeconfig: Path, api: Api, folder: Path) -> None:
        self._kubeconfig, self._api = kubeconfig, api
        self.defaults = folder / "pool-defaults.yaml"
        self.defaults.write_text("worker: {image: 'registry.example/graphs:1'}\n")
        self.log = folder / "operator.log"
        self.health_url = ""
        self.metrics_url = ""

    @contextmanager
    def running(self, **environment: str) -> Iterator[None]:
        health, metrics = find_free_port(), find_free_port()
        self.health_url = f"http://127.0.0.1:{health}"
        self.metrics_url = f"http://127.0.0.1:{metrics}/metrics"
        env = {
            **os.environ,
            "KUBECONFIG": str(self._kubeconfig),
            "GRAPHWARDEN_NAMESPACES": self._api.namespace,
            "GRAPHWARDEN_POOL_DEFAULTS": str(self.defaults),
            "GRAPHWARDEN_ROUTER_URL": "http://router",
            "GRAPHWARDEN_HEALTH_PORT": str(health),
            "GRAPHWARDEN_METRICS_PORT": str(metrics),
            "GRAPHWARDEN_LOG_FORMAT": "text",
            **environment,
        }
        command = [sys.executable, "-m", "graphwarden.control"]
        with (
            self.log.open("ab") as out,
            subprocess.Popen(command, env=env, stdout=out, stderr=out) as process,
        ):
            try:
                wait_for(self.is_ready, "the operator to be ready", 120)
                yield
                assert process.poll() is None, self.log.read_text()
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
        assert process.returncode == 0, self.log.read_text()
        assert "Traceback" not in self.log.read_text(), self.log.read_text()

    def is_ready(self) -> bool:
        try:
            return fetch_page(f"{self.health_url}/readyz").is_success
        except httpx.TransportError:
            return False

    def count_passes(self) -> float:
        return count_figures(self.metrics_url, "graphwarden_reconcile_duration_seconds_count")

    def count_writes(self) -> float:
        return count_figures(self.metrics_url, "graphwarden_writes_total")


@pytest.fixture
def program(kubeconfig: Path, api: Api, tmp_path: Path) -> OperatorProcess:
    return OperatorProcess(kubeconfig, api, tmp_path)


@pytest.fixture
def operator(program: OperatorProcess) -> Iterator[OperatorProcess]:
    with program.running():
        yield program


def wait_for(
    look: Callable[[], Value | None], what: str = "the world to change", seconds: float = 20
) -> Value:
    """Look until there is something to see. The limit is there to end, not to measure."""
    end = time.monotonic() + seconds
    while True:
        try:
            seen = look()
            if seen:
                return seen
        except AssertionError:
            if time.monotonic() > end:
                raise
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return wait_for


@pytest.fixture
def make_graph() -> Callable[..., dict[str, Any]]:
    def make(name: str, **spec: Any) -> dict[str, Any]:
        # assistantIDs are unique in the fleet, and tests share a cluster.
        assistant_id = spec.pop("assistantID", f"{name}_{next(_counter)}".replace("-", "_"))
        return {
            "apiVersion": "graphwarden.dev/v1alpha1",
            "kind": "GraphSpec",
            "metadata": {"name": name},
            "spec": {
                "assistantID": assistant_id,
                "capability": "email",
                "module": "graphs.email_reply_graph",
                **spec,
            },
        }

    return make


@pytest.fixture
def make_graphpool() -> Callable[..., dict[str, Any]]:
    def make(name: str = "email", **spec: Any) -> dict[str, Any]:
        return {
            "apiVersion": "graphwarden.dev/v1alpha1",
            "kind": "GraphPool",
            "metadata": {"name": name},
            "spec": spec,
        }

    return make
