"""kubectl, helm and the router of the cluster under test, as the tests speak to them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOCALCLUSTER = ROOT / "tests/cluster/localcluster"
HOME = Path(os.environ.get("LOCALCLUSTER_HOME", Path.home() / ".cache/localcluster"))
NAMESPACE = "sales"
# A busy machine gets more time than a quiet one needs: the seconds that tests name are those of a
# quiet one, and a deadline is there to end what is broken.
PATIENCE = 3

Value = TypeVar("Value")
Manifest = dict[str, Any]


def skip(reason: str) -> NoReturn:
    """Skip the test with the reason; where CI is set nothing is skipped, and the test fails."""
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


class CommandFailed(Exception):
    """A program that ended with an error, with what it said."""


def find_program(name: str) -> str | None:
    """The program that `localcluster build` made, or the machine's own."""
    built = HOME / "bin" / name
    return str(built) if os.access(built, os.X_OK) else shutil.which(name)


def run(*command: str, stdin: str | None = None, **environment: str) -> str:
    """Run a program and return its output.

    Raises:
        CommandFailed: with its errors, when it ends with another code than 0.
    """
    done = subprocess.run(
        command,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def until(what: str, probe: Callable[[], Value | None], seconds: float = 60) -> Value:
    """The first true value of `probe`; an AssertionError that says `what` when time is up."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.1)


class Kube:
    """A namespace of a cluster."""

    def __init__(self, kubeconfig: str, namespace: str = NAMESPACE) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        program = find_program("kubectl")
        assert program, "no kubectl: run tests/cluster/localcluster build, or install it"
        self.program = program

    @property
    def is_local(self) -> bool:
        """Whether this is the cluster of tests/cluster, on this machine."""
        return self.kubeconfig == str(HOME / "run/admin.conf")

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace."""
        place = (f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}")
        return run(self.program, *place, *arguments, stdin=stdin)

    def kubectl_fails(self, *arguments: str) -> str:
        """Run what kubectl has to refuse; gives what it says."""
        try:
            self.kubectl(*arguments)
        except CommandFailed as error:
            return str(error)
        raise AssertionError(f"kubectl {' '.join(arguments)} was allowed")

    def post_raw(self, path: str, body: Manifest) -> None:
        """POST to a place that no command of kubectl has."""
        self.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))

    def helm(self, *arguments: str) -> str:
        """Run helm in the namespace."""
        program = find_program("helm")
        assert program, "no helm: run tests/cluster/localcluster build, or install it"
        place = (f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}")
        return run(program, *place, *arguments)

    def apply(self, *manifests: Manifest) -> None:
        """`kubectl apply` of objects."""
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def create(self, manifest: Manifest) -> Manifest:
        """`kubectl create`; gives the object as the server answers it."""
        text = self.kubectl("create", "-f", "-", "-o", "json", stdin=yaml.safe_dump(manifest))
        created: Manifest = json.loads(text)
        return created

    def delete(self, kind: str, *names: str) -> None:
        """Delete objects, wait for them to go, and do not mind if they are gone."""
        self.kubectl("delete", kind, *names, "--ignore-not-found", "--timeout=180s")

    def find(self, kind: str, name: str) -> Manifest | None:
        """One object, or None."""
        found = self.kubectl("get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(found) if found else None

    def get(self, kind: str, name: str) -> Manifest:
        """One object that is there."""
        found: Manifest = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return found

    def list(self, kinds: str, selector: str = "") -> list[Manifest]:
        """Objects of one kind or of several, separated by commas."""
        found = json.loads(self.kubectl("get", kinds, "-o", "json", "-l", selector))
        items: list[Manifest] = found["items"]
        return items

    def pods(self, capability: str) -> list[Manifest]:
        """The pods of a pool that nobody has asked to leave."""
        workers = "app.kubernetes.io/name=graphwarden-worker"
        pods = self.list("pods", f"graphwarden.dev/pool={capability},{workers}")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def condition(self, name: str, kind: str) -> Manifest:
        """A condition of a GraphSpec; empty when it has none or is not there yet."""
        status = (self.find("graphspec", name) or {}).get("status") or {}
        return next((c for c in status.get("conditions", []) if c["type"] == kind), {})

    def until_condition(
        self, name: str, kind: str, status: str, reason: str | None = None, seconds: float = 90
    ) -> Manifest:
        """The condition of a GraphSpec, once it has this status and reason."""

        def probe() -> Manifest | None:
            found = self.condition(name, kind)
            fits = found.get("status") == status and reason in (None, found.get("reason"))
            return found if fits else None

        return until(f"GraphSpec {name} has {kind}={status} {reason or ''}", probe, seconds)

    def until_ready(self, *names: str, seconds: float = 120) -> None:
        """Wait until these GraphSpecs are callable."""
        for name in names:
            self.until_condition(name, "Ready", "True", seconds=seconds)
            self.until_condition(name, "Loaded", "True", seconds=seconds)


def make_graphspec(name: str, assistant_id: str, capability: str, **spec: Any) -> Manifest:
    """A GraphSpec of the namespace; the module is that of email_reply unless said otherwise."""
    graph = {"module": "graphs.email_reply_graph", "builderAttr": "build_email_reply_graph"}
    return {
        "apiVersion": "graphwarden.dev/v1alpha1",
        "kind": "GraphSpec",
        "metadata": {"name": name},
        "spec": {"assistantID": assistant_id, "capability": capability, **graph, **spec},
    }
