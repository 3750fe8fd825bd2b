"""What the operator watches. Every event does nothing but mark a pool.

Only kopf's event handlers are used: they write nothing, neither annotations nor finalizers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import kopf

from graphwarden.api import names
from graphwarden.control.kinds import (
    CHILDREN,
    CONFIG_MAP,
    GRAPHPOOL,
    GRAPHSPEC,
    POD,
    Kind,
    Manifest,
)
from graphwarden.control.queue import FLEET, Queue
from graphwarden.control.sight import Sight
from graphwarden.control.world import find_pool_key

_OURS: Final = f"{names.LABEL_MANAGED_BY}={names.FIELD_MANAGER},{names.LABEL_POOL}"

_SERVER_TIMEOUT_SECONDS: Final = 240
_CLIENT_TIMEOUT_SECONDS: Final = 270
_CONNECT_TIMEOUT_SECONDS: Final = 10
# An API server that is away for minutes must neither end this process nor, once it is back, find
# it asleep: kopf gives up after the last of these.
_RECONNECT_SECONDS: Final = (0.5, 1.0, 2.0, 3.0, *[5.0] * 100)


def make_operator_settings(children: Sequence[Kind] = CHILDREN) -> kopf.OperatorSettings:
    """kopf's settings: silent, without peers, and with watches that cannot hang for ever."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.networking.error_backoffs = _RECONNECT_SECONDS
    settings.watching.server_timeout = _SERVER_TIMEOUT_SECONDS
    settings.watching.client_timeout = _CLIENT_TIMEOUT_SECONDS
    settings.watching.connect_timeout = _CONNECT_TIMEOUT_SECONDS
    for kind in _labelled(children):
        settings.watching.label_selectors[kind.group, kind.version, kind.plural] = _OURS
    return settings


def make_registry(
    queue: Queue,
    sight: Sight,
    is_referenced: Callable[[tuple[str, str]], bool],
    children: Sequence[Kind] = CHILDREN,
) -> kopf.OperatorRegistry:
    """All handlers. `is_referenced` says whether some `contextFrom` names a ConfigMap."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry, id="log_in")
    def log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.event(*_place(GRAPHSPEC), registry=registry)
    def graph_changed(event: Any, **_: Any) -> None:
        body: Manifest = event["object"]
        sight.note_event(body, deleted=event["type"] == "DELETED")
        queue.mark(find_pool_key(body))
        queue.mark(FLEET)

    @kopf.on.event(*_place(GRAPHPOOL), registry=registry)
    def graphpool_changed(namespace: str | None, name: str | None, **_: Any) -> None:
        queue.mark((namespace or "", name or ""))
        queue.mark(FLEET)

    @kopf.on.event(*_place(CONFIG_MAP), registry=registry)
    def config_map_changed(event: Any, **_: Any) -> None:
        meta = event["object"]["metadata"]
        if is_referenced((meta["namespace"], meta["name"])):
            queue.mark(FLEET)
        mark_owner(event["object"])

    def mark_owner(body: Manifest) -> None:
        meta = body["metadata"]
        labels = meta.get("labels") or {}
        if labels.get(names.LABEL_MANAGED_BY) == names.FIELD_MANAGER:
            queue.mark((meta["namespace"], labels.get(names.LABEL_POOL, "")))

    for kind in _labelled(children):

        @kopf.on.event(*_place(kind), registry=registry, id=f"{kind.plural}_changed")
        def child_changed(event: Any, **_: Any) -> None:
            mark_owner(event["object"])

    return registry


def _labelled(children: Sequence[Kind]) -> list[Kind]:
    return [*(kind for kind in children if kind is not CONFIG_MAP), POD]


def _place(kind: Kind) -> tuple[str, str, str]:
    return kind.group, kind.version, kind.plural
