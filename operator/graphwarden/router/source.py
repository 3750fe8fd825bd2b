"""The table from a Kubernetes cluster: three kinds of objects, listed and then watched."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import aiohttp
from kubernetes.aio import client as kubernetes_client
from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client.exceptions import ApiException

from graphwarden.api import names
from graphwarden.router.objects import KnownGraphs, make_route_table
from graphwarden.router.table import Table, make_table

log = logging.getLogger(__name__)

_GRAPHS: Final = (names.GROUP, names.VERSION, names.GRAPHSPECS, "")
_POOLS: Final = (names.GROUP, names.VERSION, names.GRAPHPOOLS, "")
_SLICES: Final = ("discovery.k8s.io", "v1", "endpointslices", names.LABEL_POOL)
_KINDS: Final = (_GRAPHS, _POOLS, _SLICES)
# The server ends a watch after this; a connection that is silent for longer is dead.
_WATCH_SECONDS: Final = 240
_DEAD_SECONDS: Final = 270
_LIST_SECONDS: Final = 30
_BACKOFF_SECONDS: Final = (0.2, 10.0)
# Events that come together make one table.
_GATHER_SECONDS: Final = 0.005

Kind = tuple[str, str, str, str]
_Key = tuple[Kind, str | None]


class NoClusterError(Exception):
    """There is no configuration of a cluster."""


class KubernetesSource:
    """Keeps the objects, and makes a table whenever one changes.

    While the API server is away the objects stay as they were last seen, and so does the table.
    """

    def __init__(self, namespaces: Sequence[str], swap: Callable[[Table], None]) -> None:
        self._namespaces: list[str | None] = list(namespaces) or [None]
        self._swap = swap
        self._objects: dict[_Key, dict[tuple[str, str], Any]] = {}
        self._known = KnownGraphs()
        self._changed = asyncio.Event()
        self._generation = 0
        self._api: Any = None

    async def follow(self) -> None:
        """Follow the cluster until cancelled.

        Raises:
            NoClusterError: neither a service account nor a kubeconfig was found.
        """
        try:
            kubernetes_config.load_incluster_config()  # type: ignore[no-untyped-call]
        except kubernetes_config.ConfigException:
            try:
                await kubernetes_config.load_kube_config()  # type: ignore[no-untyped-call]
            except (kubernetes_config.ConfigException, OSError) as error:
                raise NoClusterError(f"no cluster to follow: {error}") from error
        async with kubernetes_client.ApiClient() as api_client:
            self._api = kubernetes_client.CustomObjectsApi(api_client)
            async with asyncio.TaskGroup() as tasks:
                for kind in _KINDS:
                    for namespace in self._namespaces:
                        tasks.create_task(self._follow_kind(kind, namespace))
                tasks.create_task(self._make_tables())

    async def _make_tables(self) -> None:
        wanted = len(_KINDS) * len(self._namespaces)
        while True:
            await self._changed.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._changed.clear()
            # Half a table would send callers away that the whole one serves.
            if len(self._objects) == wanted:
                self._generation += 1
                document = make_route_table(
                    self._all(_GRAPHS),
                    self._all(_POOLS),
                    self._all(_SLICES),
                    generation=self._generation,
                    known=self._known,
                )
                self._swap(make_table(document))

    def _all(self, kind: Kind) -> list[Any]:
        return [
            body
            for namespace in self._namespaces
            for body in self._objects[kind, namespace].values()
        ]

    async def _follow_kind(self, kind: Kind, namespace: str | None) -> None:
        pause = _BACKOFF_SECONDS[0]
        while True:
            try:
                version = await self._list(kind, namespace)
                pause = _BACKOFF_SECONDS[0]
                while version:
                    version = await self._watch(kind, namespace, version)
            except (ApiException, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                log.warning("watch of %s broke, listing again: %s", kind[2], _shorten(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _BACKOFF_SECONDS[1])

    async def _list(self, kind: Kind, namespace: str | None) -> str:
        response = await self._get(kind, namespace, seconds=_LIST_SECONDS)
        document = json.loads(await response.read())
        self._objects[kind, namespace] = {_key(body): body for body in document["items"]}
        self._changed.set()
        return str(document["metadata"]["resourceVersion"])

    async def _watch(self, kind: Kind, namespace: str | None, version: str) -> str:
        """Follow changes from a version on; the last version seen, or "" to list again."""
        response = await self._get(
            kind,
            namespace,
            seconds=_DEAD_SECONDS,
            watch=True,
            resource_version=version,
            timeout_seconds=_WATCH_SECONDS,
            allow_watch_bookmarks=True,
        )
        try:
            async for line in _lines(response):
                event = json.loads(line)
                body = event["object"]
                if event["type"] == "ERROR":
                    # 410 Gone and the like: what happened since is not to be had any more.
                    return ""
                version = body["metadata"]["resourceVersion"]
                if event["type"] == "DELETED":
                    self._objects[kind, namespace].pop(_key(body), None)
                elif event["type"] == "BOOKMARK":
                    continue
                else:
                    self._objects[kind, namespace][_key(body)] = body
                self._changed.set()
        finally:
            response.close()
        return version

    async def _get(self, kind: Kind, namespace: str | None, *, seconds: float, **more: Any) -> Any:
        group, version, plural, selector = kind
        options: dict[str, Any] = {**more, "_request_timeout": seconds}
        if selector:
            options["label_selector"] = selector
        if namespace is None:
            call = self._api.list_cluster_custom_object_without_preload_content(
                group, version, plural, **options
            )
        else:
            call = self._api.list_namespaced_custom_object_without_preload_content(
                group, version, namespace, plural, **options
            )
        response = await call
        if response.status != 200:
            reason = (await response.read())[:200].decode(errors="replace")
            raise ApiException(status=response.status, reason=reason)
        return response


async def _lines(response: Any) -> AsyncIterator[bytes]:
    """Lines of any length: a reader's own line limit is below the size of an object."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


def _key(body: Any) -> tuple[str, str]:
    return body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _shorten(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
