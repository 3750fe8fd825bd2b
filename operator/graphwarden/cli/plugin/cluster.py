"""The API server, reached as the user's own kubectl reaches it.

`kubectl proxy` is started on a socket in a folder that only the user can enter. So every way to
sign in that kubectl knows works, and what the user may not do is refused.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import click
import httpx

from graphwarden.api import names
from graphwarden.cli import REFUSED, UNREACHABLE, USAGE

Manifest = Mapping[str, Any]

GRAPHSPECS = f"apis/{names.API_VERSION}/{{}}/{names.GRAPHSPECS}"
GRAPHPOOLS = f"apis/{names.API_VERSION}/{{}}/{names.GRAPHPOOLS}"
DEPLOYMENTS = "apis/apps/v1/{}/deployments"
AUTOSCALERS = "apis/autoscaling/v2/{}/horizontalpodautoscalers"
PODS = "api/v1/{}/pods"
SERVICES = "api/v1/{}/services"
SLICES = "apis/discovery.k8s.io/v1/{}/endpointslices"

FIELD_MANAGER = "kubectl-graphs"
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
# Lists of a large fleet take their time; a run may be silent for as long as it likes.
_TIMEOUT = httpx.Timeout(10, read=60)


class PluginError(click.ClickException):
    """An end with a sentence for the user and an exit code of its own."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        # click ends with it; its annotation says that all of a class end alike.
        vars(self)["exit_code"] = code


class Refused(PluginError):
    """The API server did not do what it was asked; `status` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, REFUSED)
        self.status = status


@dataclass(frozen=True)
class Target:
    """Which cluster and which namespace; None is what kubectl would take."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None

    @property
    def flags(self) -> list[str]:
        """The same for kubectl."""
        flags = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return flags + ([f"--context={self.context}"] if self.context else [])


class Cluster:
    """What the commands ask of the API server, in one namespace unless they say otherwise."""

    def __init__(self, http: httpx.Client, namespace: str) -> None:
        self.http = http
        self.namespace = namespace

    def list(
        self, place: str, *, selector: str = "", everywhere: bool = False
    ) -> list[dict[str, Any]]:
        """Every object of a kind.

        Raises:
            Refused: the caller may not list them, or the cluster does not know the kind.
        """
        query = {"labelSelector": selector} if selector else {}
        where = "" if everywhere else f"namespaces/{quote(self.namespace, safe='')}"
        path = f"/{place.format(where)}".replace("//", "/")
        return list(self._ask("GET", path, params=query).get("items") or [])

    def find(self, place: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """One object, or None when it does not exist."""
        try:
            return self._ask("GET", self._path(place, name, namespace))
        except Refused as refusal:
            if refusal.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def patch(self, place: str, name: str, patch: Manifest) -> dict[str, Any]:
        """Merge a patch into an object; what it is afterwards."""
        return self._ask(
            "PATCH",
            self._path(place, name, None),
            params={"fieldManager": FIELD_MANAGER},
            headers={"content-type": "application/merge-patch+json"},
            content=json.dumps(patch),
        )

    def _path(self, place: str, name: str, namespace: str | None) -> str:
        where = f"namespaces/{quote(namespace or self.namespace, safe='')}"
        return f"/{place.format(where)}/{quote(name, safe='')}"

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self.http.request(method, path, **options)
        except httpx.TransportError as error:
            raise PluginError(f"kubectl proxy broke off: {error}", UNREACHABLE) from error
        body = read_object(answer)
        if answer.is_success and body is not None:
            return body
        if body is None:
            raise PluginError(explain_foreign(answer), UNREACHABLE)
        raise Refused(_explain_refusal(answer, body, path), answer.status_code)


def read_object(answer: httpx.Response) -> dict[str, Any] | None:
    """The JSON object that an answer is; None where it is something else."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def explain_foreign(answer: httpx.Response) -> str:
    """What kubectl itself says in the API server's place, mostly that it cannot reach it."""
    said = " ".join(answer.text.split())[:300]
    return f"the API server does not answer: {answer.status_code} {said}".rstrip()


def _explain_refusal(answer: httpx.Response, body: Manifest, path: str) -> str:
    said = body.get("message") or answer.reason_phrase
    group_missing = answer.status_code == httpx.codes.NOT_FOUND and "page not found" in str(said)
    if names.GROUP in path and (group_missing or "could not find" in str(said)):
        return "this cluster does not know GraphSpecs: install the CRDs (kubectl apply -f crds/)"
    match answer.status_code:
        case httpx.codes.UNAUTHORIZED:
            return f"the API server does not know you: {said}; look at `kubectl auth whoami`"
        case httpx.codes.FORBIDDEN:
            return f"your account may not do that: {said}"
        case _:
            return str(said)


@contextmanager
def open_cluster(target: Target) -> Iterator[Cluster]:
    """The cluster of a target, for as long as the block lasts.

    Raises:
        PluginError: kubectl is missing, or does not understand the target.
    """
    program = find_kubectl()
    namespace = target.namespace or _find_namespace(program, target)
    with tempfile.TemporaryDirectory(prefix="kubectl-graphs-") as folder:
        socket = f"{folder}/api"
        command = [program, "proxy", *target.flags, f"--unix-socket={socket}"]
        with (
            Path(folder, "log").open("w+") as log,
            subprocess.Popen(  # noqa: S603
                command, stdout=subprocess.PIPE, stderr=log, text=True
            ) as process,
        ):
            try:
                _wait_until_up(process, log)
                transport = httpx.HTTPTransport(uds=socket)
                with httpx.Client(
                    base_url="http://localhost", transport=transport, timeout=_TIMEOUT
                ) as http:
                    yield Cluster(http, namespace)
            finally:
                process.terminate()


def find_kubectl() -> str:
    """The user's kubectl.

    Raises:
        PluginError: there is none.
    """
    program = shutil.which("kubectl")
    if program is None:
        raise PluginError("kubectl is not on the PATH; the plugin reaches the cluster by it", USAGE)
    return program


def _wait_until_up(process: subprocess.Popen[str], log: IO[str]) -> None:
    assert process.stdout is not None
    # It says one line when it listens, and none when it cannot.
    if not process.stdout.readline():
        process.wait()
        log.seek(0)
        said = " ".join(log.read().split()).removeprefix("error: ")
        raise PluginError(said or "kubectl proxy did not start", USAGE)


def _find_namespace(program: str, target: Target) -> str:
    command = [program, "config", "view", "--minify", *target.flags]
    done = subprocess.run(  # noqa: S603
        [*command, "-o", "jsonpath={.contexts[0].context.namespace}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0 and done.stdout.strip():
        return done.stdout.strip()
    if done.returncode and not target.flags and _OWN_NAMESPACE.is_file():
        return _OWN_NAMESPACE.read_text().strip()
    return "default"
