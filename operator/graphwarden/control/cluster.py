"""The Kubernetes API as the operator needs it; the only user of the Kubernetes client."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from kubernetes.aio import client as kubernetes_client
from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient, Resource

from graphwarden.api import names
from graphwarden.api.fleet import ObjectKey
from graphwarden.control import metrics
from graphwarden.control.apply_patch import APPLY_PATCH, render_apply_patch
from graphwarden.control.kinds import (
    ACCESS_REVIEW,
    BY_NAME,
    CHILDREN,
    CONFIG_MAP,
    DEFINITION,
    EVENT,
    GRAPHPOOL,
    GRAPHSPEC,
    POD,
    Kind,
    Manifest,
)

ApiError = ApiException

_TIMEOUT_SECONDS: Final = 30.0
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_HAND_OVER_MANAGER: Final = "graphwarden-handover"
_MERGE_PATCH: Final = "application/merge-patch+json"
# Up to here ConfigMaps are read one by one; above, one list of the namespace is cheaper.
_SINGLE_READS: Final = 20


class NoClusterError(Exception):
    """There is no configuration of a cluster, as a sentence for whoever starts the operator."""


class Cluster:
    """Reads and writes. Every method raises `ApiError` when the API server refuses."""

    def __init__(
        self, client: Any, namespaces: tuple[str, ...] = (), children: Sequence[Kind] = CHILDREN
    ) -> None:
        # The client has no types.
        self._client: Any = DynamicClient(client)  # type: ignore[no-untyped-call]
        self._namespaces: tuple[str | None, ...] = namespaces or (None,)
        self._children = children

    async def list_graphs(self) -> list[Manifest]:
        """Every GraphSpec of the served namespaces."""
        return await self._list_everywhere(GRAPHSPEC)

    async def list_graphpools(self) -> list[Manifest]:
        """Every GraphPool of the served namespaces."""
        return await self._list_everywhere(GRAPHPOOL)

    async def list_pool_keys(self) -> set[ObjectKey]:
        """Every pool that has children, whether it should or not."""
        selector = f"{names.LABEL_MANAGED_BY}={names.FIELD_MANAGER},{names.LABEL_POOL}"
        lists = await asyncio.gather(
            *(self._list_everywhere(kind, selector) for kind in self._children)
        )
        metas = (child["metadata"] for children in lists for child in children)
        return {(meta["namespace"], meta["labels"][names.LABEL_POOL]) for meta in metas}

    async def list_children(self, pool: ObjectKey) -> list[Manifest]:
        """The live children of one pool."""
        selector = _make_selector(pool[1])
        lists = await asyncio.gather(
            *(self._list(kind, pool[0], selector) for kind in self._children)
        )
        return [child for children in lists for child in children]

    async def list_pods(self, pool: ObjectKey) -> list[Manifest]:
        """The pods of one pool."""
        return await self._list(POD, pool[0], _make_selector(pool[1]))

    async def list_job_pods(self, namespace: str, job: str) -> list[Manifest]:
        """The pods of a Job, ended ones too."""
        return await self._list(POD, namespace, f"batch.kubernetes.io/job-name={job}")

    async def list_router_addresses(self, namespace: str) -> list[str]:
        """Where the routers of a namespace answer, as `host:port`, ready or not."""
        pods = await self._list(POD, namespace, f"{names.LABEL_APP}={names.ROUTER_SERVICE}")
        found = [(pod.get("status") or {}) for pod in pods]
        return [
            f"{_bracket(status['podIP'])}:{names.ROUTER_PORT}"
            for status in found
            if status.get("podIP") and status.get("phase") == "Running"
        ]

    async def read_front_proxy(self) -> dict[str, str]:
        """The data of the ConfigMap that says how the API server's front proxy is known."""
        key = ("kube-system", "extension-apiserver-authentication")
        return (await self.read_config_maps([key])).get(key, {})

    async def read_schemas(self) -> dict[str, Any]:
        """The OpenAPI document of our own group and version, which everybody may read."""
        path = f"/openapi/v3/apis/{names.API_VERSION}"
        found: dict[str, Any] = await self._client.request(
            "get", path, serializer=_keep_json, _request_timeout=_TIMEOUT_SECONDS
        )
        return found

    async def find_definition(self, name: str) -> Manifest | None:
        """One CustomResourceDefinition."""
        return await self._get(DEFINITION, None, name)

    async def apply_definition(self, body: Manifest) -> None:
        """Server-side apply of a CustomResourceDefinition; its fields are taken by force."""
        await self._client.server_side_apply(
            _make_resource(DEFINITION, namespaced=False),
            body=body,
            field_manager=names.FIELD_MANAGER,
            force_conflicts="true",
            serializer=_keep_json,
            _request_timeout=_TIMEOUT_SECONDS,
        )

    async def may_read_metric(
        self, user: str, groups: Iterable[str], namespace: str, metric: str
    ) -> bool:
        """Whether somebody may get an external metric (SubjectAccessReview)."""
        asked = {"group": "external.metrics.k8s.io", "resource": metric, "verb": "get"}
        body = {
            "apiVersion": ACCESS_REVIEW.api_version,
            "kind": ACCESS_REVIEW.name,
            "spec": {
                "user": user,
                "groups": list(groups),
                "resourceAttributes": {**asked, "namespace": namespace},
            },
        }
        answer = await self._client.create(
            _make_resource(ACCESS_REVIEW, namespaced=False),
            body=body,
            serializer=_keep_json,
            _request_timeout=_TIMEOUT_SECONDS,
        )
        return bool(answer["status"].get("allowed"))

    async def is_there(self, kind: str, namespace: str, name: str, uid: str) -> bool:
        """Whether the object of that uid is there and nobody has asked for its end."""
        answer = await self._client.get(
            _make_resource(BY_NAME[kind]),
            namespace=namespace,
            field_selector=f"metadata.name={name}",
            serializer=_keep_json,
            _request_timeout=_TIMEOUT_SECONDS,
        )
        metas = [item["metadata"] for item in answer["items"]]
        return any(m["uid"] == uid and not m.get("deletionTimestamp") for m in metas)

    async def read_config_maps(self, keys: Iterable[ObjectKey]) -> dict[ObjectKey, dict[str, str]]:
        """The data of those ConfigMaps that exist."""
        wanted: dict[str, set[str]] = {}
        for namespace, name in keys:
            wanted.setdefault(namespace, set()).add(name)
        found = await asyncio.gather(
            *(self._read_config_maps(namespace, sorted(all_)) for namespace, all_ in wanted.items())
        )
        return {key: data for part in found for key, data in part.items()}

    async def apply(self, body: Manifest) -> None:
        """Server-side apply as the operator; fields that are ours are taken by force."""
        await self._apply(body, names.FIELD_MANAGER)

    async def hand_over_replicas(self, namespace: str, name: str, replicas: int) -> None:
        """Let another field manager own a Deployment's `replicas` at its present value."""
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"replicas": replicas},
        }
        await self._apply(body, _HAND_OVER_MANAGER)

    async def delete(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """Delete the object of that uid; one that is gone or has been replaced is no error."""
        resource = _make_resource(BY_NAME[kind])
        # All of it in the body: with one, the API server reads no parameters.
        body: Manifest = {"propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            await self._client.delete(
                resource,
                name=name,
                namespace=namespace,
                body=body,
                serializer=_keep_json,
                _request_timeout=_TIMEOUT_SECONDS,
            )
        except ApiException as error:
            if error.status not in (_NOT_FOUND, _CONFLICT):
                raise
        metrics.count_write(kind, "delete")

    async def annotate_pod(
        self, namespace: str, name: str, annotation: str, value: str | None
    ) -> None:
        """Set one annotation of a pod, or take it away; a pod that is gone is no error."""
        body = {"metadata": {"annotations": {annotation: value}}}
        await self._patch(POD, namespace, name, body)

    async def write_status(self, body: Manifest, status: Mapping[str, Any]) -> None:
        """Replace an object's status; an object that is gone is no error."""
        meta = body["metadata"]
        subresource = f"{meta['name']}/status"
        patch = {"status": dict(status)}
        await self._patch(BY_NAME[body["kind"]], meta["namespace"], subresource, patch)

    async def post_event(self, event: Manifest) -> None:
        """Create an Event."""
        await self._client.create(
            _make_resource(EVENT),
            body=event,
            namespace=event["metadata"]["namespace"],
            field_manager=names.FIELD_MANAGER,
            serializer=_keep_json,
            _request_timeout=_TIMEOUT_SECONDS,
        )
        metrics.count_write(EVENT.name, "create")

    async def _apply(self, body: Manifest, manager: str) -> None:
        kind = BY_NAME[body["kind"]]
        await self._client.patch(
            _make_resource(kind),
            body=render_apply_patch(body),
            name=body["metadata"]["name"],
            namespace=body["metadata"]["namespace"],
            content_type=APPLY_PATCH,
            field_manager=manager,
            force_conflicts="true",
            serializer=_keep_json,
            _request_timeout=_TIMEOUT_SECONDS,
        )
        metrics.count_write(kind.name, "apply")

    async def _patch(self, kind: Kind, namespace: str, name: str, body: Manifest) -> None:
        try:
            await self._client.patch(
                _make_resource(kind),
                body=body,
                name=name,
                namespace=namespace,
                content_type=_MERGE_PATCH,
                field_manager=names.FIELD_MANAGER,
                serializer=_keep_json,
                _request_timeout=_TIMEOUT_SECONDS,
            )
        except ApiException as error:
            if error.status != _NOT_FOUND:
                raise
        metrics.count_write(kind.name, "patch")

    async def _read_config_maps(
        self, namespace: str, wanted: list[str]
    ) -> dict[ObjectKey, dict[str, str]]:
        if len(wanted) > _SINGLE_READS:
            bodies: list[Manifest | None] = [*await self._list(CONFIG_MAP, namespace)]
        else:
            bodies = await asyncio.gather(
                *(self._get(CONFIG_MAP, namespace, name) for name in wanted)
            )
        return {
            (namespace, body["metadata"]["name"]): body.get("data") or {}
            for body in bodies
            if body is not None and body["metadata"]["name"] in wanted
        }

    async def _get(self, kind: Kind, namespace: str | None, name: str) -> Manifest | None:
        try:
            found: Manifest = await self._client.get(
                _make_resource(kind, namespaced=namespace is not None),
                name=name,
                namespace=namespace,
                serializer=_keep_json,
                _request_timeout=_TIMEOUT_SECONDS,
            )
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return found

    async def _list_everywhere(self, kind: Kind, selector: str | None = None) -> list[Manifest]:
        lists = await asyncio.gather(
            *(self._list(kind, namespace, selector) for namespace in self._namespaces)
        )
        return [body for bodies in lists for body in bodies]

    async def _list(
        self, kind: Kind, namespace: str | None, selector: str | None = None
    ) -> list[Manifest]:
        answer = await self._client.get(
            _make_resource(kind),
            namespace=namespace,
            label_selector=selector,
            serializer=_keep_json,
            _request_timeout=_TIMEOUT_SECONDS,
        )
        # Items of a list come without their kind.
        named = {"apiVersion": kind.api_version, "kind": kind.name}
        items = [{**item, **named} for item in answer["items"]]
        if kind not in self._children:
            # Only of children do we ask who owns which field; elsewhere it is half the memory.
            for item in items:
                item["metadata"].pop("managedFields", None)
        return items


@asynccontextmanager
async def connect(
    namespaces: tuple[str, ...] = (), children: Sequence[Kind] = CHILDREN
) -> AsyncIterator[Cluster]:
    """The cluster this pod runs in, or the one that KUBECONFIG names.

    Raises:
        NoClusterError: there is neither.
    """
    configuration = kubernetes_client.Configuration()
    config: Any = kubernetes_config
    try:
        config.load_incluster_config(configuration)
    except kubernetes_config.ConfigException:
        try:
            await config.load_kube_config(
                config_file=os.environ.get("KUBECONFIG"),
                client_configuration=configuration,
                persist_config=False,
            )
        except kubernetes_config.ConfigException as error:
            raise NoClusterError(
                "no cluster to speak to: run in a pod with a service account, "
                f"or set KUBECONFIG ({error})"
            ) from error
    async with kubernetes_client.ApiClient(configuration) as client:
        yield Cluster(client, namespaces, children)


def explain(error: Exception) -> str:
    """What went wrong, in one line; the client's own text of a refusal has a traceback in it."""
    if not isinstance(error, ApiException):
        return f"{type(error).__name__}: {error}"
    return f"{error.status} {error.reason}: {find_message(error)}"


def find_message(error: ApiException) -> str:
    """What the API server said, without the status."""
    try:
        message = json.loads(error.body or "").get("message")
    except (ValueError, AttributeError):
        message = None
    return str(message or error.body)


def _make_selector(capability: str) -> str:
    return f"{names.LABEL_MANAGED_BY}={names.FIELD_MANAGER},{names.LABEL_POOL}={capability}"


def _bracket(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _make_resource(kind: Kind, *, namespaced: bool = True) -> Any:
    # Places are known, so the client's discovery (and its cache file) is not needed.
    make: Any = Resource
    return make(
        prefix="apis" if kind.group else "api",
        group=kind.group,
        api_version=kind.version,
        kind=kind.name,
        namespaced=namespaced,
        name=kind.plural,
    )


def _keep_json(_: Any, data: Any) -> Any:
    return data
