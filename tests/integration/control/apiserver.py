"""A real API server: etcd and kube-apiserver on free ports of loopback, without kubelet or
controllers, so that nothing but the operator under test writes."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

_ROOT = Path(__file__).parents[3]
_HOME = Path(os.environ.get("LOCALCLUSTER_HOME", Path.home() / ".cache/localcluster"))
_TOKEN = "integration-tests"
_START_SECONDS = 120
# For pages over plain HTTP: httpx.get reads all authorities at each call, which takes it 30 ms.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def require_programs() -> tuple[Path, Path]:
    """etcd and kube-apiserver as `tests/cluster/localcluster build` leaves them.

    Without them the test is skipped and says why; where CI is set, it fails.
    """
    etcd, server = _HOME / "bin/etcd", _HOME / "bin/kube-apiserver"
    if not (etcd.exists() and server.exists()):
        missing = "no etcd and kube-apiserver: run tests/cluster/localcluster build api"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return etcd, server


@contextmanager
def run_api_server(
    folder: Path, programs: tuple[Path, Path], *, audit: Path | None = None
) -> Iterator[Path]:
    """Start both, apply the CRDs, hand out the path of a kubeconfig, and stop both.

    `audit` is where every request is written down.
    """
    etcd, server = programs
    key, public = folder / "sa.key", folder / "sa.pub"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    subprocess.run(
        ["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True
    )
    (folder / "tokens.csv").write_text(f'{_TOKEN},admin,admin,"system:masters"\n')
    client, peer, port = (find_free_port() for _ in range(3))
    kubeconfig = _write_kubeconfig(folder / "kubeconfig", f"https://127.0.0.1:{port}")
    etcd_command = [
        etcd,
        f"--data-dir={folder}/etcd",
        "--unsafe-no-fsync",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
    ]
    server_command = [
        server,
        f"--etcd-servers=http://127.0.0.1:{client}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder}/certificates",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={public}",
        f"--service-account-signing-key-file={key}",
        f"--token-auth-file={folder}/tokens.csv",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/16",
    ]
    if audit is not None:
        rules = [{"level": "Metadata", "omitStages": ["RequestReceived"]}]
        policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}
        (folder / "audit.yaml").write_text(yaml.safe_dump(policy))
        server_command += [
            f"--audit-log-path={audit}",
            f"--audit-policy-file={folder}/audit.yaml",
        ]
    with _running(etcd_command, folder / "etcd.log"), _running(server_command, folder / "api.log"):
        with Api(kubeconfig) as api:
            api.wait_until_up()
            api.apply_crds()
        yield kubeconfig


@contextmanager
def _running(command: list[Any], log: Path) -> Iterator[None]:
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def fetch_page(url: str) -> httpx.Response:
    """A page of the operator itself, over plain HTTP; fit to be asked for again and again."""
    return httpx.get(url, verify=_NO_AUTHORITIES)


def count_figures(url: str, name: str, without: str = "") -> float:
    """The sum of a metric over its labels, leaving out lines with `without` in them."""
    lines = [line for line in fetch_page(url).text.splitlines() if line.startswith(name)]
    return sum(float(line.split()[-1]) for line in lines if not without or without not in line)


def _write_kubeconfig(path: Path, url: str) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": url, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": {"token": _TOKEN}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


PLACES = {
    "Namespace": "api/v1/namespaces",
    "ConfigMap": "api/v1/{}/configmaps",
    "Pod": "api/v1/{}/pods",
    "Service": "api/v1/{}/services",
    "EndpointSlice": "apis/discovery.k8s.io/v1/{}/endpointslices",
    "ServiceAccount": "api/v1/{}/serviceaccounts",
    "Deployment": "apis/apps/v1/{}/deployments",
    "HorizontalPodAutoscaler": "apis/autoscaling/v2/{}/horizontalpodautoscalers",
    "PodDisruptionBudget": "apis/policy/v1/{}/poddisruptionbudgets",
    "Secret": "api/v1/{}/secrets",
    "Role": "apis/rbac.authorization.k8s.io/v1/{}/roles",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1/{}/rolebindings",
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "NetworkPolicy": "apis/networking.k8s.io/v1/{}/networkpolicies",
    "Job": "apis/batch/v1/{}/jobs",
    "ScaledObject": "apis/keda.sh/v1alpha1/{}/scaledobjects",
    "ValidatingAdmissionPolicy": "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": (
        "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
    ),
    "Event": "apis/events.k8s.io/v1/{}/events",
    "GraphSpec": "apis/graphwarden.dev/v1alpha1/{}/graphspecs",
    "GraphPool": "apis/graphwarden.dev/v1alpha1/{}/graphpools",
    "CustomResourceDefinition": "apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}


class Api:
    """The API server as a test speaks to it: plain HTTP in one namespace, no Kubernetes client."""

    def __init__(
        self, kubeconfig: Path, namespace: str = "default", *, agent: str = "tests"
    ) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.namespace = namespace
        self._http = httpx.Client(
            base_url=cluster["server"],
            verify=_make_ssl_context(kubeconfig.parent, cluster, user),
            headers={"User-Agent": agent}
            | ({"Authorization": f"Bearer {user['token']}"} if "token" in user else {}),
            timeout=20,
        )

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def wait_until_up(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            try:
                if self._http.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise TimeoutError("the API server did not start")

    def apply_crds(self) -> None:
        for path in sorted((_ROOT / "crds").glob("*.yaml")):
            self.apply(yaml.safe_load(path.read_text()))
        end = time.monotonic() + _START_SECONDS
        for kind in ("GraphSpec", "GraphPool"):
            while self._http.get(self.url(kind)).status_code == 404:
                assert time.monotonic() < end, f"{kind} is not served"
                time.sleep(0.1)

    def url(self, kind: str, name: str = "") -> str:
        place = PLACES[kind].format(f"namespaces/{self.namespace}")
        return f"/{place}/{name}" if name else f"/{place}"

    def apply(self, body: dict[str, Any], *, manager: str = "tests") -> dict[str, Any]:
        answer = self.try_apply(body, manager=manager)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def try_apply(self, body: dict[str, Any], *, manager: str = "tests") -> httpx.Response:
        return self._http.patch(
            self.url(body["kind"], body["metadata"]["name"]),
            params={"fieldManager": manager, "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            json=body,
        )

    def try_dry_run(self, body: dict[str, Any]) -> httpx.Response:
        """A creation that is not stored, in which an unknown field is an error."""
        params = {"dryRun": "All", "fieldValidation": "Strict"}
        namespace = body["metadata"].get("namespace", self.namespace)
        url = self.url(body["kind"]).replace(self.namespace, namespace)
        return self._http.post(url, params=params, json=body)

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._http.post(self.url(body["kind"]), json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def post(self, kind: str, name: str, subresource: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._http.post(self.url(kind, name) + subresource, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def patch(
        self, kind: str, name: str, patch: Any, *, subresource: str = "", manager: str = "tests"
    ) -> dict[str, Any]:
        form = "json-patch" if isinstance(patch, list) else "merge-patch"
        answer = self._http.patch(
            self.url(kind, name) + subresource,
            params={"fieldManager": manager},
            headers={"Content-Type": f"application/{form}+json"},
            json=patch,
        )
        assert answer.is_success, answer.text
        return dict(answer.json())

    def delete(self, kind: str, name: str) -> None:
        self._http.delete(self.url(kind, name)).raise_for_status()

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        answer = self._http.get(self.url(kind, name))
        return None if answer.status_code == 404 else dict(answer.json())

    def get(self, kind: str, name: str) -> dict[str, Any]:
        found = self.find(kind, name)
        assert found is not None, f"{kind} {name} does not exist"
        return found

    def read_openapi(self) -> dict[str, Any]:
        """What the server says of all its kinds, as OpenAPI 2."""
        answer = self._http.get("/openapi/v2")
        answer.raise_for_status()
        return dict(answer.json())

    def try_list(self, kind: str, **params: str) -> httpx.Response:
        return self._http.get(self.url(kind), params=params)

    def watch(self, kind: str) -> Iterator[dict[str, Any]]:
        """Every event from now on, with an ADDED for what is there."""
        params = {"watch": "true"}
        with self._http.stream("GET", self.url(kind), params=params, timeout=None) as answer:
            for line in answer.iter_lines():
                yield json.loads(line)

    def list(self, kind: str, **params: str) -> list[dict[str, Any]]:
        answer = self.try_list(kind, **params)
        answer.raise_for_status()
        return list(answer.json()["items"])


def _make_ssl_context(
    folder: Path, cluster: dict[str, Any], user: dict[str, Any]
) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if "client-certificate-data" in user:
        pair = folder / "graphwarden-tests.pem"
        parts = (user["client-certificate-data"], user["client-key-data"])
        pair.write_bytes(b"".join(base64.b64decode(part) for part in parts))
        context.load_cert_chain(pair)
    return context
