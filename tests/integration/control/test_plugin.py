"""`kubectl graphs`, run by a real kubectl against a real API server with the operator at work.

There is no kubelet here: pods are made by hand, and a small server stands where the router would.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.integration

_HOME = Path(os.environ.get("LOCALCLUSTER_HOME", Path.home() / ".cache/localcluster"))
METRICS = """\
# TYPE graphwarden_router_in_flight gauge
graphwarden_router_in_flight{{capability="{pool}"}} 3.0
# TYPE graphwarden_router_queue_depth gauge
graphwarden_router_queue_depth{{capability="{pool}"}} 2.0
"""


class Run:
    """`kubectl graphs ...` with the rights and the namespace of a kubeconfig."""

    def __init__(self, kubeconfig: Path, kubectl: Path) -> None:
        path = f"{Path(sys.executable).parent}:{kubectl.parent}:{os.environ['PATH']}"
        self._env = {**os.environ, "PATH": path, "KUBECONFIG": str(kubeconfig)}

    def __call__(
        self, *words: str, stdin: str = "", program: str = ""
    ) -> subprocess.CompletedProcess[str]:
        command = ["kubectl", *([program] if program else []), "graphs", *words]
        return subprocess.run(command, env=self._env, input=stdin, capture_output=True, text=True)

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = ["kubectl", "graphs", *words]
        return subprocess.Popen(command, env=self._env, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def graphs(kubeconfig: Path, api: Any, tmp_path: Path) -> Run:
    """`kubectl graphs ...` in the test's namespace, which the kubeconfig's context names."""
    kubectl = _HOME / "bin/kubectl"
    if not kubectl.exists():
        found = shutil.which("kubectl")
        if found is None:
            pytest.skip("no kubectl: run tests/cluster/localcluster build api")
        kubectl = Path(found)
    config = yaml.safe_load(kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = api.namespace
    own = tmp_path / "kubeconfig"
    own.write_text(yaml.safe_dump(config))
    return Run(own, kubectl)


@dataclass
class Router:
    """What stands in the router's place: what it was asked, and what it answers to runs."""

    pool: str
    key: str = ""
    answer: tuple[int, Any] = (200, {"subject": "hi"})
    bodies: list[Any] = field(default_factory=list)


@pytest.fixture
def router(api: Any) -> Iterator[Router]:
    """A Service `graphwarden-router` whose one pod is a server of this test."""
    address = _find_own_address()
    router = Router(f"{api.namespace}/email")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, METRICS.format(pool=router.pool).encode())

        def do_POST(self) -> None:
            router.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            if router.key and self.headers.get("x-api-key") != router.key:
                self._answer(401, b'{"detail": "no key", "reason": "Unauthenticated"}')
            else:
                status, value = router.answer
                self._answer(status, json.dumps(value).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.send_header("x-trace-id", "abc")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer((address, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            _make_router_service(api, address, server.server_port)
            yield router
        finally:
            server.shutdown()
            thread.join()


def _find_own_address() -> str:
    """An address of this machine that is not loopback: the API server sends nothing there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def _make_router_service(api: Any, address: str, port: int) -> None:
    meta = {
        "name": "graphwarden-router",
        "namespace": api.namespace,
        "labels": {"app.kubernetes.io/name": "graphwarden-router"},
    }
    ports = [{"name": "http", "port": 80, "targetPort": port}]
    api.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": ports}})
    _start_router_pod(api, meta, address)
    # The API server sends a call only to the address of a pod that it knows.
    pod = {"kind": "Pod", "namespace": api.namespace, "name": meta["name"]}
    api.create(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": meta["name"]}},
            "addressType": "IPv4",
            "endpoints": [
                {"addresses": [address], "conditions": {"ready": True}, "targetRef": pod}
            ],
            "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        }
    )


def _start_router_pod(api: Any, meta: dict[str, Any], address: str) -> None:
    container = {
        "name": "router",
        "image": "registry.example/router:1",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    spec = {
        "containers": [container],
        "serviceAccountName": meta["name"],
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    api.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    status = {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    api.patch("Pod", meta["name"], {"status": status}, subresource="/status")


def _conditions(api: Any, name: str) -> dict[str, tuple[str, str]]:
    found = api.get("GraphSpec", name).get("status", {}).get("conditions", [])
    return {c["type"]: (c["status"], c["reason"]) for c in found}


@pytest.fixture
def graph(api: Any, operator: Any, make_graph: Any, eventually: Any) -> dict[str, Any]:
    applied: dict[str, Any] = api.apply(make_graph("a"))
    eventually(lambda: api.find("Deployment", "graphpool-email"))
    eventually(lambda: "Ready" in _conditions(api, "a"))
    return applied


def test_status_has_a_line_per_pool_with_the_routers_figures(
    graphs: Run, graph: Any, router: Router
) -> None:
    done = graphs("status", "-o", "json")
    assert done.returncode == 0, done.stderr
    (line,) = json.loads(done.stdout)
    assert (line["pool"], line["graphs"], line["loaded"]) == ("email", 1, 0)
    assert (line["in_flight"], line["queued"], line["max_queued"]) == (3, 2, 200)
    assert line["errors"] == ["a: PoolUnavailable: Pool email has no ready replica."]


def test_a_watch_prints_what_changes_until_it_is_interrupted(
    graphs: Run, api: Any, graph: Any, router: Router, make_graph: Any
) -> None:
    with graphs.start("status", "--watch", "-o", "json") as watch:
        assert watch.stdout is not None
        (line,) = json.loads(watch.stdout.readline())
        assert line["graphs"] == 1
        api.apply(make_graph("b"))
        while line["graphs"] == 1:
            (line,) = json.loads(watch.stdout.readline())
        watch.send_signal(signal.SIGINT)
        assert watch.wait(10) == 0


def test_errors_names_reason_and_remedy_and_exits_with_1(graphs: Run, graph: Any) -> None:
    done = graphs("errors")
    assert done.returncode == 1, done.stderr
    assert "graphspec/a" in done.stdout
    assert "PoolUnavailable" in done.stdout
    assert "kubectl describe deployment graphpool-email" in done.stdout


def test_a_run_goes_through_the_api_server_to_the_router(
    graphs: Run, api: Any, router: Router
) -> None:
    done = graphs("run", "a", "--input", "-", stdin='{"to": "x"}')
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"subject": "hi"}
    assert router.bodies == [{"assistant_id": "a", "input": {"to": "x"}}]


def test_a_router_that_wants_a_key_gets_the_one_that_is_given(
    graphs: Run, api: Any, router: Router
) -> None:
    router.key = "secret"
    without = graphs("run", "a")
    assert (without.returncode, "--api-key" in without.stderr) == (4, True)
    done = graphs("run", "a", "--api-key", "secret")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"subject": "hi"})


def test_what_the_router_refuses_is_told_in_its_words(
    graphs: Run, api: Any, router: Router
) -> None:
    router.answer = (503, {"detail": "graph 'a' is suspended", "reason": "GraphSuspended"})
    done = graphs("run", "a")
    assert (done.returncode, "503: graph 'a' is suspended" in done.stderr) == (4, True)


def test_without_a_router_a_run_says_so(graphs: Run, api: Any) -> None:
    done = graphs("run", "a")
    assert (done.returncode, "graphwarden-router" in done.stderr) == (3, True)
    assert "Traceback" not in done.stderr


def test_a_drain_suspends_the_pools_graphs_and_its_end_leaves_others_alone(
    graphs: Run, api: Any, graph: Any, make_graph: Any, eventually: Any
) -> None:
    api.apply(make_graph("b", suspend=True))
    api.apply(make_graph("elsewhere", capability="other"))
    done = graphs("drain", "email")
    assert done.returncode == 0, done.stderr
    assert "graphspec/a suspended" in done.stdout
    eventually(lambda: _conditions(api, "a")["Accepted"] == ("False", "Suspended"))
    assert not api.get("GraphSpec", "elsewhere")["spec"]["suspend"]
    undone = graphs("drain", "email", "--undo")
    assert (undone.returncode, undone.stdout) == (0, "graphspec/a admits runs again\n")
    eventually(lambda: _conditions(api, "a")["Accepted"] == ("True", "Accepted"))
    assert api.get("GraphSpec", "b")["spec"]["suspend"]


def test_a_restart_marks_the_deployment_and_the_operator_leaves_the_mark(
    graphs: Run, api: Any, graph: Any, operator: Any, make_graph: Any, eventually: Any
) -> None:
    def mark() -> Any:
        template = api.get("Deployment", "graphpool-email")["spec"]["template"]
        return template["metadata"].get("annotations", {}).get("kubectl.kubernetes.io/restartedAt")

    assert mark() is None
    done = graphs("restart", "email", "--no-wait")
    assert (done.returncode, done.stdout) == (0, "deployment/graphpool-email restarted\n")
    before = mark()
    assert before is not None
    api.apply(make_graph("b"))
    eventually(lambda: _conditions(api, "b").get("Accepted") == ("True", "Accepted"))
    assert mark() == before


def test_a_restart_is_waited_for_until_every_pod_is_new(
    graphs: Run, api: Any, graph: Any, eventually: Any
) -> None:
    generation = api.get("Deployment", "graphpool-email")["metadata"]["generation"]

    def finish() -> None:
        name = "graphpool-email"
        eventually(lambda: api.get("Deployment", name)["metadata"]["generation"] > generation)
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), 1)
        counts |= {"availableReplicas": 1, "observedGeneration": generation + 1}
        api.patch("Deployment", name, {"status": counts}, subresource="/status")

    thread = threading.Thread(target=finish)
    thread.start()
    done = graphs("restart", "email")
    thread.join()
    assert done.returncode == 0, done.stderr
    assert "email: 1 of 1 replaced and ready" in done.stdout


def test_explain_says_which_graphspec_wins_and_why(
    graphs: Run, api: Any, graph: Any, make_graph: Any, router: Router, eventually: Any
) -> None:
    name = graph["spec"]["assistantID"]
    api.apply(make_graph("b", assistantID=name))
    eventually(lambda: _conditions(api, "b").get("Accepted") == ("False", "AssistantIDConflict"))
    done = graphs("explain", name)
    assert done.returncode == 0, done.stderr
    assert f"it wins over {api.namespace}/b" in done.stdout
    assert f"{api.namespace}/b: not accepted: AssistantIDConflict" in done.stdout
    assert "held up to 120 s for a worker" in done.stdout
    assert "503 PoolUnavailable" in done.stdout


def test_explain_of_an_unknown_assistant_is_a_refusal(graphs: Run, graph: Any) -> None:
    done = graphs("explain", "nobody", "-o", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["status"] == 422


def test_the_namespace_may_be_named_before_or_after_the_command(graphs: Run, graph: Any) -> None:
    before, after = graphs("-n", "elsewhere", "status"), graphs("status", "-n", "elsewhere")
    assert "namespace elsewhere has no GraphSpec" in before.stderr
    assert before.stderr == after.stderr


def test_a_context_that_does_not_exist_is_told_by_kubectl(graphs: Run, api: Any) -> None:
    done = graphs("status", "--context", "nowhere")
    assert (done.returncode, "nowhere" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr


def test_a_cluster_that_does_not_answer_is_told(graphs: Run, api: Any) -> None:
    done = graphs("errors", "--kubeconfig", "/dev/null")
    assert (done.returncode, "the API server does not answer" in done.stderr) == (3, True)
    assert "Traceback" not in done.stderr


def test_a_caller_without_rights_is_told_what_it_may_not_do(
    graphs: Run, api: Any, tmp_path: Path
) -> None:
    config = yaml.safe_load((tmp_path / "kubeconfig").read_text())
    config["users"][0]["user"]["as"] = "nobody"
    other = tmp_path / "nobody"
    other.write_text(yaml.safe_dump(config))
    done = graphs("errors", "--kubeconfig", str(other))
    assert done.returncode == 4
    assert 'User "nobody" cannot list resource "graphspecs"' in done.stderr


def test_kubectl_completes_commands_and_pools(graphs: Run, graph: Any) -> None:
    words = graphs("dra", program="__complete").stdout.splitlines()
    assert (words[0].split("\t")[0], words[-1]) == ("drain", ":4")
    assert graphs("drain", "e", program="__complete").stdout.splitlines() == ["email", ":4"]
