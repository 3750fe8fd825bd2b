"""The router, through the API server's proxy for Services or at an address of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from graphwarden.api import names
from graphwarden.api.errors import TRACE_HEADER
from graphwarden.cli import REFUSED, UNREACHABLE, USAGE
from graphwarden.cli.client import is_loopback, make_headers
from graphwarden.cli.plugin.cluster import (
    GRAPHSPECS,
    PODS,
    Cluster,
    PluginError,
    Refused,
    read_object,
)
from graphwarden.cli.plugin.gauges import Gauges, RouterView, add_gauges, parse_gauges
from graphwarden.cli.plugin.pods import is_ready

_PORT_NAME = "http"
_LOOK_SECONDS = 10.0
KEY_HINT = (
    "the router asks for a key: give one with --api-key or GRAPHWARDEN_API_KEY "
    "(the first one: kubectl get secret graphwarden-first-key -o jsonpath='{.data.key}' "
    "| base64 -d); where it takes tokens of the cluster, give one together with --url"
)


@dataclass(frozen=True)
class RouterAccess:
    """How the user wants the router to be reached."""

    url: str | None = None
    api_key: str | None = None
    namespace: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with each call.

        The API server keeps `authorization` to itself, so only a direct call can carry a token.
        """
        headers = make_headers(self.api_key)
        if self.url is not None and self.api_key:
            headers["authorization"] = f"Bearer {self.api_key}"
        return headers


class Router:
    """The router's HTTP API under whatever prefix leads to it."""

    def __init__(
        self,
        http: httpx.Client,
        prefix: str,
        access: RouterAccess,
        place: str,
        peers: Sequence[str] = (),
    ) -> None:
        self._http, self._prefix, self._access = http, prefix, access
        self.place = place
        self._peers = peers

    def ask(
        self, method: str, path: str, *, timeout: httpx.Timeout | None = None, **options: Any
    ) -> httpx.Response:
        """The router's answer, whatever it is.

        Raises:
            PluginError: something before the router answered, or nothing.
        """
        return self._ask(self._prefix, method, path, timeout=timeout, **options)

    def look(self) -> RouterView:
        """The figures of its pools. A router that cannot be asked is no reason to stop."""
        if len(self._peers) > 1:
            # Each replica counts its own calls.
            try:
                views = [self._look(peer) for peer in self._peers]
                return RouterView(add_gauges(views), routers=len(views))
            except PluginError as error:
                alone = f"the figures are of one router of {len(self._peers)}: {error.message}"
        else:
            alone = None
        try:
            return RouterView(self._look(self._prefix), alone)
        except PluginError as error:
            return RouterView(silence=error.message)

    def _look(self, prefix: str) -> dict[str, Gauges]:
        answer = self._ask(prefix, "GET", "/metrics")
        try:
            return parse_gauges(answer.raise_for_status().text)
        except (httpx.HTTPStatusError, ValueError) as error:
            said = f"{self.place} gives no metrics: {answer.status_code}"
            raise PluginError(said, UNREACHABLE) from error

    def _ask(
        self,
        prefix: str,
        method: str,
        path: str,
        *,
        timeout: httpx.Timeout | None = None,
        **options: Any,
    ) -> httpx.Response:
        try:
            answer = self._http.request(
                method,
                prefix + path,
                headers=self._access.headers,
                timeout=timeout or httpx.Timeout(_LOOK_SECONDS),
                **options,
            )
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            raise PluginError(f"no answer from {self.place}: {said}", UNREACHABLE) from error
        self._check(answer)
        return answer

    def _check(self, answer: httpx.Response) -> None:
        if answer.is_success or TRACE_HEADER in answer.headers:
            if answer.status_code == httpx.codes.UNAUTHORIZED and not self._access.api_key:
                raise PluginError(KEY_HINT, REFUSED)
            return
        body = read_object(answer) or {}
        said = str(body.get("message") or " ".join(answer.text.split())[:300])
        if answer.status_code == httpx.codes.FORBIDDEN:
            hint = "ask for `create` and `get` on services/proxy, or name the router with --url"
            raise PluginError(f"your account may not reach {self.place}: {said}; {hint}", REFUSED)
        raise PluginError(f"no answer from {self.place}: {said}", UNREACHABLE)


@contextmanager
def open_router(cluster: Cluster, access: RouterAccess) -> Iterator[Router]:
    """The router of a cluster.

    Raises:
        PluginError: the address given is none.
    """
    if access.url is not None:
        _check_url(access.url)
        with httpx.Client(base_url=access.url, trust_env=not is_loopback(access.url)) as http:
            yield Router(http, "", access, access.url)
        return
    namespace = access.namespace or _find_namespace(cluster)
    service = f"{names.ROUTER_SERVICE}:{_PORT_NAME}"
    space = f"/api/v1/namespaces/{quote(namespace, safe='')}"
    place = f"Service {namespace}/{names.ROUTER_SERVICE}"
    peers = [
        f"{space}/pods/{name}:{names.ROUTER_PORT}/proxy" for name in _find_pods(cluster, namespace)
    ]
    yield Router(cluster.http, f"{space}/services/{service}/proxy", access, place, peers)


def _check_url(url: str) -> None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise PluginError(f"--url {url}: {error}", USAGE) from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise PluginError(f"--url {url}: write it as http://HOST:PORT", USAGE)


def _find_pods(cluster: Cluster, namespace: str) -> list[str]:
    """The ready replicas of the router, as far as the caller may see them."""
    selector = f"{names.LABEL_APP}={names.ROUTER_SERVICE}"
    try:
        pods = Cluster(cluster.http, namespace).list(PODS, selector=selector)
    except Refused:
        return []
    return [pod["metadata"]["name"] for pod in pods if is_ready(pod)]


def _find_namespace(cluster: Cluster) -> str:
    """Where the router stands: graphs may live elsewhere, and their status has its address."""
    for everywhere in (False, True):
        try:
            graphs = cluster.list(GRAPHSPECS, everywhere=everywhere)
        except Refused:
            break
        found = find_router_namespace(graphs)
        if found is not None:
            return found
    return cluster.namespace


def find_router_namespace(graphs: list[dict[str, Any]]) -> str | None:
    """The namespace in the address that a GraphSpec's status has, if one has it."""
    for graph in graphs:
        host = urlsplit(str((graph.get("status") or {}).get("url", ""))).hostname or ""
        service, _, rest = host.partition(".")
        if service == names.ROUTER_SERVICE and rest:
            return rest.split(".")[0]
    return None
