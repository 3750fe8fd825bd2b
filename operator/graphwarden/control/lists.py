"""How lists of named items merge in the Kubernetes API, so that order and neighbours do not matter.

The keys are those of the API's own schema (`x-kubernetes-list-map-keys`, strategic merge keys).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

_KEYS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "containers": (("name",),),
    "initContainers": (("name",),),
    "volumes": (("name",),),
    "env": (("name",),),
    "imagePullSecrets": (("name",),),
    "volumeMounts": (("mountPath",),),
    "volumeDevices": (("devicePath",),),
    "ports": (("containerPort",), ("port",)),
    "ownerReferences": (("uid",),),
    "hostAliases": (("ip",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
}


def find_keys(field: str, items: Sequence[Any]) -> tuple[str, ...] | None:
    """The fields by which items of the list `field` are told apart; None: the list is one value."""
    for keys in _KEYS.get(field, ()):
        if all(isinstance(item, dict) and all(k in item for k in keys) for item in items):
            return keys
    return None


def find_item(
    items: Sequence[Any], keys: tuple[str, ...], like: dict[str, Any]
) -> dict[str, Any] | None:
    """The item that agrees with `like` in all keys."""
    for item in items:
        if isinstance(item, dict) and all(item.get(key) == like.get(key) for key in keys):
            return item
    return None
